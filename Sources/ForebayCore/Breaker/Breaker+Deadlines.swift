/// Time: the wait, the half-open period's timers, the decay. One deadline stands for all of them.
extension Breaker {
  /// When to call `deadlineReached` next, if ever. It can change with any call to the breaker.
  package var deadline: Instant? {
    phase == .closed && escalation.level > 0 ? escalation.decayAt : stateDeadline
  }

  package enum OnDeadline: Equatable, Sendable {
    case none
    /// The wait is over: dispatch, a probe may go.
    case halfOpened
    /// The next floor probe may go: dispatch.
    case probeDue
    /// It opened again: make no call before then.
    case opened(until: Instant)
    /// It closed: start the recovery.
    case closed
  }

  /// Does what is due. Harmless when nothing is; several calls late it gives the same outcome.
  package mutating func deadlineReached(now: Instant) -> OnDeadline {
    switch state {
    case .closed:
      escalation.decay(settings, now: now)
      return .none
    case .open(let opening):
      guard now >= opening.until else { return .none }
      enterHalfOpen(waited: opening.wait, now: now)
      return .halfOpened
    case .halfOpen(var halfOpen):
      if let end = halfOpen.end(settings, now: now) {
        return halfOpenEnded(end, halfOpen, now: now)
      }
      let isProbeDue = halfOpen.timersMoved(settings, now: now)
      state = .halfOpen(halfOpen)
      return isProbeDue ? .probeDue : .none
    case .forcedOpen, .forcedClosed:
      return .none
    }
  }
}
