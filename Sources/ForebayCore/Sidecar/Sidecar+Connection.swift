import ForebayWire

// The connection of an upstream that takes batches: made when something waits, given up when an answer
// is overdue, and lost with all calls that are out.
extension Sidecar {
  /// Whether calls may go. Connects if that is what it takes.
  mutating func isConnected(_ route: UInt32, now: Instant) -> Bool {
    switch routes[route].connection.phase {
    case .open: return true
    case .connecting, .closing: return false
    case .disconnected: break
    }
    guard routes[route].connection.retryAt <= now, !routes[route].throttle.isOn(now),
      nextFlow(route, now: now) != nil
    else { return false }
    switch leave(route, now: now) {
    case .refused: return false
    case .dispatch(let token), .probe(let token):
      routes[route].connection.began(token, now: now)
    }
    actions.append(.connectLink(route))
    return false
  }

  /// The leave for the next call: the connect's own, if that was a probe and the breaker still waits for
  /// it, or a new one.
  mutating func callLeave(_ route: UInt32, now: Instant) -> Leave {
    guard let token = routes[route].connection.token else { return leave(route, now: now) }
    routes[route].connection.token = nil
    if routes[route].breaker.awaits(token) { return .probe(token) }
    settleToken(route, token, .neutral, messages: 0, now: now)
    return leave(route, now: now)
  }

  /// The connect succeeded and nothing can be sent now: no verdict on the upstream.
  mutating func returnUnusedLeave(_ route: UInt32, now: Instant) {
    guard let token = routes[route].connection.token else { return }
    routes[route].connection.token = nil
    settleToken(route, token, .neutral, messages: 0, now: now)
  }

  // MARK: Events

  /// It is connected, greeted and ready for calls.
  package mutating func upstreamConnected(_ route: UInt32, now: Instant) {
    guard routes[route].connection.phase == .connecting else { return }
    routes[route].connection.opened()
    if let token = routes[route].connection.token, !token.isProbe {
      // In the closed state the connect proves nothing.
      routes[route].connection.token = nil
      settleToken(route, token, .neutral, messages: 0, now: now)
    }
    stir(route)
  }

  /// What is written and not out has grown beyond the stream's mark, or is nearly gone again.
  package mutating func upstreamBusy(_ route: UInt32, _ isBusy: Bool) {
    routes[route].connection.isBusy = isBusy
    if !isBusy { stir(route) }
  }

  /// It says that it takes nothing for now, or again: its memory or disk is nearly full. That is no failure:
  /// what is out waits with it, and has its whole time again afterwards. Half of it goes on then, and grows.
  package mutating func upstreamPaused(_ route: UInt32, _ isPaused: Bool, now: Instant) {
    guard routes[route].connection.isPaused != isPaused else { return }
    routes[route].connection.isPaused = isPaused
    if isPaused {
      routes[route].ramp.callThrottled(
        fullLimit: routes[route].upstream.inFlightMessagesMax,
        inFlight: routes[route].inFlightMessages, now: now)
      return
    }
    var call = routes[route].firstCall
    while call != none {
      calls[call].startedAt = now
      call = calls[call].next
    }
    stir(route)
  }

  /// The connect failed or the connection ended, whoever ended it. What isn't answered may have been
  /// taken; for the breaker all of it is one failure. `throttle`: it isn't down, it says "later".
  package mutating func upstreamClosed(
    _ route: UInt32, retryAfter: TimeSpan?, isThrottle: Bool, now: Instant
  ) {
    guard routes[route].connection.phase != .disconnected else { return }
    // An attempt that was out for too long has been counted already, and so has what we gave up.
    var result: CallResult =
      routes[route].connection.phase == .closing && routes[route].connection.token == nil
      ? .neutral
      : isThrottle ? .throttled(retryAfter: retryAfter) : .failure(retryAfter: retryAfter)
    routes[route].connection.closed(retryAfter: retryAfter, now: now)
    if let token = routes[route].connection.token {
      routes[route].connection.token = nil
      settleToken(route, token, result, messages: 0, now: now)
      result = .neutral
    }
    while routes[route].firstCall != none {
      let call = routes[route].firstCall
      if let token = calls[call].token {
        calls[call].token = nil
        settleToken(route, token, result, messages: 0, now: now)
        result = .neutral
      }
      callSettled(call, .unknown, now: now)
    }
    stir(route)
  }

  // MARK: Time

  /// An attempt is out for too long. Whatever comes behind it on the connection waits for it, too; so the
  /// connection is given up, and its calls come back.
  mutating func connectionUnanswered(_ route: UInt32) {
    guard routes[route].upstream.connects, routes[route].connection.phase == .open else { return }
    routes[route].connection.givenUp()
    actions.append(.closeLink(route, .unanswered))
  }

  mutating func nextConnectionDeadline(_ route: UInt32, now: Instant) -> Instant? {
    guard routes[route].upstream.connects else { return nil }
    if let deadline = routes[route].connection.deadline { return deadline }
    // Past `retryAt` it is the breaker that waits, or the queue, and they have deadlines of their own.
    guard routes[route].connection.phase == .disconnected, !routes[route].queue.isEmpty,
      routes[route].connection.retryAt > now
    else { return nil }
    return routes[route].connection.retryAt
  }

  mutating func connectionDeadlineReached(_ route: UInt32, now: Instant) {
    guard let deadline = routes[route].connection.deadline, deadline <= now else { return }
    routes[route].connection.givenUp()
    actions.append(.closeLink(route, .unanswered))
  }
}
