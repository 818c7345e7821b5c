extension Breaker {
  /// Where it stands now. Costs a rotation of the window at most; for people and metrics.
  package func report(now: Instant) -> BreakerReport {
    var seen = self
    seen.counts.advance(to: now)
    let sum = seen.counts.sum
    var report = BreakerReport(
      phase: phase, since: since, openReason: openReason,
      consecutiveFailures: consecutiveFailures, successes: 0,
      samples: sum.samples, failures: sum.failures, slow: sum.slow,
      level: escalation.level, nextProbeAt: nil, retryAfterRemaining: .zero, counters: counters)
    switch state {
    case .closed:
      seen.escalation.decay(settings, now: now)
      report.level = seen.escalation.level
    case .open(let opening):
      report.nextProbeAt = opening.until
      report.wait = opening.wait
      report.retryAfterRemaining = requestedSilenceEnd.since(now)
    case .halfOpen(let halfOpen):
      report.successes = halfOpen.successes
      report.wait = halfOpen.waited
      report.nextProbeAt = halfOpen.nextProbeAt(settings)
    case .forcedOpen, .forcedClosed:
      break
    }
    return report
  }
}
