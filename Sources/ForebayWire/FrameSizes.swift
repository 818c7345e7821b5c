// How long a frame of each type may be: known as soon as its header is there, so that nothing is
// kept or allocated for a frame that will be refused.

extension FrameType {
  /// Header and fixed fields. A RECEIPT has at least one range.
  package var bytesMin: Int {
    switch self {
    case .hello: Hello.fixedBytes
    case .data: WireLimits.dataFixedBytes
    case .seen: Seen.fixedBytes
    case .blocked: Blocked.fixedBytes
    case .backlog: Backlog.fixedBytes
    case .reclaimed: Reclaimed.fixedBytes
    case .pong: Pong.fixedBytes
    case .bye: Bye.fixedBytes
    case .origin: Origin.fixedBytes
    case .welcome: Welcome.fixedBytes
    case .window: Window.fixedBytes
    case .receipt: Receipt.bytes(ranges: 1)
    case .reclaim: Reclaim.fixedBytes
    case .ping: Ping.fixedBytes
    case .goaway: GoAway.fixedBytes
    case .error: ErrorFrame.fixedBytes
    }
  }

  /// `frameBytesMax` is what WELCOME says; it bounds DATA alone.
  package func bytesMax(frameBytesMax: Int) -> Int {
    switch self {
    case .data: frameBytesMax
    case .receipt: Receipt.bytes(ranges: WireLimits.receiptRangesMax)
    case .hello, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin, .welcome, .window,
      .reclaim, .ping, .goaway, .error:
      bytesMin + WireLimits.extensionsBytesMax
    }
  }
}
