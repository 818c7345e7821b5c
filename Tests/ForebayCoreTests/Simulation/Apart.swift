import Glibc

/// Runs something in a child process, so that a broken invariant, which ends the process, is an answer
/// like others.
enum Apart {
  struct Answer {
    /// What `body` returned; nil if a signal ended it.
    var status: Int32?
    var signal: Int32 = 0
    /// What it wrote to its end of the pipe and to standard error.
    var said = ""

    /// Why it died: the words of the broken invariant.
    var lastWords: String {
      let words = said.split(separator: "\n").first { $0.contains("atal error") }
      return words.map(String.init) ?? "signal \(signal)"
    }
  }

  /// `body` gets its end of the pipe and returns the exit status. It is given up after `seconds`, unless
  /// it sets another alarm.
  static func run(seconds: UInt32 = 30, _ body: (Pen) -> Int32) -> Answer {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return Answer(said: "no pipe") }
    let child = fork()
    if child == 0 {
      for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] { signal(number, SIG_DFL) }
      dup2(ends[1], STDERR_FILENO)
      setenv("SWIFT_BACKTRACE", "enable=no", 1)
      alarm(seconds)
      _exit(body(Pen(end: ends[1])))
    }
    close(ends[1])
    var answer = Answer()
    answer.said = readAll(ends[0])
    close(ends[0])
    var status: Int32 = 0
    waitpid(child, &status, 0)
    answer.signal = status & 0x7f
    if answer.signal == 0 { answer.status = status >> 8 & 0xff }
    return answer
  }

  private static func readAll(_ end: Int32) -> String {
    var said: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(end, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: said, as: UTF8.self) }
      said += buffer[..<count]
    }
  }

  /// The child's end of the pipe.
  struct Pen {
    fileprivate let end: Int32

    func write(_ words: String) {
      let text = Array(words.utf8)
      var written = 0
      while written < text.count {
        let count = text.withUnsafeBytes {
          Glibc.write(end, $0.baseAddress! + written, text.count - written)
        }
        guard count > 0 else { return }
        written += count
      }
    }
  }
}

/// Swift hides it, because a child of many threads can do little. This one computes, writes and exits.
@_silgen_name("fork") private func fork() -> Int32
