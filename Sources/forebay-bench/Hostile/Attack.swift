import ForebayCore
import ForebayWire

/// What an attacker does to a socket. Each connection sends `opening` once and then `again` for ever; it
/// never reads. A connection that is lost is made anew.
enum Attack: String, CaseIterable, Sendable {
  /// A thousand connections, each with a byte of a HELLO a second.
  case dribble
  /// Frames that say they are two gigabytes long.
  case giantLengths = "giant-lengths"
  /// Frames of no length.
  case emptyFrames = "empty-frames"
  /// PONGs as fast as the socket takes them: a frame that a client may send, if not so often.
  case controlFlood = "control-flood"
  /// DATA as fast as the socket takes it, whatever the window says.
  case noCredit = "no-credit"
  /// HELLO, close, and again: for the credit that a new client gets.
  case reconnects

  var title: String { rawValue.split(separator: "-").joined(separator: " ") }

  var connections: Int {
    switch self {
    case .dribble: 1_000
    case .giantLengths, .emptyFrames, .controlFlood, .noCredit, .reconnects: 16
    }
  }

  /// So slowly that a connection never says who it is.
  var bytesPerSecond: Int? { self == .dribble ? 1 : nil }

  /// What the daemon ends its connections for; nil if they end by themselves.
  var code: ErrorCode? {
    switch self {
    case .dribble: .helloTimeout
    case .giantLengths: .frameTooLarge
    case .emptyFrames: .frameTooShort
    case .controlFlood: .controlFlood
    case .noCredit: .flowControl
    case .reconnects: nil
    }
  }

  /// Its name in `show state`.
  var reason: String { code?.wireName ?? "by_client" }

  /// How long it goes on before anything is measured, for as long as `span`. Those that dribble are ended after
  /// two seconds, all at once, and come again: that is measured, or in a short run over by then.
  func lead(before span: TimeSpan) -> TimeSpan {
    guard self == .dribble else { return .milliseconds(200) }
    return .milliseconds(span < .seconds(1) ? 2_600 : 1_700)
  }

  /// It closes as soon as the opening is written.
  var leavesAtOnce: Bool { self == .reconnects }

  /// What a fresh connection of a session of its own says first.
  var opening: [UInt8] {
    let hello = FrameBuffer()
    hello.append(
      Hello(session: ID128(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max))))
    return Array(hello.bytes)
  }

  var again: [UInt8] {
    switch self {
    case .dribble, .reconnects: []
    // Many in a write, so that it isn't the attacker that is kept busy.
    case .giantLengths:
      Array(repeatElement([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], count: 512).joined())
    case .emptyFrames: Array(repeating: 0, count: 4_096)
    case .controlFlood:
      repeated(200) { buffer, _ in buffer.append(Pong(token: 1)) }
    case .noCredit:
      repeated(2_000) { buffer, number in
        withUnsafeTemporaryAllocation(
          byteCount: WireLimits.dataFixedBytes, alignment: 8
        ) { frame in
          DataHeader(sequence: number, ttlMilliseconds: 0, level: .default)
            .write(to: frame.baseAddress!, payloadBytes: 0)
          buffer.append(UnsafeRawBufferPointer(frame))
        }
      }
    }
  }

  private func repeated(_ count: UInt64, _ add: (FrameBuffer, UInt64) -> Void) -> [UInt8] {
    let buffer = FrameBuffer()
    for number in 1...count { add(buffer, number) }
    return Array(buffer.bytes)
  }
}
