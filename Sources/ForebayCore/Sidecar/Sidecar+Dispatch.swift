import ForebayWire

// From the queue to the upstream, when expiry, breaker, concurrency limit and rate limiter, in that
// order, allow.
extension Sidecar {
  mutating func pump(_ route: UInt32, now: Instant) {
    if lifecycle == .drained { return }
    if routes[route].isPeer {
      pumpLink(route, now: now)
    } else if routes[route].isOnHold, !planted(.holdStillDispatches) {
      returnUnusedLeave(route, now: now)
    } else {
      pumpCalls(route, now: now)
    }
    // Not `isEmpty`: what waits for its retry is still there.
    if routes[route].ramp.isActive, routes[route].queue.queuedMessages == 0 {
      routes[route].ramp.queueEmptied()
    }
    scheduleRoute(route, now: now)
  }

  /// The next flow with something to send, after what has expired at its head is settled. `flow` itself as
  /// long as it has anything, if it is one.
  mutating func nextFlow(_ route: UInt32, after flow: UInt32 = none, now: Instant) -> UInt32? {
    while let flow = routes[route].queue.choose(after: flow) {
      let run = routes[route].queue.flows[flow].first
      guard store.runs[run].deadline <= now else { return flow }
      settle(run, Verdict(outcome: .expired, code: .ttlExpired), now: now)
    }
    return nil
  }

  /// How many messages may be handed over now, by everything but the breaker and the upstream's own
  /// credit. Zero when the route has to wait.
  mutating func allowance(_ route: UInt32, now: Instant) -> Int {
    let inFlight = planted(.inFlightLimitIgnored) ? 0 : routes[route].inFlightMessages
    guard inFlight < routes[route].upstream.inFlightMessagesMax,
      routes[route].inFlightBytes < routes[route].upstream.inFlightBytesMax
    else { return 0 }
    var room = routes[route].upstream.inFlightMessagesMax - inFlight
    if routes[route].ramp.isActive {
      room = min(room, routes[route].ramp.allowance(inFlight: inFlight, now: now))
    }
    if routes[route].limiter != nil {
      room = min(room, routes[route].limiter!.available(now: now))
    }
    return room
  }

  /// How many of a flow's first `count` messages the retry budget allows. Where it allows none, the flow
  /// waits, and whatever else is queued goes on.
  mutating func withinBudget(_ count: Int, of flow: UInt32, _ route: UInt32, now: Instant) -> Int {
    let run = routes[route].queue.flows[flow].first
    // Half-open, the breaker says how many go, and after it has closed the recovery does: whatever was
    // out when the upstream failed is a retry, and waiting for ten a second would be another outage.
    guard store.runs[run].attempts > 0, routes[route].breaker.isFree, !routes[route].ramp.isActive
    else { return count }
    // What a lost connection took along comes again as often as the connection, which waits longer each
    // time.
    if routes[route].upstream.connects, store.runs[run].isUnanswered { return count }
    let available = routes[route].budget.available(now: now)
    if available == 0, case .wait(let until) = routes[route].budget.retryRequested(1, now: now) {
      if routes[route].isOrdered {
        routes[route].queue.pause(flow, until: until)
      } else {
        routes[route].queue.remove(run, from: flow, &store.runs)
        store.runs[run].stage = .shelved
        routes[route].shelf.add(run, due: until)
      }
    }
    return min(count, available)
  }

  enum Leave: Equatable {
    case dispatch(BreakerToken)
    /// Exactly one message.
    case probe(BreakerToken)
    case refused
  }

  mutating func leave(_ route: UInt32, now: Instant) -> Leave {
    switch routes[route].breaker.permitRequested(now: now) {
    case .dispatch(let token): .dispatch(token)
    case .probe(let token): .probe(token)
    case .wait: .refused
    }
  }

  /// Takes the first `count` messages of a flow's first run out of the queue, as a run of their own.
  mutating func take(_ count: Int, from flow: UInt32, _ route: UInt32, now: Instant) -> UInt32 {
    let run = routes[route].queue.flows[flow].first
    if count < Int(store.runs[run].count) { _ = splitInChain(run, before: count) }
    // Charged first: a flow that runs empty starts anew, without a debt.
    routes[route].queue.charge(flow, routes[route].queue.cost(of: run, store.runs))
    routes[route].queue.remove(run, from: flow, &store.runs)
    if routes[route].limiter != nil { _ = routes[route].limiter!.take(count, now: now) }
    if routes[route].ramp.isActive { routes[route].ramp.messagesDispatched(count) }
    classDispatched(store.runs[run].owner, count, now: now)
    routes[route].queue.flows[flow].inFlight += count
    routes[route].inFlightMessages += count
    routes[route].inFlightBytes += Int(store.runs[run].liveBytes)
    routes[route].totals.dispatched += UInt64(count)
    if store.runs[run].attempts > 0 {
      routes[route].totals.retried += UInt64(count)
      _ = routes[route].budget.retryRequested(count, now: now)
    } else {
      routes[route].budget.firstAttempted(count, now: now)
    }
    if store.runs[run].attempts < .max { store.runs[run].attempts += 1 }
    store.runs[run].stage = .inFlight
    return run
  }

  /// Settles a token, and does what the transition means for the route: windows say why they are shut,
  /// the ramp begins or ends, the queue is looked at.
  mutating func settleToken(
    _ route: UInt32, _ token: BreakerToken, _ result: CallResult, messages: Int, now: Instant
  ) {
    switch routes[route].breaker.callSettled(token, result, now: now) {
    case .none: feedRamp(route, result, messages: messages, now: now)
    case .stale: break
    case .opened: breakerOpened(route)
    case .closed: breakerClosed(route, now: now)
    }
    stir(route)
  }

  private mutating func feedRamp(
    _ route: UInt32, _ result: CallResult, messages: Int, now: Instant
  ) {
    guard routes[route].ramp.isActive else { return }
    switch result {
    case .success: routes[route].ramp.callSucceeded(messages: messages, now: now)
    case .failure, .throttled: routes[route].ramp.callFailed(now: now)
    case .neutral: break
    }
  }

  mutating func breakerOpened(_ route: UInt32) {
    routes[route].ramp.breakerOpened()
    tellShut(route)
  }

  mutating func breakerClosed(_ route: UInt32, now: Instant) {
    routes[route].ramp.breakerClosed(
      waiting: routes[route].queue.queuedMessages,
      fullLimit: routes[route].upstream.inFlightMessagesMax,
      rateBefore: routes[route].breaker.rateBefore, now: now)
    tellShut(route)
    stir(route)
  }

  /// Takes a run out of flight after all its messages are settled.
  mutating func leaveFlight(_ run: UInt32) {
    let route = UInt32(store.runs[run].route)
    if routes[route].isPeer { leaveLink(run, route) } else { leaveCall(run) }
  }

  /// `count` messages of a run's flow are no longer in flight.
  mutating func landed(_ run: UInt32, _ count: Int, _ route: UInt32) {
    let flow = flow(of: store.runs[run].owner, lane: store.runs[run].lane)
    routes[route].queue.landed(count, of: flow)
    stir(route)
  }

  mutating func insertInFlight(_ second: UInt32, behind run: UInt32, _ route: UInt32) {
    let after = store.runs[run].next
    store.runs[second].previous = run
    store.runs[second].next = after
    store.runs[run].next = second
    if after != none {
      store.runs[after].previous = second
    } else if routes[route].isPeer {
      links[route].last = second
    } else {
      calls[store.runs[run].call].last = second
    }
  }

  /// Puts an unsettled, whole run back into its queue.
  mutating func putBack(_ run: UInt32, _ route: UInt32) {
    land(run, route)
    enqueueAgain(run, route)
  }

  /// Lets a run wait outside its queue, so that nothing waits behind it.
  mutating func shelve(_ run: UInt32, _ route: UInt32, until due: Instant) {
    land(run, route)
    store.runs[run].stage = .shelved
    routes[route].shelf.add(run, due: due)
  }

  /// What was shelved and is due goes back into its queue, before everything younger.
  mutating func unshelveDue(_ route: UInt32, now: Instant) {
    while let run = routes[route].shelf.popDue(now) { enqueueAgain(run, route) }
  }

  private mutating func enqueueAgain(_ run: UInt32, _ route: UInt32) {
    let flow = flow(of: store.runs[run].owner, lane: store.runs[run].lane)
    store.runs[run].stage = .queued
    routes[route].queue.putBack(run, to: flow, &store.runs)
  }

  /// An unsettled, whole run is with the upstream no more.
  private mutating func land(_ run: UInt32, _ route: UInt32) {
    let count = Int(store.runs[run].count)
    let flow = flow(of: store.runs[run].owner, lane: store.runs[run].lane)
    routes[route].inFlightMessages -= count
    routes[route].inFlightBytes -= Int(store.runs[run].liveBytes)
    classLanded(store.runs[run].owner, count)
    store.runs[run].token = nil
    noteDeadline(run)
    routes[route].queue.landed(count, of: flow)
  }
}
