/// Something that takes bytes from outside. Its documentation says what it must never do with them.
///
/// `make fuzz` feeds it what a fuzzer makes up; the tests feed it the files of its corpus, without a
/// fuzzer. docs/fuzzing.md says how to add one.
package protocol FuzzTarget: SendableMetatype {
  /// Names it for `make fuzz TARGET=…`, and its folder below Tests/Corpora.
  static var name: String { get }
  /// Returns what it did and must not do. What stops the process is as wrong.
  static func problem(with input: UnsafeRawBufferPointer) -> String?
}
