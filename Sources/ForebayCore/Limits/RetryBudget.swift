import ForebayWire

package struct RetryBudgetSettings: Equatable, Sendable {
  /// Retries allowed for each hundred first attempts. Twenty: a failing upstream sees at most a
  /// fifth more work than a healthy one, where three retries a message would be four times as much.
  package var percent: UInt64 = 20
  /// Allowed whatever the traffic, or a quiet route could never retry.
  package var minimumPerSecond: UInt64 = 10
  /// How long attempts count. Ten seconds: a busy minute pays for no later storm.
  package var timeToLive: TimeSpan = .seconds(10)

  package init() {}

  package func validate() -> [SettingProblem] {
    var problems: [SettingProblem] = []
    problems.require(percent <= 1_000, "percent", "must be 0 to 1000")
    problems.require(
      minimumPerSecond <= 1_000_000, "minimumPerSecond", "must be at most 1000000")
    problems.require(
      timeToLive >= .milliseconds(10) && timeToLive <= .seconds(3_600), "timeToLive",
      "must be 10 ms to 1 h")
    let never = percent == 0 && reserve == 0
    problems.require(
      !never, "minimumPerSecond", "must allow a retry in timeToLive, or percent must")
    return problems
  }

  /// The minimum over a whole time to live.
  var reserve: UInt64 {
    let (product, overflow) = minimumPerSecond.multipliedReportingOverflow(
      by: timeToLive.nanoseconds)
    return overflow ? .max : product / 1_000_000_000
  }
}

/// Keeps retries from multiplying the load on an upstream that is failing under it.
///
/// Within its time to live every first attempt pays for a share of a retry, and a minimum is free:
///
///     retries ≤ percent · first attempts + minimum · time to live
///
/// Every second try of anything draws on it: retries, and replays of dead letters.
package struct RetryBudget: Sendable {
  struct Attempts: Tally {
    var first: UInt64 = 0
    var again: UInt64 = 0

    static let zero = Attempts()
    static func += (a: inout Attempts, b: Attempts) {
      a.first &+= b.first
      a.again &+= b.again
    }
    static func -= (a: inout Attempts, b: Attempts) {
      a.first &-= b.first
      a.again &-= b.again
    }
  }

  package private(set) var settings: RetryBudgetSettings
  private var reserve: UInt64
  private var window: RollingWindow<Attempts>

  package init(settings: RetryBudgetSettings, now: Instant) {
    let problems = settings.validate()
    invariant(problems.isEmpty, "retry budgets are validated at start: \(problems)")
    self.settings = settings
    reserve = settings.reserve
    window = RollingWindow(span: settings.timeToLive, now: now)
  }

  /// Goes on with new numbers; the attempts that still count keep counting.
  package mutating func settingsChanged(_ new: RetryBudgetSettings, now: Instant) {
    window.spanChanged(new.timeToLive, now: now)
    settings = new
    reserve = new.reserve
  }

  /// So many messages were sent for the first time.
  package mutating func firstAttempted(_ count: Int, now: Instant) {
    window.add(Attempts(first: UInt64(max(0, count))), now: now)
  }

  /// How many may be sent again now.
  package mutating func available(now: Instant) -> Int {
    window.advance(to: now)
    let sum = window.sum
    // Few in any window, so that nothing overflows: a percentage up to 1000 of 2^50 attempts.
    let allowed = (min(sum.first, 1 << 50) * settings.percent) / 100 + reserve
    return sum.again >= allowed ? 0 : Int(min(allowed - sum.again, UInt64(Int.max)))
  }

  package enum OnRetryRequest: Equatable, Sendable {
    /// Send them again.
    case retry
    /// The budget is spent. Ask again after new traffic, or then, when older retries are forgotten.
    case wait(until: Instant)
  }

  /// Asks to send `count` messages again; all of them or none. Ask for no more than `available`, or
  /// a large batch may wait for ever for a budget that is never so large.
  package mutating func retryRequested(_ count: Int, now: Instant) -> OnRetryRequest {
    guard available(now: now) >= count else { return .wait(until: window.nextForgetting) }
    window.add(Attempts(again: UInt64(max(0, count))), now: now)
    return .retry
  }
}
