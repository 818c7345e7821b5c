import ForebayWire

// What operators command. Nothing here takes credit back by itself: what is out stays good until its
// client has answered a RECLAIM.
extension Sidecar {
  /// What a command came upon.
  package enum OnCommand: Equatable, Sendable {
    case changed
    /// It was so already.
    case unchanged
  }

  // MARK: Routes

  /// Intake stops: windows shut, what arrives within credit is still taken, what is held goes on.
  package mutating func pauseCommanded(route index: Int, now: Instant) -> OnCommand {
    let route = UInt32(index)
    guard !routes[route].isPaused else { return .unchanged }
    routes[route].isPaused = true
    for client in 0..<UInt32(clients.end)
    where clients.contains(client) && clients[client].isOpen && clients[client].route == route {
      stopIntake(of: client, .paused, now: now)
    }
    return .changed
  }

  /// Forwarding stops at once; intake goes on as long as there is space.
  package mutating func holdCommanded(route index: Int, now: Instant) -> OnCommand {
    let route = UInt32(index)
    guard !routes[route].isOnHold else { return .unchanged }
    routes[route].isOnHold = true
    tellShut(route)
    stir(route)
    return .changed
  }

  /// Undoes pause and hold.
  package mutating func resumeCommanded(route index: Int, now: Instant) -> OnCommand {
    let route = UInt32(index)
    guard routes[route].isPaused || routes[route].isOnHold else { return .unchanged }
    routes[route].isPaused = routes[route].isPaused && planted(.pauseDoesNotReopen)
    routes[route].isOnHold = false
    for client in 0..<UInt32(clients.end)
    where clients.contains(client) && clients[client].isOpen && clients[client].route == route {
      // It gave its credit back because it was asked to, not because it wanted none.
      clients[client].isResting = false
      markDirty(client)
    }
    tellShut(route)
    stir(route)
    return .changed
  }

  /// The operator's hand on a route's breaker.
  @discardableResult
  package mutating func breakerCommanded(
    _ command: Breaker.OperatorCommand, route index: Int, now: Instant
  ) -> Breaker.OnOperatorCommand {
    let route = UInt32(index)
    let result = routes[route].breaker.operatorCommanded(command, now: now)
    switch result {
    case .none, .halfOpened, .probeDue: break
    case .opened: breakerOpened(route)
    case .closed: breakerClosed(route, now: now)
    }
    stir(route)
    return result
  }

  // MARK: Drain and back

  /// Takes the daemon out of service: as a drain, but it stays, and can be put back.
  package mutating func withdrawCommanded(now: Instant) -> OnCommand {
    switch lifecycle {
    case .running: break
    case .withdrawn, .draining, .drained: return .unchanged
    }
    lifecycle = .withdrawn
    tellAllToGo(now: now)
    return .changed
  }

  /// Back in service. Whoever was told to go may send nothing more on its connection, so those that
  /// are still there are ended; they come again and resume.
  package mutating func restoreCommanded(now: Instant) -> OnCommand {
    switch lifecycle {
    case .withdrawn: break
    case .running, .draining, .drained: return .unchanged
    }
    lifecycle = .running
    for client in 0..<UInt32(clients.end) where clients.contains(client) && clients[client].isOpen {
      close(client, .shuttingDown)
    }
    return .changed
  }

  /// GOAWAY and a shut window for everybody.
  mutating func tellAllToGo(now: Instant) {
    for client in 0..<UInt32(clients.end) where clients.contains(client) && clients[client].isOpen {
      clients[client].owesGoAway = .shuttingDown
      stopIntake(of: client, .draining, now: now)
    }
  }

  private mutating func stopIntake(of client: UInt32, _ reason: WindowReason, now: Instant) {
    clients[client].reason = reason
    leaveWaiting(client)
    reclaimAll(client, now: now)
    oweWindow(client)
    markDirty(client)
  }

  /// Whether the route's clients get no credit, whatever space there is.
  mutating func intakeStop(_ route: UInt32) -> WindowReason? {
    if lifecycle != .running { return .draining }
    return routes[route].isPaused && !planted(.pauseStillGrants) ? .paused : nil
  }

  /// Nothing held and no credit out: nothing can come any more while intake is stopped.
  package func isEmpty(route index: Int) -> Bool {
    let route = UInt32(index)
    return routes[route].pool.held.messages == 0 && routes[route].pool.open.messages == 0
  }

  // MARK: Clients

  /// Ends a connection with KILLED. Its session, and what is held of it, stays.
  package mutating func killCommanded(_ id: ClientID) -> Bool {
    guard let client = slot(id), !clients[client].isClosing else { return false }
    close(client, .killed)
    return true
  }

  /// The most that one client may have unsettled, in place of its class's or its route's; nil goes back
  /// to that. False if there is no such connection.
  package mutating func creditCommanded(
    _ messages: UInt64?, client id: ClientID, now: Instant
  ) -> Bool {
    guard let client = slot(id), !clients[client].isClosing else { return false }
    clients[client].windowMaximum = messages
    windowMaximumChanged(client, now: now)
    return true
  }

  /// The same for every client of a class that has none of its own.
  package mutating func creditCommanded(_ messages: UInt64?, classIndex: Int, now: Instant) {
    classRates[classIndex].windowMaximum = messages
    for client in 0..<UInt32(clients.end)
    where clients.contains(client) && clients[client].classIndex == classIndex {
      windowMaximumChanged(client, now: now)
    }
  }

  mutating func windowMaximum(of client: UInt32) -> UInt64 {
    let route = clients[client].route
    let own =
      clients[client].windowMaximum ?? classRates[clients[client].classIndex].windowMaximum
    guard let own else { return routes[route].windowMessagesMax }
    return min(own, routes[route].pool.capacity.messages)
  }

  /// Credit above a lower maximum is asked back; above a higher one it grows with use.
  private mutating func windowMaximumChanged(_ client: UInt32, now: Instant) {
    guard clients[client].isOpen else { return }
    clients[client].target = min(
      max(clients[client].target, startingTarget(client)), windowMaximum(of: client))
    clients[client].isResting = false
    trimCredit(client, now: now)
    markDirty(client)
  }

  /// Asks for open credit above the window's size, unless a RECLAIM is out already.
  mutating func trimCredit(_ client: UInt32, now: Instant) {
    clients[client].isTrimDue = clients[client].window.reclaim != nil
    let held = sessions[clients[client].session].held
    let keep = windowCost(clients[client].target, clients[client].route).above(held)
    guard clients[client].window.open.messages > keep.messages else { return }
    reclaim(client, keeping: keep, now: now)
  }

  // MARK: Connections

  /// Connections in all, whatever the settings say. Those beyond a lower number stay until they end.
  package mutating func connectionsMaxCommanded(_ count: Int) { connectionsMaxSet = count }
}
