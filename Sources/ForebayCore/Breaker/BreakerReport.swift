/// Where a breaker stands, for `show breakers` and the metrics.
package struct BreakerReport: Equatable, Sendable {
  package enum Phase: Equatable, Sendable {
    case closed
    case open
    case halfOpen
    case forcedOpen
    case forcedClosed
  }

  /// Why it opened last.
  package enum OpenReason: Equatable, Sendable {
    case consecutiveFailures
    case failureRate
    case slowRate
    /// A probe failed, was throttled or was slow.
    case probeFailed
    case probeUnanswered
    /// The maximum half-open duration passed without a success.
    case noProbeSucceeded
    case operatorCommand
  }

  package var phase: Phase
  /// When it entered the phase.
  package var since: Instant
  package var openReason: OpenReason?
  /// Failures since the last success, probes included.
  package var consecutiveFailures: UInt32
  /// Successful probes in a row, while half-open.
  package var successes: UInt32
  /// Calls and failures in the rolling window, while closed.
  package var samples: UInt64
  package var failures: UInt64
  package var slow: UInt64
  /// Doublings of the wait: 1 after the first opening, 0 when all is forgiven.
  package var level: UInt32
  /// When the next probe may go (an instant that has passed: now); `nil` while closed, forced, or
  /// while a probe is in flight.
  package var nextProbeAt: Instant?
  /// What is left of the silence that the upstream asked for, while open.
  package var retryAfterRemaining: TimeSpan

  /// How long the breaker stays open this time, or stayed before it became half-open.
  package var wait = TimeSpan.zero

  package var counters: Counters

  /// Counted since the start; they only rise.
  package struct Counters: Equatable, Sendable {
    /// Closed to open.
    package var openings: UInt64 = 0
    /// Half-open to open.
    package var reopenings: UInt64 = 0
    /// Half-open to closed.
    package var closings: UInt64 = 0
    package var quotaProbes: UInt64 = 0
    package var floorProbes: UInt64 = 0
    /// Probes of both kinds that were never sent, or from which nothing could be learned.
    package var neutralProbes: UInt64 = 0
    /// Results of calls made in an earlier state. They moved nothing.
    package var staleResults: UInt64 = 0
    /// Results reported twice, or with another breaker's token: our own mistake, and ignored.
    package var strayResults: UInt64 = 0
  }
}
