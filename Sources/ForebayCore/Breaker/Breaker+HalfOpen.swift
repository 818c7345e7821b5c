import ForebayWire

/// What the breaker does with requests and results while calls don't flow freely. The bookkeeping of
/// the half-open period is `HalfOpen`'s.
extension Breaker {
  /// Places a probe if one may go now.
  @inline(never)
  mutating func probeRequested(now: Instant) -> OnPermitRequest {
    switch state {
    case .closed, .forcedClosed:
      brokenInvariant("a breaker that lets calls through needs no probe")
    case .forcedOpen:
      return .wait(until: nil)
    case .open(let opening):
      guard now >= opening.until else { return .wait(until: opening.until) }
      enterHalfOpen(waited: opening.wait, now: now)
      return probeRequested(now: now)
    case .halfOpen(let halfOpen):
      return probeRequested(halfOpen, now: now)
    }
  }

  private mutating func probeRequested(_ before: HalfOpen, now: Instant) -> OnPermitRequest {
    var halfOpen = before
    guard let probe = halfOpen.probeRequested(settings, now: now) else {
      return .wait(until: halfOpen.deadline(settings))
    }
    state = .halfOpen(halfOpen)
    if probe.isFloor { counters.floorProbes += 1 } else { counters.quotaProbes += 1 }
    return .probe(
      BreakerToken(
        generation: generation, serial: probe.serial, isProbe: true, startedAt: now))
  }

  /// The probe wasn't sent.
  mutating func probeReturned(_ token: BreakerToken) {
    guard case .halfOpen(var halfOpen) = state, halfOpen.isInFlight(token) else {
      counters.strayResults += 1
      return
    }
    halfOpen.probeReturned()
    counters.neutralProbes += 1
    state = .halfOpen(halfOpen)
  }

  /// A result of this generation while calls don't flow freely: the probe's.
  @inline(never)
  mutating func probeSettled(
    _ token: BreakerToken, _ result: CallResult, now: Instant
  ) -> OnCallSettled {
    guard case .halfOpen(let before) = state else {
      // No permit is ever given in the generation of an opening.
      counters.strayResults += 1
      return .stale
    }
    // An end that was due before this result came first, however late its timer is.
    if let end = before.end(settings, now: now) {
      counters.staleResults += 1
      switch halfOpenEnded(end, before, now: now) {
      case .opened(let until): return .opened(until: until)
      case .closed: return .closed
      case .none, .halfOpened, .probeDue: brokenInvariant("an end of half-open is a transition")
      }
    }
    guard before.isInFlight(token) else {
      counters.strayResults += 1
      return .stale
    }
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
