import ForebayConfig
import ForebayCore
import ForebayUV
import ForebayWire

/// One operator's connection: lines in, replies out, one command after the other.
///
/// A reply is a status line, a body without an empty line, and an empty line. What takes long, a large
/// list or a wait, is done piece by piece, and the commands behind it wait for it.
final class AdminSession: StreamOwner {
  static let lineBytesMax = 8192
  /// Commands that came while an earlier one was at work, in bytes.
  private static let pendingBytesMax = 65_536
  /// Above this nothing more is written until the reader has taken it.
  private static let unreadBytesMax = 65_536
  /// Commands done in one turn; the loop has others to serve.
  private static let commandsPerTurn = 8

  enum Change {
    case level(AdminLevel)
    case prompt
    case quit
  }

  private enum Work {
    case none
    case listing(any AdminListing, count: Int)
    case chore(any AdminChore)
    case wait(AdminWait, until: Instant)
  }

  /// The command at work.
  private struct Current {
    let command: AdminCommand
    let text: String
    let wantsJSON: Bool
  }

  private let stream: StreamHandle
  private let credentials: PeerCredentials
  private unowned let daemon: Daemon
  private unowned let server: AdminServer
  private(set) var level: AdminLevel
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
  private var line: [UInt8] = []
  private var pending: [[String]] = []
  private var pendingBytes = 0
  private var work = Work.none
  private var current: Current?
  private var hasPrompt = false
  private var lastActivity: Instant
  /// Nothing more comes in; what is asked is still answered.
  private var isInputEnded = false
  private var isAtWork = false

  init(
    _ stream: StreamHandle, level: AdminLevel, _ credentials: PeerCredentials, _ daemon: Daemon,
    _ server: AdminServer
  ) {
    self.stream = stream
    self.level = level
    self.credentials = credentials
    self.daemon = daemon
    self.server = server
    lastActivity = daemon.now
  }

  deinit { buffer.deallocate() }

  func start() {
    stream.attach(self)
    do throws(UVError) { try stream.startReading() } catch { stream.close() }
  }

  // MARK: Commands

  private func lineReceived(_ text: String) {
    for words in AdminLine.commands(text) { pending.append(words) }
    pendingBytes += text.utf8.count
    guard pendingBytes <= Self.pendingBytesMax else {
      write(failed: AdminError(.unavailable, "too many commands at once; read the replies"))
      return stream.close()
    }
    goOn()
  }

  /// Does what is to be done now: a piece of the work under way, or the next commands.
  func goOn() {
    // A command that changes something lets every session look at its wait.
    guard !isAtWork else { return }
    isAtWork = true
    defer { isAtWork = false }
    var left = Self.commandsPerTurn
    while stream.isOpen, stream.bytesToWrite < Self.unreadBytesMax {
      guard left > 0 else { return server.goOnNextTurn() }
      left -= 1
      switch work {
      case .wait: return
      case .listing(let listing, let count):
        write(listing.more(daemon), of: listing, after: count)
        return isBusy || !pending.isEmpty ? server.goOnNextTurn() : endIfFinished()
      case .chore(let chore):
        guard let reply = chore.more(daemon) else { return server.goOnNextTurn() }
        work = .none
        answer(reply)
      case .none:
        guard !pending.isEmpty else { return endIfFinished() }
        perform(pending.removeFirst())
        if pending.isEmpty { pendingBytes = 0 }
      }
    }
  }

  private var isBusy: Bool {
    if case .none = work { return false }
    return true
  }

  /// There is something to do, and the reader has taken what was written.
  var canGoOn: Bool {
    guard stream.isOpen, stream.bytesToWrite < Self.unreadBytesMax, !isWaiting else { return false }
    return isBusy || !pending.isEmpty
  }

  private func perform(_ given: [String]) {
    var words = given
    let wantsJSON = words.last == "json"
    if wantsJSON { words.removeLast() }
    lastActivity = daemon.now
    server.counts.commands += 1
    guard let command = AdminCommand.find(words) else {
      server.counts.failures += 1
      return write(failed: AdminError(.unknownCommand, "try 'help'"))
    }
    current = Current(
      command: command, text: words.joined(separator: " "), wantsJSON: wantsJSON)
    guard level >= command.level else {
      server.counts.refusals += 1
      return fail(AdminError(.permission, "this needs level \(command.level)"))
    }
    var request = AdminRequest(
      words.dropFirst(command.words.count), usage: command.usage, level: level,
      wantsJSON: wantsJSON)
    do throws(AdminError) {
      answer(try command.run(daemon, &request))
    } catch {
      fail(error)
    }
    if command.isChange {
      daemon.event()
      server.checkWaits()
    }
  }

  private func answer(_ reply: AdminReply) {
    switch reply {
    case .ok(let text, let value):
      succeed(text, value)
    case .listing(let text, let listing):
      write("+OK \(text)\n" + (current?.wantsJSON == true ? "[" : ""))
      work = .listing(listing, count: 0)
    case .chore(let chore):
      work = .chore(chore)
    case .wait(let wait):
      work = .wait(wait, until: daemon.now + wait.timeout)
      checkWait()
    case .session(let change):
      perform(change)
    }
  }

  private func perform(_ change: Change) {
    switch change {
    case .level(let lower):
      level = lower
      succeed("level \(lower)")
    case .prompt:
      hasPrompt.toggle()
      succeed(hasPrompt ? "prompt on" : "prompt off")
    case .quit:
      stream.close()
    }
  }

  // MARK: Replies

  private func succeed(_ text: String, _ value: AdminValue? = nil) {
    note("ok")
    var reply = "+OK \(text)\n"
    // An empty line would end the reply, so an empty list has none.
    if let value {
      for line in current?.wantsJSON == true ? [value.json] : value.lines() { reply += line + "\n" }
    }
    write(reply + ending)
  }

  private func fail(_ error: AdminError) {
    server.counts.failures += 1
    note(error.code.rawValue)
    write(failed: error)
  }

  private func write(failed error: AdminError) {
    write(error.line + (hasPrompt ? "> " : ""))
  }

  private var ending: String { hasPrompt ? "\n> " : "\n" }

  /// The next elements of a list, or its end.
  private func write(
    _ elements: [AdminValue]?, of listing: any AdminListing, after count: Int
  ) {
    let wantsJSON = current?.wantsJSON == true
    guard let elements else {
      work = .none
      note("ok")
      return write((wantsJSON ? "]\n" : "") + ending)
    }
    var text = ""
    for (index, element) in elements.enumerated() {
      if wantsJSON {
        // An element a line, so that no line is longer than a reader expects.
        text += (count + index > 0 ? ",\n" : "") + element.json
      } else {
        for line in element.lines("[\(count + index)]") { text += line + "\n" }
      }
    }
    work = .listing(listing, count: count + elements.count)
    write(text)
  }

  /// Changes are logged with who made them and what came of it.
  private func note(_ result: String) {
    guard let current else { return }
    guard current.command.isChange else { return }
    if result == "ok" { server.counts.changes += 1 }
    daemon.log.commanded(
      current.text, result: result, user: credentials.user, process: credentials.process)
  }

  private func write(_ text: String) {
    guard stream.isOpen, !text.isEmpty else { return }
    var text = text
    text.withUTF8 { bytes in
      do throws(UVError) {
        try stream.write(copying: UnsafeRawBufferPointer(bytes))
      } catch {
        stream.close()
      }
    }
  }

  // MARK: Waiting

  var isWaiting: Bool {
    if case .wait = work { return true }
    return false
  }

  func checkWait() {
    guard case .wait(let wait, let until) = work else { return }
    switch wait.outcome(daemon) {
    case .pending:
      guard until <= daemon.now else { return }
      work = .none
      fail(AdminError(.timeout, wait.late(daemon)))
    case .met(let text):
      work = .none
      succeed(text)
    case .failed(let error):
      work = .none
      fail(error)
    }
    lastActivity = daemon.now
    server.goOnNextTurn()
  }

  /// Ends the session if it has been idle for too long, or if nobody is there any more to wait.
  func checkLife() {
    guard stream.isOpen else { return }
    if isWaiting || isInputEnded, stream.isHungUp { return stream.close() }
    // What is under way counts as activity, unless it stands still because nobody reads.
    if isWaiting || (isBusy && stream.bytesToWrite == 0) { return }
    if daemon.now.since(lastActivity) >= daemon.settings.admin.idleTimeout { stream.close() }
  }

  private func endIfFinished() {
    if isInputEnded, stream.bytesToWrite == 0 { stream.close() }
  }

  // MARK: StreamOwner

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer { buffer }

  func streamRead(_ stream: StreamHandle, count: Int) {
    for byte in buffer[..<count] where stream.isOpen {
      if byte == UInt8(ascii: "\n") {
        endLine()
      } else if line.count < Self.lineBytesMax {
        line.append(byte)
      } else {
        write(failed: AdminError(.lineTooLong, "\(Self.lineBytesMax) bytes at most"))
        return stream.close()
      }
    }
  }

  private func endLine() {
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    let text = String(decoding: line, as: UTF8.self)
    line.removeAll(keepingCapacity: true)
    lineReceived(text)
  }

  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    isInputEnded = true
    guard ending == .endOfFile else { return stream.close() }
    if !line.isEmpty { endLine() } else { goOn() }
  }

  func streamDrained(_ stream: StreamHandle) {
    lastActivity = daemon.now
    goOn()
  }

  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { stream.close() }

  func streamClosed(_ stream: StreamHandle) {
    if isWaiting { note("DISCONNECTED") }
    work = .none
    server.ended(self)
  }
}
