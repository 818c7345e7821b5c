import ForebayConfig
import ForebayUV
import Glibc

/// The admin socket: a line in, a status line and a body out, an empty line at the end. Works with
/// `socat - UNIX:PATH`.
final class AdminServer {
  /// Sessions at once: operators and probes, no more.
  static let sessionsMax = 10

  private unowned let daemon: Daemon
  private let listener: UnixListener
  private var sessions = 0

  init(_ settings: AdminAccess, on loop: Loop, _ daemon: Daemon) throws {
    self.daemon = daemon
    listener = try UnixListener(
      on: loop, path: settings.path, mode: settings.mode.bits, group: settings.group)
    try listener.accept { [unowned self] arrival in
      if case .success(let (stream, credentials)) = arrival { accepted(stream, credentials) }
    }
  }

  private func accepted(_ stream: StreamHandle, _ credentials: PeerCredentials) {
    guard sessions < Self.sessionsMax else { return stream.close() }
    sessions += 1
    AdminSession(stream, level: Self.level(of: credentials.user), daemon) { [weak self] in
      self?.sessions -= 1
    }.start()
  }

  /// Root and the daemon's own user administrate; whoever else may open the socket looks.
  private static func level(of user: UInt32) -> AdminCommand.Level {
    user == 0 || user == getuid() ? .admin : .view
  }
}

/// One operator's connection.
final class AdminSession: StreamOwner {
  private static let lineBytesMax = 8192
  /// Replies that aren't read are kept up to here, then the session ends.
  private static let replyBytesMax = 1 << 20

  private let stream: StreamHandle
  private let level: AdminCommand.Level
  private unowned let daemon: Daemon
  private let ended: () -> Void
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
  private var line: [UInt8] = []

  init(
    _ stream: StreamHandle, level: AdminCommand.Level, _ daemon: Daemon, ended: @escaping () -> Void
  ) {
    self.stream = stream
    self.level = level
    self.daemon = daemon
    self.ended = ended
  }

  deinit { buffer.deallocate() }

  func start() {
    stream.attach(self)
    do throws(UVError) { try stream.startReading() } catch { stream.close() }
  }

  private func perform(_ text: String) {
    // HAProxy's habit: several commands in a line.
    for part in text.split(separator: ";") { reply(answer(String(part))) }
  }

  private func answer(_ text: String) -> String {
    guard let (command, wantsJSON) = AdminCommand.find(text) else {
      return "-ERR UNKNOWN_COMMAND try 'help'\n"
    }
    guard level >= command.level else {
      return "-ERR PERMISSION this needs level \(command.level)\n"
    }
    switch command.run(daemon) {
    case .error(let code, let text): return "-ERR \(code) \(text)\n"
    case .ok(let text, nil): return "+OK \(text)\n"
    case .ok(let text, let value?):
      // An empty line would end the reply, so an empty list has none.
      let body = wantsJSON ? [value.json] : value.lines()
      return "+OK \(text)\n" + body.map { $0 + "\n" }.joined()
    }
  }

  private func reply(_ text: String) {
    guard stream.isOpen else { return }
    guard stream.bytesToWrite < Self.replyBytesMax else { return stream.close() }
    Array((text + "\n").utf8).withUnsafeBytes { bytes in
      do throws(UVError) { try stream.write(copying: bytes) } catch { stream.close() }
    }
  }

  // MARK: StreamOwner

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer { buffer }

  func streamRead(_ stream: StreamHandle, count: Int) {
    for byte in buffer[..<count] {
      if byte == UInt8(ascii: "\n") {
        let text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        perform(text.hasSuffix("\r") ? String(text.dropLast()) : text)
      } else if line.count < Self.lineBytesMax {
        line.append(byte)
      } else {
        reply("-ERR LINE_TOO_LONG \(Self.lineBytesMax) bytes at most\n")
        return stream.close()
      }
    }
  }

  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    if !line.isEmpty { perform(String(decoding: line, as: UTF8.self)) }
    if stream.bytesToWrite == 0 { stream.close() } else { line = [] }
    isFinished = true
  }
  private var isFinished = false

  func streamDrained(_ stream: StreamHandle) { if isFinished { stream.close() } }
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { stream.close() }
  func streamClosed(_ stream: StreamHandle) { ended() }
}
