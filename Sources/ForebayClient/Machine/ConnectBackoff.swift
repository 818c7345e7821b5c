/// How long to wait before connecting again: anything from nothing to a bound that doubles from
/// 50 ms to 5 s ("full jitter"), so that a restarted daemon isn't stormed.
package struct ConnectBackoff: Sendable {
  static let firstBound = Nanoseconds.milliseconds(50)
  static let longestBound = Nanoseconds.milliseconds(5_000)
  /// A connection that lived this long says that the trouble is over. A shorter one doesn't, or a
  /// daemon that crashes on its first message would be stormed all the same.
  static let healthyTime = Nanoseconds.milliseconds(10_000)

  private var bound = firstBound
  private var connectedAt: Nanoseconds?
  private var jitter: Jitter

  package init(seed: UInt64) { jitter = Jitter(seed: seed) }

  package mutating func connected(now: Nanoseconds) { connectedAt = now }

  /// When to try again after a failed attempt or a lost connection.
  package mutating func failed(now: Nanoseconds, atLeast hint: Nanoseconds = 0) -> Nanoseconds {
    if let connectedAt, now.since(connectedAt) >= Self.healthyTime { bound = Self.firstBound }
    connectedAt = nil
    let wait = max(hint, jitter.below(bound))
    bound = min(bound * 2, Self.longestBound)
    return now.after(wait)
  }
}
