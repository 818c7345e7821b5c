/// The operator's hand on the breaker. It outranks every result and timer.
extension Breaker {
  package enum OperatorCommand: Equatable, Sendable {
    case forceOpen
    case forceClosed
    /// Lets results decide again: closed after forced closed, half-open (the safer one) after forced
    /// open, and what led to it is forgiven.
    case automatic
    /// Ends the wait, whatever the upstream asked for; while half-open, the floor's.
    case probeNow
  }

  package enum OnOperatorCommand: Equatable, Sendable {
    /// Nothing to do: it was so already, or calls flow as before, or probing is of no use here.
    case none
    case opened
    /// It closed: start the recovery.
    case closed
    /// Dispatch: a probe may go.
    case halfOpened
    case probeDue
  }

  package mutating func operatorCommanded(
    _ command: OperatorCommand, now: Instant
  ) -> OnOperatorCommand {
    switch command {
    case .forceOpen: forceOpen(now: now)
    case .forceClosed: forceClosed(now: now)
    case .automatic: resumeAutomatic(now: now)
    case .probeNow: probeNow(now: now)
    }
  }

  private mutating func forceOpen(now: Instant) -> OnOperatorCommand {
    if case .forcedOpen = state { return .none }
    openReason = .operatorCommand
    enter(.forcedOpen, now: now)
    return .opened
  }

  private mutating func forceClosed(now: Instant) -> OnOperatorCommand {
    switch state {
    case .forcedClosed:
      return .none
    case .closed:
      enterFree(.forcedClosed, now: now)
      return .none
    case .open, .halfOpen, .forcedOpen:
      enterFree(.forcedClosed, now: now)
      return .closed
    }
  }

  private mutating func resumeAutomatic(now: Instant) -> OnOperatorCommand {
    switch state {
    case .closed, .open, .halfOpen:
      return .none
    case .forcedOpen:
      escalation.reset()
      enterHalfOpen(waited: .zero, now: now)
      return .halfOpened
    case .forcedClosed:
      escalation.reset()
      enterFree(.closed, now: now)
      return .none
    }
  }

  private mutating func probeNow(now: Instant) -> OnOperatorCommand {
    switch state {
    case .closed, .forcedOpen, .forcedClosed:
      return .none
    case .open(let opening):
      enterHalfOpen(waited: opening.wait, now: now)
      return .halfOpened
    case .halfOpen(var halfOpen):
      guard halfOpen.probe == nil else { return .none }
      halfOpen.probeDemanded(now: now)
      state = .halfOpen(halfOpen)
      return .probeDue
    }
  }
}
