import Glibc
import TestFolder
import Testing

/// A directory of its own, removed with all that is in it when the test ends.
final class Workplace: Sendable {
  private let folder = TestFolder("daemon")
  var path: String { folder.path }

  init() {
    #expect(mkdir(path + "/run", 0o700) == 0 && mkdir(path + "/admin", 0o700) == 0)
  }

  var clientSocket: String { path + "/run/client.sock" }
  var adminSocket: String { path + "/admin/admin.sock" }
  var journal: String { path + "/journal.db" }

  func write(_ text: String, to name: String) -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    close(descriptor)
    return file
  }

  static func read(_ file: String) -> String {
    let descriptor = open(file, O_RDONLY)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var all: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count <= 0 { return String(decoding: all, as: UTF8.self) }
      all += chunk[..<count]
    }
  }
}

/// A program of this package, or of the system, that was started and is ended by its id.
final class Program {
  struct Ended {
    /// The exit status, or 128 and the signal.
    var status: Int32
    var output: String
    var errors: String
  }
  struct StartFailed: Error { var code: Int32 }

  let id: pid_t
  /// The program's standard input, where it was asked for.
  private(set) var input: Int32?
  private let outputFile: String?
  private var isWaitedFor = false

  private init(id: pid_t, input: Int32?, outputFile: String?) {
    self.id = id
    self.input = input
    self.outputFile = outputFile
  }

  /// Nothing outlives its test.
  deinit {
    // Whoever keeps others ends them at its input's end, and then itself.
    var patience = input == nil ? 0 : 400
    closeInput()
    guard !isWaitedFor else { return }
    while patience > 0 {
      if waitpid(id, nil, WNOHANG) != 0 { return }
      usleep(5_000)
      patience -= 1
    }
    kill(SIGKILL)
    waitpid(id, nil, 0)
  }

  /// Where `swift build` puts this package's programs: beside the tests.
  static let folder: String = {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = String(
      decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
  }()

  static func start(
    _ name: String, _ arguments: [String], in workplace: Workplace?, hasInput: Bool = false
  ) throws -> Program {
    let path = name.hasPrefix("/") ? name : "\(folder)/\(name)"
    let outputFile = workplace.map { "\($0.path)/\(UInt64.random(in: 0 ... .max)).out" }
    var ends: [Int32] = [-1, -1]
    if hasInput {
      #expect(pipe(&ends) == 0)
      #expect(fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0)
    }
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    if hasInput {
      posix_spawn_file_actions_adddup2(&files, ends[0], 0)
      posix_spawn_file_actions_addclose(&files, ends[0])
    } else {
      posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
    }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&files, 1, outputFile ?? "/dev/null", flags, 0o600)
    posix_spawn_file_actions_addopen(
      &files, 2, outputFile.map { $0 + ".err" } ?? "/dev/null", flags, 0o600)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    words.append(nil)
    defer { words.forEach { free($0) } }
    var id: pid_t = 0
    var attributes = unblockedSignals()
    defer { posix_spawnattr_destroy(&attributes) }
    let code = posix_spawn(&id, path, &files, &attributes, words, environ)
    if hasInput { close(ends[0]) }
    guard code == 0 else { throw StartFailed(code: code) }
    return Program(id: id, input: hasInput ? ends[1] : nil, outputFile: outputFile)
  }

  /// The tests' threads block signals, and a program would inherit that.
  private static func unblockedSignals() -> posix_spawnattr_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    return attributes
  }

  /// False once it has ended; it can still be asked how by `end`.
  var isRunning: Bool {
    guard !isWaitedFor else { return false }
    var information = siginfo_t()
    let result = waitid(P_PID, id_t(id), &information, WEXITED | WNOHANG | WNOWAIT)
    return result == 0 && information.si_signo == 0
  }

  func kill(_ signal: Int32) { _ = Glibc.kill(id, signal) }

  func type(_ text: String) {
    guard let input else { return }
    let count = write(input, text, text.utf8.count)
    #expect(count == text.utf8.count)
  }

  func closeInput() {
    if let input { close(input) }
    input = nil
  }

  var output: String { outputFile.map { Workplace.read($0) } ?? "" }
  var errors: String { outputFile.map { Workplace.read($0 + ".err") } ?? "" }

  /// Waits for the program's end; generous, since only a broken program needs the limit.
  func end(within seconds: Double = 60) async throws -> Ended {
    for _ in 0..<Int(seconds * 100) {
      if let status = reap(WNOHANG) {
        return Ended(status: status, output: output, errors: errors)
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("process \(id) doesn't end: \(errors)")
    kill(SIGKILL)
    return Ended(status: reap(0) ?? -1, output: output, errors: errors)
  }

  private func reap(_ options: Int32) -> Int32? {
    var status: Int32 = 0
    guard waitpid(id, &status, options) == id else { return nil }
    isWaitedFor = true
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}

extension Workplace {
  /// Starts a daemon on this workplace's sockets and waits until it serves.
  func startDaemon(_ options: [String] = []) async throws -> Program {
    let daemon = try Program.start(
      "forebayd",
      ["--socket", clientSocket, "--admin-socket", adminSocket]
        + (options.contains("--upstream")
          ? options : ["--upstream", "journal:\(journal)"] + options),
      in: self)
    try await expectEventually("the daemon is ready") {
      let ready = try Program.start("forebayctl", ["-s", adminSocket, "ready"], in: self)
      return try await ready.end().status == 0
    }
    return daemon
  }

  func send(_ arguments: [String], hasInput: Bool = false) throws -> Program {
    try Program.start(
      "forebayctl", ["send", "--socket", clientSocket] + arguments, in: self, hasInput: hasInput)
  }

  func journalLines() async throws -> [String] {
    let cat = try Program.start("forebayctl", ["journal", "cat", journal], in: self)
    return try await cat.end().output.split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast().map(String.init)
  }
}
