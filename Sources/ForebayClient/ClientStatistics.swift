import ForebayWire

/// What a client is doing, at one moment.
public struct ClientStatistics: Sendable {
  public enum Status: String, Sendable {
    /// There is no connection, or the daemon hasn't let us in yet.
    case connecting
    /// Messages flow as far as the window allows.
    case ready
    /// The next message doesn't fit the window.
    case blocked
    /// The daemon is going; messages wait for the next one.
    case draining
    case closed
  }

  public var status: Status
  /// Messages that `submit` took.
  public var submitted: UInt64
  /// Of those, without a final outcome.
  public var unsettled: Int
  public var unsettledBytes: Int
  /// Of those, waiting to be sent.
  public var queued: Int
  /// Messages that may be sent right now.
  public var windowMessages: UInt64
  public var windowBytes: UInt64
  /// Why the window is shut, by the name in the protocol; nil while the daemon gives no reason.
  public var windowReason: String?
  /// When the daemon expects the window to open.
  public var retryAfter: Duration?
  /// How long messages have waited for the window in all.
  public var blockedTime: Duration
  /// Connections that were made after the first.
  public var reconnects: Int
  /// The largest payload the daemon takes; nil before it said so.
  public var payloadBytesMax: Int?
  /// How the last connection, or the last attempt at one, ended.
  public var lastProblem: String?
}
