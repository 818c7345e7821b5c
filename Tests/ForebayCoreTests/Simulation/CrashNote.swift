import Glibc

/// Says which seed was running when an invariant stopped the process: a test that dies can't record
/// an issue any more.
enum CrashNote {
  nonisolated(unsafe) private static let note = UnsafeMutablePointer<UInt8>.allocate(capacity: 128)
  nonisolated(unsafe) private static var length = 0

  static func running(_ seed: UInt64?) {
    let text = seed.map { "simulation: seed \($0) ended the process; make sim SEED=\($0)\n" } ?? ""
    length = 0
    for (index, byte) in text.utf8.prefix(128).enumerated() { note[index] = byte }
    length = min(128, text.utf8.count)
  }

  static func install() {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] {
      signal(number) { number in CrashNote.handle(number) }
    }
  }

  private static func handle(_ number: Int32) {
    if length > 0 { _ = write(STDERR_FILENO, note, length) }
    signal(number, SIG_DFL)
    raise(number)
  }
}
