/// Every number of the breaker, with its default and the reason for it.
package struct BreakerSettings: Equatable, Sendable {
  // MARK: Closed to open

  /// This many failures in a row open it. Five: more than one unlucky connection, and few enough
  /// that a dead upstream costs five calls.
  package var consecutiveFailures: UInt32 = 5
  /// Failures of the calls in `window`, in percent, that open it; `nil` leaves only the rule above.
  /// Half: an upstream that fails every other call is seldom helped by more of them.
  package var failureRatePercent: UInt32? = 50
  /// Slow calls in `window`, in percent, that open it. All: slowness alone is a weak sign.
  package var slowRatePercent: UInt32 = 100
  /// From this duration on a call is slow, and a slow probe has failed; `nil` (the default, since
  /// only the operator knows what is slow for this upstream) counts no call as slow.
  package var slowThreshold: TimeSpan? = nil
  /// How far back the rates look. Ten seconds: forgets a hiccup before anybody looks at it.
  package var window: TimeSpan = .seconds(10)
  /// With fewer calls than this in `window` no rate is believed. Twenty: at half failed, chance
  /// alone does this to an upstream with 5 % errors about once in 10^8 windows.
  package var minimumSamples: UInt32 = 20

  // MARK: Open

  /// The wait after the first opening. One second: most restarts and failovers take longer, and an
  /// upstream that is back at once loses no more than that.
  package var baseWait: TimeSpan = .seconds(1)
  /// The wait doubles from opening to opening up to this. A minute: the classic recovery timeout;
  /// set `baseWait` to the same for the classic fixed one, which isn't jittered.
  package var maximumWait: TimeSpan = .seconds(60)
  /// Waits differ by up to this much to both sides, so that many sidecars don't come back at once.
  /// Never below `baseWait`, above `maximumWait` or below the wait before in the same outage.
  package var jitterPercent: UInt32 = 50
  /// No upstream can ask for more silence than this. Five minutes: long for a throttle, short enough
  /// that one mistaken header isn't an outage.
  package var retryAfterMaximum: TimeSpan = .seconds(300)
  /// Closed for so long without a failure, the next wait is halved. Ten seconds: an upstream that
  /// flaps once a minute keeps escalating, one that is well for a minute starts afresh.
  package var healthyInterval: TimeSpan = .seconds(10)

  // MARK: Half-open

  /// So many probes in a row must succeed. Five, like the failures that opened it.
  package var successesToClose: UInt32 = 5
  /// However well it goes, it stays half-open so long. Five seconds: an upstream that answers while
  /// its cache is cold, and falls over after, is found out by one message at a time.
  package var minimumHalfOpen: TimeSpan = .seconds(5)
  /// After so long without one success it opens again. A minute, like the longest wait.
  package var maximumHalfOpen: TimeSpan = .seconds(60)
  /// The share of offered messages that may be probes. Five percent: the fastest recovery within
  /// the usual 1 to 5 %.
  package var quotaPercent: UInt32 = 5
  /// A probe without a verdict by then has failed. Five seconds: it must be longer than a healthy
  /// call ever takes, or the breaker can't close again. A message's own deadline doesn't shorten it:
  /// clients choose those, and none may keep a breaker open with a short one.
  package var probeDeadline: TimeSpan = .seconds(5)

  package init() {}

  /// Floor probes come no closer together than this, whatever the traffic was: two a second don't
  /// weigh on an upstream that is worth having.
  package static let probeIntervalMinimum: TimeSpan = .milliseconds(500)
  /// Nothing here may be longer than a day: it would be a switch, not a timer.
  package static let spanMaximum: TimeSpan = .seconds(86_400)
  package static let quotaPercentRange: ClosedRange<UInt32> = 1...5

  /// And no further apart than this, so that twice the probes needed fit into the maximum duration:
  /// the share of traffic may be tiny, recovery must still be possible.
  package var probeIntervalMaximum: TimeSpan {
    maximumHalfOpen / (2 * UInt64(max(1, successesToClose)))
  }

  /// Everything that is wrong, in the order of the fields; empty if the settings can be used.
  package func validate() -> [SettingProblem] {
    var problems: [SettingProblem] = []
    validateTrip(&problems)
    validateWait(&problems)
    validateHalfOpen(&problems)
    return problems
  }

  private func validateTrip(_ problems: inout [SettingProblem]) {
    problems.require(consecutiveFailures >= 1, "consecutiveFailures", "must be at least 1")
    problems.require(
      (1...100).contains(failureRatePercent ?? 100), "failureRatePercent", "must be 1 to 100")
    problems.require((1...100).contains(slowRatePercent), "slowRatePercent", "must be 1 to 100")
    problems.require(
      slowThreshold ?? .seconds(1) > .zero, "slowThreshold", "must be longer than 0")
    problems.require(
      window >= .milliseconds(10) && window <= .seconds(3_600), "window", "must be 10 ms to 1 h")
    problems.require(minimumSamples >= 1, "minimumSamples", "must be at least 1")
  }

  private func validateWait(_ problems: inout [SettingProblem]) {
    problems.require(baseWait >= .milliseconds(1), "baseWait", "must be at least 1 ms")
    problems.require(maximumWait >= baseWait, "maximumWait", "must be at least baseWait")
    problems.require(maximumWait <= Self.spanMaximum, "maximumWait", "must be at most 1 d")
    problems.require(jitterPercent <= 100, "jitterPercent", "must be 0 to 100")
    problems.require(
      retryAfterMaximum <= Self.spanMaximum, "retryAfterMaximum", "must be at most 1 d")
    problems.require(
      healthyInterval >= .milliseconds(1), "healthyInterval", "must be at least 1 ms")
  }

  private func validateHalfOpen(_ problems: inout [SettingProblem]) {
    problems.require(successesToClose >= 1, "successesToClose", "must be at least 1")
    problems.require(
      minimumHalfOpen <= maximumHalfOpen, "minimumHalfOpen", "must be at most maximumHalfOpen")
    problems.require(maximumHalfOpen <= Self.spanMaximum, "maximumHalfOpen", "must be at most 1 d")
    problems.require(
      probeIntervalMaximum >= Self.probeIntervalMinimum, "maximumHalfOpen",
      "must be at least 1 s (2 × 500 ms) for each of successesToClose")
    problems.require(
      Self.quotaPercentRange.contains(quotaPercent), "quotaPercent", "must be 1 to 5")
    problems.require(probeDeadline >= .milliseconds(1), "probeDeadline", "must be at least 1 ms")
    problems.require(
      probeDeadline <= maximumHalfOpen, "probeDeadline", "must be at most maximumHalfOpen")
    problems.require(
      slowThreshold ?? .zero <= probeDeadline, "probeDeadline",
      "must be at least slowThreshold, or a probe fails before it is slow")
  }
}
