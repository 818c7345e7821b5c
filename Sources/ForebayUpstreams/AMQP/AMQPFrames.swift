import ForebayWire

/// Finds the frames of AMQP 0-9-1 in memory as they lie: no allocation, no copy. What isn't whole yet is
/// left where it is.
///
///     0      1         3        7            7+size
///     | type | channel | size   | payload …  | 0xCE |
///
/// By our own hand, since rabbitmq-c's reader copies each frame, and in the versions that distributions
/// have it is said to read beyond a frame that is shorter than its kind must be (GHSA-9mmv-r8g3-qp46).
enum AMQPFrames {
  struct Frame: Equatable {
    let kind: Kind
    let channel: UInt16
    let payload: Range<Int>
  }

  enum Kind: UInt8 {
    case method = 1
    case header = 2
    case body = 3
    case heartbeat = 8
  }

  enum Result: Equatable {
    /// `next` is where the following one begins.
    case frame(Frame, next: Int)
    case partial
    /// This is no AMQP server, or the stream is out of step: close it.
    case garbage(String)
  }

  static let headBytes = 7
  /// Head and end.
  static let overheadBytes = 8
  static let end: UInt8 = 0xce

  static func read(
    _ bytes: UnsafeRawBufferPointer, at start: Int, frameBytesMax: Int
  ) -> Result {
    let available = bytes.count - start
    guard available > 0, let base = bytes.baseAddress else { return .partial }
    let first = base.byte(start)
    // A server that doesn't speak our version says so by its own greeting.
    if first == UInt8(ascii: "A") {
      return available < 8 ? .partial : .garbage(greeting(base + start))
    }
    guard let kind = Kind(rawValue: first) else {
      return .garbage("something that begins with byte \(first)")
    }
    guard available >= headBytes else { return .partial }
    let size = Int(base.big32(start + 3))
    guard size <= frameBytesMax - overheadBytes else {
      return .garbage("a frame of \(size) bytes, beyond what was agreed")
    }
    guard available >= size + overheadBytes else { return .partial }
    let payload = (start + headBytes)..<(start + headBytes + size)
    guard base.byte(payload.upperBound) == end else {
      return .garbage("a frame that doesn't end where it says")
    }
    return .frame(
      Frame(kind: kind, channel: base.big16(start + 1), payload: payload),
      next: payload.upperBound + 1)
  }

  private static func greeting(_ base: UnsafeRawPointer) -> String {
    guard base.big32(0) == 0x414d_5150 else { return "something that isn't AMQP" }
    return "that it speaks AMQP \(base.byte(5))-\(base.byte(6))-\(base.byte(7)), and not 0-9-1"
  }
}
