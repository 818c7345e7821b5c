package import ForebayWire

// Upstreams that take batches: a call holds runs, and its verdict settles or returns them.
extension Sidecar {
  mutating func pumpCalls(_ route: UInt32, now: Instant) {
    while nextFlow(route, now: now) != nil {
      guard allowance(route, now: now) > 0,
        routes[route].callCount < routes[route].upstream.callsMax
      else { return }
      let token: BreakerToken
      let messagesMax: Int
      switch leave(route, now: now) {
      case .refused: return
      case .dispatch(let granted):
        token = granted
        messagesMax = routes[route].upstream.batchMessagesMax
      case .probe(let granted):
        token = granted
        messagesMax = 1
      }
      let call = calls.insert(Call(route: route, token: token, startedAt: now))
      fill(call, messagesMax, now: now)
      guard calls[call].messages > 0 else {
        // Nothing but retries beyond their budget, or classes beyond their rate, was there.
        calls.remove(call)
        routes[route].breaker.permitReturned(token)
        return
      }
      chain(call, to: route)
      actions.append(.dispatch(route: route, call: call))
    }
  }

  /// Adds runs, or parts of them, until the batch is full or nothing more may go.
  private mutating func fill(_ call: UInt32, _ messagesMax: Int, now: Instant) {
    let route = calls[call].route
    let traits = routes[route].upstream
    var bytes = 0
    while calls[call].messages < messagesMax, bytes < traits.batchBytesMax,
      let flow = nextFlow(route, now: now)
    {
      let room = min(messagesMax - calls[call].messages, allowance(route, now: now))
      guard room > 0 else { return }
      let first = routes[route].queue.flows[flow].first
      let wanted = min(room, Int(store.runs[first].count))
      let paced = withinClassRate(wanted, of: flow, route, now: now)
      let count = paced > 0 ? withinBudget(paced, of: flow, route, now: now) : 0
      guard count > 0 else { continue }
      let run = take(count, from: flow, route, now: now)
      append(run, to: call)
      bytes += Int(store.runs[run].liveBytes)
      let isSingle = routes[route].isOrdered && !traits.failsInOrder
      if isSingle, !planted(.twoCallsOfOneClient) { routes[route].queue.holdForFlight(flow) }
    }
  }

  private mutating func append(_ run: UInt32, to call: UInt32) {
    let last = calls[call].last
    store.runs[run].call = call
    store.runs[run].previous = last
    store.runs[run].next = none
    if last == none { calls[call].first = run } else { store.runs[last].next = run }
    calls[call].last = run
    calls[call].messages += Int(store.runs[run].count)
  }

  private mutating func chain(_ call: UInt32, to route: UInt32) {
    routes[route].callCount += 1
    let last = routes[route].lastCall
    calls[call].previous = last
    if last == none { routes[route].firstCall = call } else { calls[last].next = call }
    routes[route].lastCall = call
  }

  private mutating func unchain(_ call: UInt32) {
    let route = calls[call].route
    routes[route].callCount -= 1
    let before = calls[call].previous
    let after = calls[call].next
    if before == none { routes[route].firstCall = after } else { calls[before].next = after }
    if after == none { routes[route].lastCall = before } else { calls[after].previous = before }
  }

  mutating func leaveCall(_ run: UInt32) {
    let call = store.runs[run].call
    let before = store.runs[run].previous
    let after = store.runs[run].next
    if before == none { calls[call].first = after } else { store.runs[before].next = after }
    if after == none { calls[call].last = before } else { store.runs[after].previous = before }
  }

  // MARK: For the shell

  /// A stretch of a call's frames that lie side by side.
  package struct Stretch {
    package let tag: ID128
    package let firstSequence: UInt64
    package let count: Int
    package let lane: UInt8
    package let bytes: UnsafeRawBufferPointer
  }

  /// The frames of a call, in order. The memory is good until the next event.
  package func eachStretch(ofCall call: UInt32, _ body: (Stretch) -> Void) {
    var run = calls[call].first
    while run != none {
      let tag = sessions[store.runs[run].owner].tag
      store.runs[run].eachStretch { index, count, bytes in
        body(
          Stretch(
            tag: tag, firstSequence: store.runs[run].firstSequence + UInt64(index), count: count,
            lane: store.runs[run].lane, bytes: bytes))
      }
      run = store.runs[run].next
    }
  }

  /// The upstream's answer to a call. Each call gets one.
  package mutating func callSettled(_ call: UInt32, _ verdict: CallVerdict, now: Instant) {
    invariant(calls.contains(call), "a call is settled once")
    let route = calls[call].route
    let messages = calls[call].messages
    unchain(call)
    switch verdict {
    case .accepted:
      settleAll(call, Verdict(outcome: .delivered), now: now)
    case .rejected(let code):
      settleAll(call, Verdict(outcome: .rejected, code: code), now: now)
    case .failed(let after), .throttled(let after):
      putBackAll(call, retryAfter: after, now: now)
    }
    if let token = calls[call].token {
      settleToken(route, token, CallResult(verdict), messages: messages, now: now)
    }
    calls.remove(call)
    stir(route)
  }

  private mutating func settleAll(_ call: UInt32, _ verdict: Verdict, now: Instant) {
    while calls[call].first != none { settle(calls[call].first, verdict, now: now) }
  }

  /// On an ordered route every flow of the call waits before it is tried again, and its order is kept;
  /// on another the runs alone wait.
  private mutating func putBackAll(_ call: UInt32, retryAfter: TimeSpan?, now: Instant) {
    let route = calls[call].route
    while calls[call].first != none {
      let run = calls[call].first
      separate(run)
      leaveCall(run)
      var wait = routes[route].settings.backoff.wait(
        failures: UInt32(store.runs[run].attempts), retryAfter: retryAfter,
        &routes[route].random)
      if planted(.retryWithoutBackoff) { wait = .zero }
      guard routes[route].isOrdered else {
        shelve(run, route, until: now + wait)
        continue
      }
      putBack(run, route)
      let flow = flow(of: store.runs[run].owner, lane: store.runs[run].lane)
      routes[route].queue.hold(flow, until: now + wait)
    }
  }

  /// Calls that are out for too long count as failed for the breaker, once; their messages stay in
  /// flight until the upstream lets go of them.
  mutating func timeOutCalls(_ route: UInt32, now: Instant) {
    let timeout = routes[route].attemptTimeout
    var call = routes[route].firstCall
    while call != none, calls[call].startedAt + timeout <= now {
      if let token = calls[call].token {
        calls[call].token = nil
        var run = calls[call].first
        while run != none {
          store.runs[run].isUnanswered = true
          run = store.runs[run].next
        }
        settleToken(route, token, .failure(retryAfter: nil), messages: 0, now: now)
      }
      call = calls[call].next
    }
  }

  mutating func nextCallTimeout(_ route: UInt32) -> Instant? {
    var call = routes[route].firstCall
    while call != none, calls[call].token == nil { call = calls[call].next }
    guard call != none else { return nil }
    return calls[call].startedAt + routes[route].attemptTimeout
  }
}

extension CallResult {
  init(_ verdict: CallVerdict) {
    switch verdict {
    case .accepted, .rejected: self = .success
    case .failed(let after): self = .failure(retryAfter: after)
    case .throttled(let after): self = .throttled(retryAfter: after)
    }
  }
}
