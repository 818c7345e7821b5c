/// Every transition of the breaker, and nothing else: whoever wants to know when `state` can change
/// from one case to another reads this file.
extension Breaker {
  /// Closed to open.
  mutating func open(_ reason: BreakerReport.OpenReason, now: Instant) -> Instant {
    counters.openings += 1
    return enterOpen(reason, previousWait: .zero, now: now)
  }

  /// Half-open to open, for longer than before.
  mutating func reopen(
    _ reason: BreakerReport.OpenReason, _ halfOpen: HalfOpen, now: Instant
  ) -> Instant {
    counters.reopenings += 1
    return enterOpen(reason, previousWait: halfOpen.waited, now: now)
  }

  private mutating func enterOpen(
    _ reason: BreakerReport.OpenReason, previousWait: TimeSpan, now: Instant
  ) -> Instant {
    openReason = reason
    let wait = escalation.raise(previous: previousWait, settings, &random)
    var until = max(now + wait, requestedSilenceEnd)
    if planted(.neverHalfOpen) { until = .distantFuture }
    enter(.open(Opening(until: until, wait: wait)), now: now)
    return until
  }

  /// Open or forced open to half-open.
  mutating func enterHalfOpen(waited: TimeSpan, now: Instant) {
    let interval =
      rateBefore.interval(percent: settings.quotaPercent) ?? settings.probeIntervalMaximum
    let floorInterval = max(
      BreakerSettings.probeIntervalMinimum, min(interval, settings.probeIntervalMaximum))
    enter(
      .halfOpen(HalfOpen(waited: waited, floorInterval: floorInterval, settings, now: now)),
      now: now)
  }

  /// Half-open to closed. The level stays, and decays with healthy time.
  mutating func close(now: Instant) {
    counters.closings += 1
    enterFree(.closed, now: now)
  }

  /// To closed or forced closed: counting starts anew, so that old failures trip nothing.
  mutating func enterFree(_ next: State, now: Instant) {
    enter(next, now: now)
    consecutiveFailures = 0
    counts.restart(now: now)
    escalation.healthStarted(settings, now: now)
  }

  mutating func enter(_ next: State, now: Instant) {
    if isFree { keepRate(now: now) }
    state = next
    generation &+= 1
    since = now
    callsInFlight = 0
  }

  /// Keeps the rate at which messages were offered while calls flowed freely. A stay shorter than
  /// the window (an upstream that flaps) says too little to lower what is known.
  private mutating func keepRate(now: Instant) {
    counts.advance(to: now)
    let covered = counts.covered(now: now)
    let rate = OfferedRate(messages: counts.sum.offered, span: covered)
    let isShort = now.since(since) < settings.window
    rateBefore = isShort ? max(rateBefore, rate) : rate
  }
}
