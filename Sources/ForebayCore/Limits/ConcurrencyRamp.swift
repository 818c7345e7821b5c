/// A limit on messages in flight that starts low and doubles as the upstream proves itself.
///
/// It doubles when an interval has passed since it last changed, nothing has failed since, and as
/// many messages have succeeded as the limit allows: so it grows because it was used, not because
/// time went by, and never faster than the upstream answers. Light traffic never fills the limit,
/// so ten intervals of nothing but successes will do as well. A failure starts the interval over,
/// and halves the limit unless that was done within the last interval: a hundred messages that fail
/// together are one sign.
struct ConcurrencyRamp: Sendable {
  private(set) var limit: Int
  let fullLimit: Int
  private let startLimit: Int
  private let interval: TimeSpan
  private var successes = 0
  private var changedAt: Instant
  /// Start of the time without a failure that counts towards the next doubling.
  private var cleanSince: Instant

  static let unusedIntervals: UInt64 = 10

  /// Begins at `limit`, if that isn't below the least.
  init(_ settings: RecoverySettings, fullLimit: Int, limit: Int = 0, now: Instant) {
    startLimit = min(settings.startLimit, fullLimit)
    self.limit = max(startLimit, min(limit, fullLimit))
    self.fullLimit = fullLimit
    interval = settings.interval
    changedAt = now
    cleanSince = now
  }

  var isFull: Bool { limit >= fullLimit }

  mutating func messagesSucceeded(_ count: Int, now: Instant) {
    successes = min(fullLimit, successes + min(max(0, count), fullLimit))
    let clean = now.since(cleanSince)
    guard clean >= interval else { return }
    guard successes >= limit || clean >= interval * Self.unusedIntervals else { return }
    limit = limit > fullLimit / 2 ? fullLimit : limit * 2
    startOver(now: now)
    changedAt = now
  }

  mutating func callFailed(now: Instant) {
    startOver(now: now)
    guard now.since(changedAt) >= interval else { return }
    limit = max(startLimit, limit / 2)
    changedAt = now
  }

  private mutating func startOver(now: Instant) {
    successes = 0
    cleanSince = now
  }
}
