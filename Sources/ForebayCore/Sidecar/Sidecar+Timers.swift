import ForebayWire

// Deadlines. The shell owns one timer; the core tells it the next instant that matters.
extension Sidecar {
  package mutating func nextDeadline() -> Instant? {
    var next = clientDeadlines.nextOrNever
    next = min(next, sessionDeadlines.nextOrNever)
    next = min(next, runDeadlines.nextOrNever)
    next = min(next, routeDeadlines.nextOrNever)
    if case .draining(let until) = lifecycle { next = min(next, until) }
    return next == .distantFuture ? nil : next
  }

  private var drainDeadline: Instant? {
    if case .draining(let until) = lifecycle { return until }
    return nil
  }

  /// Does everything that is due. Call `turnEnded` afterwards.
  package mutating func deadlineReached(now: Instant) {
    while let client = clientDeadlines.popExpired(now) { clientDue(client, now: now) }
    while let run = runDeadlines.popExpired(now) { runDue(run, now: now) }
    while let route = routeDeadlines.popExpired(now) { routeDue(route, now: now) }
    while let session = sessionDeadlines.popExpired(now) {
      if sessions[session].client == none, !sessions[session].isHolding { forget(session) }
    }
    if let until = drainDeadline, until <= now { finishDrain(now: now) }
  }

  // MARK: Clients

  /// The next instant at which the connection needs a look; set anew after each.
  mutating func scheduleClient(_ client: UInt32, now: Instant) {
    var next: Instant?
    func consider(_ at: Instant?) {
      if let at, at < next ?? .distantFuture { next = at }
    }
    switch clients[client].phase {
    case .awaitingHello: consider(clients[client].acceptedAt + limits.helloTimeout)
    case .takingOver, .closing: break
    case .open:
      consider(clients[client].window.reclaim?.deadline)
      consider(shutRepeat(client, now: now))
      if !clients[client].window.unannounced.isZero, clients[client].stalledSince == nil {
        consider(clients[client].lastWindowAt + Self.windowDelay)
      }
      consider(heartbeat(client))
    }
    consider(clients[client].partialSince.map { $0 + limits.frameTimeout })
    consider(clients[client].stalledSince.map { $0 + limits.slowReaderTimeout })
    // Never in the past: what is due now has been done, or waits for the socket.
    clientDeadlines.set(client, next.map { max($0, now + .milliseconds(1)) })
  }

  mutating func shutRepeat(_ client: UInt32, now: Instant) -> Instant? {
    let isAsking =
      clients[client].isDemanding || clients[client].isWaiting || clients[client].blockedCost > 0
    guard isShut(client), isAsking, clients[client].stalledSince == nil,
      !planted(.shutWindowIsNotRepeated)
    else { return nil }
    let interval = max(clients[client].heartbeatInterval, Self.shutRepeatMin)
    return clients[client].lastWindowAt + interval
  }

  private mutating func heartbeat(_ client: UInt32) -> Instant? {
    clients[client].heartbeat.map { (clients[client].pingedAt ?? clients[client].heardAt) + $0 }
  }

  private mutating func clientDue(_ client: UInt32, now: Instant) {
    guard clients.contains(client) else { return }
    if clients[client].phase == .awaitingHello,
      clients[client].acceptedAt + limits.helloTimeout <= now
    {
      return close(client, .helloTimeout)
    }
    if let since = clients[client].partialSince, since + limits.frameTimeout <= now {
      return close(client, .frameTimeout)
    }
    if let since = clients[client].stalledSince, since + limits.slowReaderTimeout <= now {
      return close(client, .slowReader)
    }
    if clients[client].phase == .open {
      if let reclaim = clients[client].window.reclaim, reclaim.deadline <= now {
        return close(client, .reclaimTimeout)
      }
      if !beat(client, now: now) { return }
      if let again = shutRepeat(client, now: now), again <= now { oweWindow(client) }
      if !clients[client].window.unannounced.isZero,
        clients[client].lastWindowAt + Self.windowDelay <= now
      {
        oweWindow(client)
      }
      markDirty(client)
    }
    scheduleClient(client, now: now)
  }

  /// Whether the other end still lives, as far as can be told.
  private mutating func beat(_ client: UInt32, now: Instant) -> Bool {
    guard let due = heartbeat(client), due <= now else { return true }
    if let pinged = clients[client].pingedAt, clients[client].heardAt <= pinged {
      close(client, .heartbeatTimeout)
      return false
    }
    clients[client].pingedAt = now
    clients[client].owesPing = true
    markOutput(client)
    return true
  }

  // MARK: Messages

  /// Notes when a run expires, for those that can.
  mutating func noteDeadline(_ run: UInt32) {
    if store.runs[run].deadline != .distantFuture {
      runDeadlines.set(run, store.runs[run].deadline)
    }
  }

  /// A run's time is up. What the upstream is working on waits for its verdict; what waits, in a queue
  /// or on a link that is down, expires.
  private mutating func runDue(_ run: UInt32, now: Instant) {
    guard store.runs.contains(run) else { return }
    let route = UInt32(store.runs[run].route)
    switch store.runs[run].stage {
    case .queued, .shelved:
      break
    case .inFlight:
      guard routes[route].isPeer, links[route].phase == .disconnected else { return }
    }
    settle(run, Verdict(outcome: .expired, code: .ttlExpired), now: now)
    stir(route)
  }

  // MARK: Routes

  mutating func scheduleRoute(_ route: UInt32, now: Instant) {
    var next: Instant?
    func consider(_ at: Instant?) {
      if let at, at < next ?? .distantFuture { next = at }
    }
    consider(routes[route].breaker.deadline)
    consider(routes[route].queue.nextRelease)
    consider(routes[route].shelf.next)
    if routes[route].isPeer {
      consider(nextLinkDeadline(route, now: now))
    } else {
      consider(nextCallTimeout(route))
      consider(nextConnectionDeadline(route, now: now))
    }
    if !routes[route].queue.isEmpty, !routes[route].isOnHold {
      consider(routes[route].throttle.until(now))
      if let at = routes[route].flushAt, at > now { consider(at) }
      if let limiter = routes[route].limiter,
        case .atLeast(let wait) = limiter.wait(for: 1, now: now)
      {
        consider(now + wait)
      }
      consider(
        routes[route].ramp.nextAllowanceAt(inFlight: routes[route].inFlightMessages, now: now))
    }
    if routes[route].isPressed { consider(routes[route].reclaimAt) }
    routeDeadlines.set(route, next.map { max($0, now + .milliseconds(1)) })
  }

  /// How often a pressed route looks for idle credit, at the most.
  static var reclaimTick: TimeSpan { .milliseconds(100) }

  private mutating func routeDue(_ route: UInt32, now: Instant) {
    switch routes[route].breaker.deadlineReached(now: now) {
    case .none, .halfOpened, .probeDue: break
    case .opened: breakerOpened(route)
    case .closed: breakerClosed(route, now: now)
    }
    routes[route].queue.releaseDue(now)
    unshelveDue(route, now: now)
    if routes[route].isPeer {
      linkDeadlineReached(route, now: now)
    } else {
      timeOutCalls(route, now: now)
      connectionDeadlineReached(route, now: now)
    }
    if routes[route].isPressed {
      let next = reclaimIdle(route, now: now)
      routes[route].reclaimAt = max(next ?? now, now + Self.reclaimTick)
    }
    stir(route)
  }
}
