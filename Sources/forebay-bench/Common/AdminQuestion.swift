import Glibc

/// One question to a daemon's admin socket, asked and waited for. The answer comes within
/// milliseconds from a daemon whose loop turns; nobody waits longer than a second for another.
enum AdminQuestion {
  private static let patience = timeval(tv_sec: 1, tv_usec: 0)
  /// Far above any reply; a daemon that says more has gone mad.
  private static let replyBytesMax = 8 << 20

  /// The body of the reply to `command`; nil if there is none, or the daemon refused.
  static func ask(_ command: String, at path: String) -> String? {
    guard let descriptor = connect(to: path) else { return nil }
    defer { close(descriptor) }
    var line = command + "\n"
    let written = line.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
    guard written == line.utf8.count else { return nil }
    return body(of: readReply(descriptor))
  }

  static func askJSON(_ command: String, at path: String) -> JSONValue? {
    ask(command + " json", at: path).flatMap { JSONValue($0) }
  }

  /// A status line, the body, and an empty line at the end.
  static func body(of reply: [UInt8]) -> String? {
    guard reply.starts(with: "+OK".utf8), reply.suffix(2) == [0x0a, 0x0a],
      let end = reply.firstIndex(of: 0x0a)
    else { return nil }
    return String(decoding: reply[(end + 1)...].dropLast(), as: UTF8.self)
  }

  private static func connect(to path: String) -> Int32? {
    guard let descriptor = UnixConnection.open(path) else { return nil }
    var patience = Self.patience
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
    return descriptor
  }

  private static func readReply(_ descriptor: Int32) -> [UInt8] {
    var reply: [UInt8] = []
    withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
      while reply.count < replyBytesMax, reply.suffix(2) != [0x0a, 0x0a] {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        guard count > 0 else { return }
        reply += buffer.prefix(count)
      }
    }
    return reply
  }
}
