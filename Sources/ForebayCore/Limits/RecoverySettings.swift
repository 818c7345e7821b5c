/// How an upstream is loaded again after its breaker has closed.
package struct RecoverySettings: Equatable, Sendable {
  /// Messages in flight at first. Eight: the upstream has just answered five, one at a time.
  package var startLimit: Int = 8
  /// The limit doubles at most this often. Half a second: from eight to a thousand takes 3.5 s, and
  /// an upstream that fails when warm has time to show it.
  package var interval: TimeSpan = .milliseconds(500)
  /// What waited is sent at no more than this share of the live rate, in percent. All of it: the
  /// upstream sees at most twice its usual load.
  package var backlogPercent: UInt64 = 100
  /// The live rate, in messages a second, is never taken for less. A hundred: what waited on a quiet
  /// route must go too, ten thousand messages in 100 s.
  package var liveRateMinimum: UInt64 = 100

  package init() {}

  package func validate() -> [SettingProblem] {
    var problems: [SettingProblem] = []
    problems.require(
      (1...1_000_000).contains(startLimit), "startLimit", "must be 1 to 1000000")
    problems.require(
      interval >= .milliseconds(1) && interval <= .seconds(3_600), "interval",
      "must be 1 ms to 1 h")
    problems.require(
      (1...10_000).contains(backlogPercent), "backlogPercent", "must be 1 to 10000")
    problems.require(
      (1...1_000_000_000).contains(liveRateMinimum), "liveRateMinimum", "must be 1 to 1000000000")
    return problems
  }
}
