/// How long a message waits before its next attempt: exponential, with full jitter.
///
/// Full jitter (anything from nothing to the ceiling) spreads retries best: what failed together
/// doesn't come back together.
package struct Backoff: Equatable, Sendable {
  /// The ceiling after the first failure. A hundred milliseconds: longer than a hiccup.
  package var base: TimeSpan = .milliseconds(100)
  /// The ceiling doubles with every failure up to this. Thirty seconds, one attempt's timeout: by
  /// then the breaker decides, not the message.
  package var maximum: TimeSpan = .seconds(30)
  /// No upstream can ask for a longer wait than this; the same as the breaker's.
  package var retryAfterMaximum: TimeSpan = .seconds(300)

  package init() {}

  package func validate() -> [SettingProblem] {
    var problems: [SettingProblem] = []
    problems.require(base >= .milliseconds(1), "base", "must be at least 1 ms")
    problems.require(base <= maximum, "maximum", "must be at least base")
    problems.require(maximum <= .seconds(86_400), "maximum", "must be at most 1 d")
    problems.require(
      retryAfterMaximum <= .seconds(86_400), "retryAfterMaximum", "must be at most 1 d")
    return problems
  }

  /// The longest wait after so many failed attempts, the first being 1.
  package func ceiling(failures: UInt32) -> TimeSpan {
    min(maximum, base * (1 << UInt64(min(max(1, failures) - 1, 63))))
  }

  /// The wait after so many failed attempts. Where the upstream asked for one, the jitter comes on
  /// top of it: never earlier, and not everybody at the same instant.
  package func wait(
    failures: UInt32, retryAfter: TimeSpan? = nil, _ random: inout SplitMix64
  ) -> TimeSpan {
    let jittered = random.span(below: ceiling(failures: failures) + .nanoseconds(1))
    return min(retryAfter ?? .zero, retryAfterMaximum) + jittered
  }
}
