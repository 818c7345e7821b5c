import ForebayClient
import Glibc

/// One command for the daemon: asks, prints what it answers, and says with what status to end.
struct AdminRun {
  let arguments: AdminArguments
  private let isTerminal: Bool

  init(_ arguments: AdminArguments) {
    self.arguments = arguments
    isTerminal = isatty(STDOUT_FILENO) == 1
  }

  /// From `main`: reads the words that aren't for another command of ours.
  static func perform(_ words: some Collection<String>) -> ExitStatus {
    do throws(AdminArguments.Problem) {
      let arguments = try AdminArguments(words)
      if arguments.wantsHelp {
        write(
          "USAGE: forebayctl [admin] [options] COMMAND\n\n\(AdminArguments.help)\n",
          to: STDOUT_FILENO)
        return .success
      }
      return AdminRun(arguments).perform()
    } catch {
      complain(error.text)
      return .usage
    }
  }

  func perform() -> ExitStatus {
    guard let interval = arguments.watch else { return ask() }
    // A second screen would hide what was there before; people want to scroll back to it.
    while true {
      let started = ContinuousClock.now
      if isTerminal { write("\u{1b}[H\u{1b}[2J", to: STDOUT_FILENO) }
      let status = ask()
      // What can't get better by itself ends it.
      if status == .usage || status == .noPermission || status == .badInput { return status }
      if !isTerminal { write("\n", to: STDOUT_FILENO) }
      let left = interval - (ContinuousClock.now - started)
      if left > .zero { usleep(UInt32(left / .microseconds(1))) }
    }
  }

  private var form: AdminArguments.Form {
    guard arguments.form == .auto else { return arguments.form }
    // Sentences make no table.
    if arguments.words.first == "help" { return .text }
    return isTerminal ? .table : .text
  }

  private func ask() -> ExitStatus {
    do throws(AdminConnection.Failure) {
      return try exchange()
    } catch {
      return failed(error)
    }
  }

  private func exchange() throws(AdminConnection.Failure) -> ExitStatus {
    let started = ContinuousClock.now
    let first = started + (arguments.timeout ?? AdminArguments.lifeSign)
    let connection = try AdminConnection(path: arguments.socket, until: first)
    switch form {
    case .table, .wide:
      try connection.send("help \(arguments.line) json;\(arguments.line) json", until: first)
      var help: [String] = []
      let known = try connection.reply(until: first) { help.append($0) }
      if case .failed = known { help = [] }
      var body: [String] = []
      let answer = try connection.reply(until: last(started)) { body.append($0) }
      return finish(answer, hasBody: !body.isEmpty) {
        draw(body.joined(separator: "\n"), help: help.joined(separator: "\n"))
      }
    case .text, .json, .auto:
      // A command may wait for long; a daemon that hangs is told by the reply before it.
      let isProbe = arguments.words == ["ping"]
      let line = arguments.line + (form == .json ? " json" : "")
      try connection.send(isProbe ? line : "ping;\(line)", until: first)
      if !isProbe { _ = try connection.reply(until: first) { _ in } }
      var hasBody = false
      var output = Output()
      let answer = try connection.reply(until: isProbe ? first : last(started)) {
        hasBody = true
        output.line($0)
      }
      output.flush()
      return finish(answer, hasBody: hasBody) {}
    }
  }

  private func last(_ started: ContinuousClock.Instant) -> ContinuousClock.Instant {
    if let timeout = arguments.timeout { return started + timeout }
    return ContinuousClock.now + arguments.patience
  }

  private func finish(
    _ answer: AdminConnection.Answer, hasBody: Bool, _ show: () -> Void
  ) -> ExitStatus {
    switch answer {
    case .ok(let text):
      // A command without a body has its answer in the status line.
      if hasBody { show() } else { write(text + "\n", to: STDOUT_FILENO) }
      return .success
    case .failed(let code, let text):
      complain(text.isEmpty ? code : "\(code): \(text)")
      return ExitStatus(adminCode: code)
    }
  }

  private func draw(_ body: String, help: String) {
    guard let value = JSONText(parsing: body) else { return write(body + "\n", to: STDOUT_FILENO) }
    var view = TableView(columns: Self.columns(help))
    view.width = isTerminal ? Self.terminalWidth : .max
    view.isWide = form == .wide
    view.hasHeader = arguments.hasHeader
    view.hasColor = isTerminal && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
    write(view.draw(value), to: STDOUT_FILENO)
  }

  /// The columns that the daemon proposes for its list.
  private static func columns(_ help: String) -> [String] {
    guard case .list(let commands)? = JSONText(parsing: help), commands.count == 1,
      case .list(let names)? = commands[0].field("columns")
    else { return [] }
    return names.compactMap { if case .string(let name) = $0 { name } else { nil } }
  }

  private static var terminalWidth: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  private func failed(_ failure: AdminConnection.Failure) -> ExitStatus {
    switch failure {
    case .connect(let reason):
      complain("can't connect to \(arguments.socket): \(reason.text)")
      return reason == .permanent(EACCES) ? .noPermission : .unavailable
    case .notRead:
      complain("the daemon doesn't read what it is asked")
      return .timeout
    case .noAnswer:
      complain("the daemon didn't answer in time")
      return .timeout
    case .hungUp:
      complain("the daemon hung up before its reply was whole; perhaps it has too many sessions")
      return .unavailable
    case .broken:
      complain("\(arguments.socket) doesn't speak the admin protocol")
      return .protocolBroken
    }
  }

  /// Lines for standard output, written in large pieces.
  private struct Output {
    private var text = ""

    mutating func line(_ line: String) {
      text += line
      text += "\n"
      if text.utf8.count >= 32_768 { flush() }
    }

    mutating func flush() {
      if !text.isEmpty { write(text, to: STDOUT_FILENO) }
      text = ""
    }
  }
}
