import ForebayWire

// The orderly end: producers are told to stop, what is held is forwarded, and whatever is left at the
// deadline ends truthfully.
extension Sidecar {
  /// Starts the drain. Called again, it only brings the deadline nearer.
  package mutating func drain(until deadline: Instant, now: Instant) {
    switch lifecycle {
    case .running, .withdrawn: break
    case .draining(let known):
      lifecycle = .draining(until: min(known, deadline))
      return
    case .drained: return
    }
    lifecycle = .draining(until: deadline)
    tellAllToGo(now: now)
    finishDrainIfEmpty(now: now)
  }

  /// Asks for all unused credit, unless a RECLAIM is out already.
  mutating func reclaimAll(_ client: UInt32, now: Instant) {
    reclaim(client, keeping: .zero, now: now)
  }

  mutating func reclaim(_ client: UInt32, keeping keep: Cost, now: Instant) {
    let deadline = now + limits.reclaimTimeout
    guard clients[client].window.startReclaim(keeping: keep, deadline: deadline) != nil else {
      return
    }
    clients[client].owesReclaim = true
    markOutput(client)
    clientDeadlines.pull(client, to: deadline)
  }

  mutating func drainMillisecondsLeft(_ now: Instant) -> UInt32 {
    switch lifecycle {
    case .running, .drained: 0
    // Nobody ends the connection, so there is time for everything that is owed.
    case .withdrawn: .max
    case .draining(let until): UInt32(clamping: until.since(now).millisecondsRoundedUp)
    }
  }

  /// Looked at when a turn ends: nothing held and no credit out means that nothing can come any more.
  mutating func finishDrainIfEmpty(now: Instant) {
    guard case .draining = lifecycle else { return }
    for route in 0..<routes.count where !isEmpty(route: route) && !planted(.drainDoesNotWait) {
      return
    }
    finishDrain(now: now)
  }

  /// What is still held ends here. A `delivered`-level message gets no receipt: its client resends it.
  /// One that was receipted as received is lost, and its sender is told, with a flag if the upstream
  /// may have it.
  mutating func finishDrain(now: Instant) {
    guard lifecycle != .drained else { return }
    lifecycle = .drained
    for run in 0..<UInt32(store.runs.end) where store.runs.contains(run) {
      let receiver = store.runs[run].receiver
      guard store.runs[run].level == ReceiptLevel.received.rawValue,
        sessions[receiver].kind == .client, !planted(.drainForgetsHeld)
      else { continue }
      if store.runs[run].stage == .inFlight { store.runs[run].isUnanswered = true }
      settle(run, Verdict(outcome: .dropped, code: .shuttingDown), now: now)
    }
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      if clients[client].isOpen { oweWindow(client) } else { close(client, .shuttingDown) }
    }
    actions.append(.drained)
  }

  /// The last receipts are written: the connection may end.
  package mutating func closeDrained(_ now: Instant) {
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      close(client, .shuttingDown)
    }
  }
}
