import ForebayWire

/// What a half-open breaker does with requests and results. Its bookkeeping is `HalfOpen`'s.
extension Breaker {
  /// Half-open: a probe, if one may go now.
  mutating func probeRequested(now: Instant) -> OnPermitRequest {
    guard case .halfOpen(var halfOpen) = state else {
      brokenInvariant("only a half-open breaker places probes")
    }
    guard let probe = halfOpen.probeRequested(settings, now: now) else {
      return .wait(until: halfOpen.deadline(settings))
    }
    state = .halfOpen(halfOpen)
    if probe.isFloor { counters.floorProbes += 1 } else { counters.quotaProbes += 1 }
    return .probe(
      BreakerToken(
        generation: generation, serial: probe.serial, isProbe: true, startedAt: now))
  }

  /// A result while half-open.
  mutating func probeSettled(
    _ token: BreakerToken, _ result: CallResult, _ before: HalfOpen, now: Instant
  ) -> OnCallSettled {
    // An end that was due before this result came first, however late its timer is.
    if let end = before.end(settings, now: now) {
      counters.staleResults += 1
      switch halfOpenEnded(end, before, now: now) {
      case .opened(let until): return .opened(until: until)
      case .closed: return .closed
      case .none, .halfOpened, .probeDue: brokenInvariant("an end of half-open is a transition")
      }
    }
    guard takeProbe(token, of: before) else { return .stale }
    var halfOpen = before
    switch result {
    case .success where now.since(token.startedAt) < slowThreshold:
      halfOpen.probeSucceeded()
      consecutiveFailures = 0
    case .neutral:
      halfOpen.probeWasNeutral()
      counters.neutralProbes += 1
    case .success:
      // Slow: not yet. It did succeed, so it ends a row of failures all the same.
      consecutiveFailures = 0
      return .opened(until: reopen(.probeFailed, halfOpen, now: now))
    case .failure(let retryAfter), .throttled(let retryAfter):
      noteFailure(retryAfter, now: now)
      return .opened(until: reopen(.probeFailed, halfOpen, now: now))
    }
    if let end = halfOpen.end(settings, now: now), end == .proven {
      close(now: now)
      return .closed
    }
    state = .halfOpen(halfOpen)
    return .none
  }

  /// Whether `token` is the probe in flight; else counts a stray.
  mutating func takeProbe(_ token: BreakerToken, of halfOpen: HalfOpen) -> Bool {
    if halfOpen.isInFlight(token) { return true }
    counters.strayResults += 1
    return false
  }

  /// Leaves half-open the way `end` says.
  mutating func halfOpenEnded(
    _ end: HalfOpen.End, _ halfOpen: HalfOpen, now: Instant
  ) -> OnDeadline {
    switch end {
    case .proven:
      close(now: now)
      return .closed
    case .probeUnanswered:
      noteFailure(nil, now: now)
      return .opened(until: reopen(.probeUnanswered, halfOpen, now: now))
    case .exhausted:
      return .opened(until: reopen(.noProbeSucceeded, halfOpen, now: now))
    }
  }
}
