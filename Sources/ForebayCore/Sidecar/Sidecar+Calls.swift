package import ForebayWire

// Upstreams that take batches: a call holds runs, and its verdict settles or returns them.
extension Sidecar {
  mutating func pumpCalls(_ route: UInt32, now: Instant) {
    if routes[route].upstream.connects, !isConnected(route, now: now) { return }
    if routes[route].throttle.isOn(now) { return returnUnusedLeave(route, now: now) }
    while nextFlow(route, now: now) != nil {
      guard allowance(route, now: now) > 0, !routes[route].connection.isHeldUp,
        routes[route].callCount < routes[route].upstream.callsMax,
        !waitsForMore(route, now: now)
      else { break }
      let token: BreakerToken
      let messagesMax: Int
      switch callLeave(route, now: now) {
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
      routes[route].flushAt = nil
      chain(call, to: route)
      actions.append(.dispatch(route: route, call: call))
    }
    returnUnusedLeave(route, now: now)
  }

  /// Whether less than a batch is there, and waits for more while others are out. An idle upstream gets
  /// at once what there is.
  private mutating func waitsForMore(_ route: UInt32, now: Instant) -> Bool {
    let interval = routes[route].upstream.flushInterval
    guard interval > .zero, routes[route].callCount > 0,
      routes[route].queue.queuedMessages < routes[route].upstream.batchMessagesMax
    else { return false }
    let due = routes[route].flushAt ?? now + interval
    routes[route].flushAt = due
    return now < due
  }

  /// Adds runs, or parts of them, until the batch is full or nothing more may go.
  ///
  /// Where a flow has one call at a time, a call takes all that it can of one flow before it takes anything
  /// of another: so as many calls are out as there are busy flows. What a flow takes beyond its visit it
  /// pays for later.
  private mutating func fill(_ call: UInt32, _ messagesMax: Int, now: Instant) {
    let route = calls[call].route
    let bytesMax = routes[route].upstream.batchBytesMax
    var messagesMax = messagesMax
    let isSingle = routes[route].hasOneCallAFlow
    var isSuspect: Bool?
    var bytes = 0
    var current = none
    while calls[call].messages < messagesMax, bytes < bytesMax,
      let flow = nextFlow(route, after: isSingle ? current : none, now: now)
    {
      current = flow
      let first = routes[route].queue.flows[flow].first
      let suspects = Int(store.runs[first].suspects)
      // What was refused together isn't mixed with anything else: the poison is found sooner.
      guard isSuspect == nil || isSuspect == (suspects > 0) else { break }
      isSuspect = suspects > 0
      if suspects > 0 { messagesMax = min(messagesMax, suspects) }
      let room = min(messagesMax - calls[call].messages, allowance(route, now: now))
      guard room > 0 else { break }
      let wanted = min(room, Int(store.runs[first].count))
      let paced = withinClassRate(wanted, of: flow, route, now: now)
      let count = paced > 0 ? withinBudget(paced, of: flow, route, now: now) : 0
      guard count > 0 else { continue }
      let run = take(count, from: flow, route, now: now)
      append(run, to: call)
      bytes += Int(store.runs[run].liveBytes)
    }
    if isSingle, !planted(.twoCallsOfOneClient) { holdFlows(of: call) }
  }

  /// One call of a flow at a time, of as many of its runs as fit.
  private mutating func holdFlows(of call: UInt32) {
    let route = calls[call].route
    var run = calls[call].first
    while run != none {
      routes[route].queue.holdForFlight(
        flow(of: store.runs[run].owner, lane: store.runs[run].lane))
      run = store.runs[run].next
    }
  }

  private mutating func append(_ run: UInt32, to call: UInt32) {
    let last = calls[call].last
    store.runs[run].call = call
    store.runs[run].placeInCall = UInt32(calls[call].messages)
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

  /// How many messages a call has, when it is dispatched.
  package func messageCount(ofCall call: UInt32) -> Int { calls[call].messages }

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
    let left = messagesLeft(of: call)
    // What is returned though nothing else of its call is settled would go round for ever.
    let verdict = verdict == .returned && left == messages ? .failed(retryAfter: nil) : verdict
    unchain(call)
    switch verdict {
    case .accepted:
      settleAll(call, Verdict(outcome: .delivered), now: now)
      routes[route].throttle.accepted()
      routes[route].connection.proved()
    case .rejected(let code):
      settleAll(call, Verdict(outcome: .rejected, code: code), now: now)
    case .refused(let code):
      if left == 1 {
        settleAll(call, Verdict(outcome: .rejected, code: code), now: now)
      } else {
        putBackAll(call, suspects: max(1, left / 2))
      }
    case .returned:
      putBackAll(call, suspects: nil)
    case .failed(let after):
      putBackAll(call, retryAfter: after, now: now)
    case .unknown:
      noteUnanswered(call)
      // A lost connection waits before it is made again; its messages needn't wait once more.
      let connects = routes[route].upstream.connects
      putBackAll(call, until: connects ? routes[route].connection.retryAt : nil, now: now)
    case .throttled(let after):
      putBackAll(call, until: throttled(route, retryAfter: after, now: now), now: now)
    }
    if let token = calls[call].token {
      settleToken(route, token, CallResult(verdict), messages: messages, now: now)
    }
    calls.remove(call)
    stir(route)
  }

  /// The upstream's answer to some messages of a call, counted from the call's first, before that to the
  /// rest. No message is named twice.
  package mutating func messagesSettled(
    _ call: UInt32, _ messages: Range<Int>, _ verdict: MessageVerdict, now: Instant
  ) {
    invariant(calls.contains(call), "messages are settled before their call")
    let known: Verdict
    switch verdict {
    case .accepted: known = Verdict(outcome: .delivered)
    case .rejected(let code): known = Verdict(outcome: .rejected, code: code)
    }
    var run = calls[call].first
    while run != none {
      let next = store.runs[run].next
      let place = Int(store.runs[run].placeInCall)
      let part = messages.clamped(to: place..<(place + Int(store.runs[run].count)))
      if !part.isEmpty {
        settle(
          run, messages: (part.lowerBound - place)..<(part.upperBound - place), known, now: now)
      }
      run = place >= messages.upperBound ? none : next
    }
  }

  private mutating func messagesLeft(of call: UInt32) -> Int {
    var left = 0
    var run = calls[call].first
    while run != none {
      left += Int(store.runs[run].unsettled)
      run = store.runs[run].next
    }
    return left
  }

  private mutating func settleAll(_ call: UInt32, _ verdict: Verdict, now: Instant) {
    while calls[call].first != none { settle(calls[call].first, verdict, now: now) }
  }

  /// On an ordered route every flow of the call waits before it is tried again, and its order is kept;
  /// on another the runs alone wait. `until` is for a wait that is drawn already.
  private mutating func putBackAll(
    _ call: UInt32, retryAfter: TimeSpan? = nil, until: Instant? = nil, now: Instant
  ) {
    let route = calls[call].route
    while let run = takeFirst(of: call) {
      var due =
        until
        ?? now
        + routes[route].settings.backoff.wait(
          failures: UInt32(store.runs[run].attempts), retryAfter: retryAfter,
          &routes[route].random)
      if planted(.retryWithoutBackoff) { due = now }
      guard routes[route].isOrdered else {
        shelve(run, route, until: due)
        continue
      }
      putBack(run, route)
      let flow = flow(of: store.runs[run].owner, lane: store.runs[run].lane)
      routes[route].queue.hold(flow, until: due)
    }
  }

  /// They go again at once, as if they hadn't been tried; in calls of at most `suspects` messages, until
  /// it is known which of them is poison.
  private mutating func putBackAll(_ call: UInt32, suspects: Int?) {
    let route = calls[call].route
    while let run = takeFirst(of: call) {
      store.runs[run].attempts -= 1
      if let suspects { store.runs[run].suspects = UInt16(clamping: suspects) }
      putBack(run, route)
    }
  }

  private mutating func takeFirst(of call: UInt32) -> UInt32? {
    let run = calls[call].first
    guard run != none else { return nil }
    separate(run)
    leaveCall(run)
    return run
  }

  private mutating func noteUnanswered(_ call: UInt32) {
    var run = calls[call].first
    while run != none {
      store.runs[run].isUnanswered = true
      run = store.runs[run].next
    }
  }

  /// The upstream took what it was given, and says "slow down" beside that.
  package mutating func upstreamThrottled(_ route: UInt32, retryAfter: TimeSpan?, now: Instant) {
    _ = throttled(route, retryAfter: retryAfter, now: now)
  }

  /// The upstream is to be left alone for a while, by everybody. Returns how long.
  private mutating func throttled(
    _ route: UInt32, retryAfter: TimeSpan?, now: Instant
  ) -> Instant {
    let backoff = routes[route].settings.backoff
    var random = routes[route].random
    let until = routes[route].throttle.throttled(
      backoff, retryAfter: retryAfter, now: now, &random)
    routes[route].random = random
    let inFlight = routes[route].inFlightMessages
    let fullLimit = routes[route].upstream.inFlightMessagesMax
    routes[route].ramp.callThrottled(fullLimit: fullLimit, inFlight: inFlight, now: now)
    return until
  }

  // MARK: Time

  /// Calls that are out for too long count as failed for the breaker, once; their messages stay in
  /// flight until the upstream lets go of them.
  mutating func timeOutCalls(_ route: UInt32, now: Instant) {
    if routes[route].connection.isPaused { return }
    let timeout = routes[route].attemptTimeout
    var call = routes[route].firstCall
    while call != none, calls[call].startedAt + timeout <= now {
      if let token = calls[call].token {
        calls[call].token = nil
        noteUnanswered(call)
        settleToken(route, token, .failure(retryAfter: nil), messages: 0, now: now)
        connectionUnanswered(route)
        if !routes[route].upstream.connects {
          actions.append(.giveUp(route: route, call: call))
        }
      }
      call = calls[call].next
    }
  }

  mutating func nextCallTimeout(_ route: UInt32) -> Instant? {
    if routes[route].connection.isPaused { return nil }
    var call = routes[route].firstCall
    while call != none, calls[call].token == nil { call = calls[call].next }
    guard call != none else { return nil }
    return calls[call].startedAt + routes[route].attemptTimeout
  }
}

extension CallResult {
  init(_ verdict: CallVerdict) {
    switch verdict {
    case .accepted, .rejected, .refused, .returned: self = .success
    case .failed(let after): self = .failure(retryAfter: after)
    case .unknown: self = .failure(retryAfter: nil)
    case .throttled(let after): self = .throttled(retryAfter: after)
    }
  }
}
