/// How long an upstream that said "slow down" is left alone, by the whole route.
///
/// It lives, so asking again costs little: the waits grow, but not as far as after failures.
struct Throttle: Sendable {
  private var end = Instant(nanoseconds: 0)
  /// Times in a row.
  private(set) var count: UInt32 = 0
  /// 1.6 s with the usual base of 100 ms.
  static let countMax: UInt32 = 5

  func isOn(_ now: Instant) -> Bool { now < end }
  func until(_ now: Instant) -> Instant? { now < end ? end : nil }

  /// Several calls that were out together are one sign.
  mutating func throttled(
    _ backoff: Backoff, retryAfter: TimeSpan?, now: Instant, _ random: inout SplitMix64
  ) -> Instant {
    if !isOn(now) { count = min(count + 1, Self.countMax) }
    end = max(end, now + backoff.wait(failures: count, retryAfter: retryAfter, &random))
    return end
  }

  mutating func accepted() { count = 0 }
}
