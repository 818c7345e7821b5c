import Glibc
import Testing

/// A connection to a daemon's admin socket that says what a test tells it.
final class AdminSocket {
  let socket: RawSocket
  private var bytes: [UInt8] = []

  init(_ daemon: DaemonProcess) throws { socket = try RawSocket(path: daemon.adminSocket) }

  func send(_ line: String) { socket.write(Array("\(line)\n".utf8)) }

  /// The next reply, without the empty line that ends it.
  func reply(sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    try await eventually("a reply", sourceLocation: sourceLocation) {
      if let reply = takeReply() { return reply }
      switch socket.read() {
      case .bytes(let more): bytes += more
      case .nothing: break
      case .end:
        Issue.record("the daemon hung up", sourceLocation: sourceLocation)
        throw InVain()
      }
      return takeReply()
    }
  }

  func ask(
    _ line: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    send(line)
    return try await reply(sourceLocation: sourceLocation)
  }

  /// Whether something came that is no whole reply yet, or is one.
  func hasHeard() -> Bool {
    if case .bytes(let more) = socket.read() { bytes += more }
    return !bytes.isEmpty
  }

  func waitForEnd(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually("the daemon to hang up", sourceLocation: sourceLocation) {
      switch socket.read() {
      case .end: return true
      case .nothing: return false
      case .bytes(let more):
        bytes += more
        return false
      }
    }
  }

  private func takeReply() -> String? {
    guard
      let end = bytes.indices.dropLast().first(where: { bytes[$0] == 10 && bytes[$0 + 1] == 10 })
    else { return nil }
    let reply = String(decoding: bytes[..<end], as: UTF8.self)
    bytes.removeFirst(end + 2)
    return reply
  }
}
