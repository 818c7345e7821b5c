import Glibc

/// The inputs of a target that are kept: Tests/Corpora/NAME, which a fuzzer found worth keeping, and
/// Tests/Corpora/regressions/NAME, each of which once went wrong.
package struct Corpus {
  package struct File {
    package let path: String
    package let bytes: [UInt8]
  }

  package let files: [File]

  package init(of target: any FuzzTarget.Type) {
    let here = #filePath
    let tests = here.split(separator: "/").dropLast(2).joined(separator: "/")
    files = ["/\(tests)/Corpora/\(target.name)", "/\(tests)/Corpora/regressions/\(target.name)"]
      .flatMap(Self.files)
  }

  /// Feeds every file. Returns what went wrong, with the file that it went wrong with.
  package static func problems(of target: any FuzzTarget.Type) -> [String] {
    let corpus = Corpus(of: target)
    guard !corpus.files.isEmpty else { return ["\(target.name) has no corpus"] }
    CrashNote.install()
    defer { CrashNote.running(nil) }
    return corpus.files.compactMap { file in
      CrashNote.running("fuzz target \(target.name): \(file.path)")
      let problem = file.bytes.withUnsafeBytes { bytes in
        // Of its own, so that it ends where its memory ends.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyMemory(from: bytes)
        return target.problem(with: UnsafeRawBufferPointer(copy))
      }
      return problem.map { "\(file.path): \($0)" }
    }
  }

  private static func files(in folder: String) -> [File] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      // In place: an entry's memory ends with its name, long before the field does.
      let name = String(
        cString: UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \.d_name)!)
          .assumingMemoryBound(to: CChar.self))
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted().compactMap { name in
      read("\(folder)/\(name)").map { File(path: "\(folder)/\(name)", bytes: $0) }
    }
  }

  private static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&part, 1, part.count, file)
      if count == 0 { return bytes }
      bytes += part[..<count]
    }
  }
}

/// Says which file was being fed when the process was stopped: a test that dies records no issue.
private enum CrashNote {
  private static let capacity = 512
  nonisolated(unsafe) private static let note = UnsafeMutablePointer<UInt8>.allocate(
    capacity: capacity)
  nonisolated(unsafe) private static var length = 0

  static func running(_ text: String?) {
    length = 0
    for byte in (text.map { "\($0) ended the process\n" } ?? "").utf8.prefix(capacity) {
      note[length] = byte
      length += 1
    }
  }

  static func install() {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] { signal(number) { CrashNote.handle($0) } }
  }

  private static func handle(_ number: Int32) {
    if length > 0 { _ = write(STDERR_FILENO, note, length) }
    signal(number, SIG_DFL)
    raise(number)
  }
}
