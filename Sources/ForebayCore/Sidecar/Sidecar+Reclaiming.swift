import ForebayWire

// Unused credit is taken back, by a handshake, when somebody is shut for want of space.
extension Sidecar {
  /// Unused this long, credit above r may be asked back; without any demand, all of it.
  static var idleAfter: TimeSpan { .seconds(1) }
  /// Unused this long, r itself may be asked back while anybody waits.
  static var longIdleAfter: TimeSpan { .seconds(5) }

  /// Looks at the clients with unused credit, least recently used first. Returns when the next of them
  /// will have been idle long enough.
  mutating func reclaimIdle(_ route: UInt32, now: Instant) -> Instant? {
    guard routes[route].isPressed, !planted(.idleCreditIsKept) else { return nil }
    guard routes[route].firstWaiting != none || isTight(route) || isAnyPaced() else {
      routes[route].isPressed = false
      return nil
    }
    var next: Instant?
    var client = routes[route].firstLent
    while client != none {
      let following = clients[client].nextLent
      let idleSince = clients[client].lastData
      if now < idleSince + Self.idleAfter {
        return min(next ?? .distantFuture, idleSince + Self.idleAfter)
      }
      if clients[client].window.reclaim == nil, !clients[client].isWaiting {
        let due = askBack(client, route, idleSince: idleSince, now: now)
        if let due { next = min(next ?? .distantFuture, due) }
      }
      client = following
    }
    return next
  }

  /// Returns when more may be asked of the client, if that is later.
  private mutating func askBack(
    _ client: UInt32, _ route: UInt32, idleSince: Instant, now: Instant
  ) -> Instant? {
    let wants = clients[client].lastDemand.map { now < $0 + Self.demandLasts } ?? false
    let holds = sessions[clients[client].session].held.messages > 0
    let isLongIdle = idleSince + Self.longIdleAfter <= now && routes[route].firstWaiting != none
    let keep: Cost = (wants || holds) && !isLongIdle ? routes[route].reserve : .zero
    let deadline = now + limits.reclaimTimeout
    if clients[client].window.startReclaim(keeping: keep, deadline: deadline) != nil {
      routes[route].totals.reclaims += 1
      clients[client].owesReclaim = true
      markOutput(client)
      clientDeadlines.pull(client, to: deadline)
    }
    return keep.isZero ? nil : idleSince + Self.longIdleAfter
  }

  private mutating func isTight(_ route: UInt32) -> Bool {
    !(routes[route].reserve * 2).fits(in: routes[route].pool.free)
  }

  /// Whether a client, of any route, is shut because its class has out what its rate allows: a class's
  /// rate is one for all routes.
  private mutating func isAnyPaced() -> Bool {
    for route in 0..<UInt32(routes.end) {
      for client in routes[route].demanding
      where clients[client].reason == .rateLimited && isShut(client) {
        return true
      }
    }
    return false
  }

  // MARK: The chain of clients with unused credit, least recently used first

  mutating func joinLent(_ client: UInt32, _ route: UInt32) {
    guard !clients[client].isLending else { return }
    clients[client].isLending = true
    chainLent(client, route)
  }

  mutating func moveLent(_ client: UInt32) {
    let route = clients[client].route
    guard clients[client].isLending, routes[route].lastLent != client else { return }
    unchainLent(client, route)
    chainLent(client, route)
  }

  mutating func leaveLent(_ client: UInt32) {
    guard clients[client].isLending else { return }
    clients[client].isLending = false
    unchainLent(client, clients[client].route)
  }

  private mutating func chainLent(_ client: UInt32, _ route: UInt32) {
    let last = routes[route].lastLent
    clients[client].previousLent = last
    clients[client].nextLent = none
    if last == none { routes[route].firstLent = client } else { clients[last].nextLent = client }
    routes[route].lastLent = client
  }

  private mutating func unchainLent(_ client: UInt32, _ route: UInt32) {
    let before = clients[client].previousLent
    let after = clients[client].nextLent
    if before == none { routes[route].firstLent = after } else { clients[before].nextLent = after }
    if after == none {
      routes[route].lastLent = before
    } else {
      clients[after].previousLent = before
    }
  }
}
