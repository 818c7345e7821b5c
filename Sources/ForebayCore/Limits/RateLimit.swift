/// So many messages a period, and how many of them may come at once.
package struct RateLimit: Equatable, Sendable {
  package var messages: UInt64
  package var period: TimeSpan
  /// The most that can be taken at once after a quiet time.
  package var burst: UInt64

  package init(messages: UInt64, per period: TimeSpan, burst: UInt64) {
    self.messages = messages
    self.period = period
    self.burst = burst
  }

  /// Two to the 62nd: sums of two of the limiter's numbers still fit 64 bits.
  private static let numberMaximum: UInt64 = 1 << 62

  /// Everything that is wrong; empty if the limit can be used.
  package func validate() -> [SettingProblem] {
    var problems: [SettingProblem] = []
    problems.require(messages >= 1, "messages", "must be at least 1")
    problems.require(
      period >= .milliseconds(1) && period <= .seconds(86_400), "period", "must be 1 ms to 1 d")
    problems.require(burst >= 1, "burst", "must be at least 1")
    let (capacity, overflow) = burst.multipliedReportingOverflow(by: period.nanoseconds)
    problems.require(
      !overflow && capacity <= Self.numberMaximum, "burst",
      "must be at most 4611686018 s divided by period")
    problems.require(
      messages <= 1_000_000_000_000, "messages", "must be at most 1000000000000")
    return problems
  }
}
