/// How long the breaker stays open: the wait doubles with every opening and shrinks with healthy
/// time. Closing alone forgives nothing, so that an upstream which flaps waits longer each time.
struct Escalation: Sendable {
  private(set) var level: UInt32 = 0
  /// When the level falls by one, if the breaker is closed then and nothing has failed since.
  private(set) var decayAt: Instant = .distantFuture
  /// The level at which the wait has reached its maximum.
  private var levelMaximum: UInt32

  init(_ settings: BreakerSettings) { levelMaximum = Self.levelMaximum(settings) }

  private static func levelMaximum(_ settings: BreakerSettings) -> UInt32 {
    var level: UInt32 = 1
    while wait(level: level, settings) < settings.maximumWait { level += 1 }
    return level
  }

  mutating func settingsChanged(_ new: BreakerSettings) {
    levelMaximum = Self.levelMaximum(new)
    level = min(level, levelMaximum)
  }

  private static func wait(level: UInt32, _ settings: BreakerSettings) -> TimeSpan {
    min(settings.maximumWait, settings.baseWait * (1 << UInt64(min(level - 1, 63))))
  }

  /// Raises the level and draws the wait.
  ///
  /// Drawn from its level's wait ± jitter, never below the base (so the first is jittered upward
  /// only), above the maximum (so base = maximum is a fixed timeout), or below `previous`, the wait
  /// before in the same outage (so jitter never undoes the doubling).
  mutating func raise(
    previous: TimeSpan, _ settings: BreakerSettings, _ random: inout SplitMix64
  ) -> TimeSpan {
    level = min(level + 1, levelMaximum)
    let wait = Self.wait(level: level, settings).nanoseconds
    let jitter = wait / 100 * UInt64(settings.jitterPercent)
    let least = max(wait - jitter, settings.baseWait.nanoseconds, previous.nanoseconds)
    let most = max(least, min(wait + jitter, settings.maximumWait.nanoseconds))
    return .nanoseconds(least) + random.span(below: .nanoseconds(most - least + 1))
  }

  /// Healthy time starts (again) here: the breaker closed, or a call failed while it was closed.
  mutating func healthStarted(_ settings: BreakerSettings, now: Instant) {
    decayAt = now + settings.healthyInterval
  }

  /// Lets the healthy time up to `now` count. To be called only while closed.
  mutating func decay(_ settings: BreakerSettings, now: Instant) {
    while level > 0, now >= decayAt {
      level -= 1
      decayAt = decayAt + settings.healthyInterval
    }
  }

  mutating func reset() { level = 0 }
}
