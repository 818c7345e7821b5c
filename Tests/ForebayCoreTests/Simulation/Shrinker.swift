import Glibc

/// Leaves steps out of a failing script for as long as it fails in the same way. Each attempt runs in a
/// process of its own, so that a broken invariant, which ends the process, is a failure like others.
struct Shrinker {
  private let kind: String
  private var attempts = 0
  private static let attemptsMax = 600

  static func shrink(_ script: Script, _ failure: Simulation.Failure) -> Script {
    var shrinker = Shrinker(kind: failure.kind)
    var shrunk = script
    if let step = failure.step { shrunk.steps = Array(shrunk.steps.prefix(step + 1)) }
    var size = max(1, shrunk.steps.count / 2)
    while true {
      let before = shrunk.steps.count
      var start = 0
      while start < shrunk.steps.count, shrinker.attempts < attemptsMax {
        var shorter = shrunk
        shorter.steps.removeSubrange(start..<min(start + size, shrunk.steps.count))
        if shrinker.fails(shorter) { shrunk = shorter } else { start += size }
      }
      if shrinker.attempts >= attemptsMax || (size == 1 && shrunk.steps.count == before) {
        return shrunk
      }
      size = max(1, size / 2)
    }
  }

  private mutating func fails(_ script: Script) -> Bool {
    attempts += 1
    return Self.runApart(script)?.kind == kind
  }

  /// Runs a script in a child process. Returns how it failed.
  static func runApart(_ script: Script) -> Simulation.Failure? {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    let child = fork()
    if child == 0 { runAsChild(script, ends[1]) }
    close(ends[1])
    var said: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(ends[0], &buffer, buffer.count)
      guard count > 0 else { break }
      said += buffer[..<count]
    }
    close(ends[0])
    var status: Int32 = 0
    waitpid(child, &status, 0)
    let text = String(decoding: said, as: UTF8.self)
    if status == 0 { return nil }
    // The child tells its step first; one that died has told nothing but its last words.
    guard status & 0x7f == 0, let newline = text.firstIndex(of: "\n") else {
      let words = text.split(separator: "\n").first { $0.contains("atal error") }
      return Simulation.Failure(
        step: nil, text: words.map(String.init) ?? "signal \(status & 0x7f)")
    }
    return Simulation.Failure(
      step: Int(text[..<newline]), text: String(text[text.index(after: newline)...]))
  }

  private static func runAsChild(_ script: Script, _ end: Int32) -> Never {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] { signal(number, SIG_DFL) }
    dup2(end, STDERR_FILENO)
    setenv("SWIFT_BACKTRACE", "enable=no", 1)
    alarm(30)
    guard let failure = Simulation.run(script).failure else { _exit(0) }
    let text = Array("\(failure.step.map(String.init) ?? "end")\n\(failure.text)".utf8)
    var written = 0
    while written < text.count {
      let count = text.withUnsafeBytes {
        write(end, $0.baseAddress! + written, text.count - written)
      }
      guard count > 0 else { break }
      written += count
    }
    _exit(1)
  }
}

/// Swift hides it, because a child of many threads can do little. This one computes, writes and exits.
@_silgen_name("fork") private func fork() -> Int32
