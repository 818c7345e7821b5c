import ForebayWire

// The peer link: what goes out on it, and in which order.
extension Sidecar {
  mutating func pumpLink(_ route: UInt32, now: Instant) {
    switch links[route].phase {
    case .disconnected:
      if !routes[route].isOnHold { connectIfNeeded(route, now: now) }
    case .connecting, .greeting, .resuming:
      break
    case .leaving:
      returnUnusedConnect(route, now: now)
      leaveIfNothingIsOwed(route)
    case .open:
      // On hold the link lives on, with nothing new on it.
      if !routes[route].isOnHold {
        readmit(route, now: now)
        if links[route].nextToAdmit == none { dispatchNew(route, now: now) }
      }
      returnUnusedConnect(route, now: now)
      tellFloor(route, isUrgent: false)
    }
    if linkHasOutput(route) { askForLinkOutput(route) }
  }

  private mutating func connectIfNeeded(_ route: UInt32, now: Instant) {
    guard !links[route].isEmpty || nextFlow(route, now: now) != nil,
      links[route].retryAt <= now
    else { return }
    switch leave(route, now: now) {
    case .refused: return
    case .dispatch(let token), .probe(let token): links[route].connectToken = token
    }
    links[route].phase = .connecting
    links[route].connectStartedAt = now
    actions.append(.connectLink(route))
  }

  /// The leave for the next run: the connect's own, if that was a probe and the breaker still waits
  /// for it, or a new one.
  private mutating func linkLeave(_ route: UInt32, now: Instant) -> Leave {
    guard let token = links[route].connectToken else { return leave(route, now: now) }
    links[route].connectToken = nil
    if routes[route].breaker.awaits(token) { return .probe(token) }
    settleToken(route, token, .neutral, messages: 0, now: now)
    return leave(route, now: now)
  }

  /// A probe's connect succeeded and nothing can be sent now: the peer holds everything, or is shut,
  /// which is no failure. No verdict on the upstream; the next message will be the probe.
  private mutating func returnUnusedConnect(_ route: UInt32, now: Instant) {
    guard let token = links[route].connectToken else { return }
    links[route].connectToken = nil
    settleToken(route, token, .neutral, messages: 0, now: now)
  }

  // MARK: Admitting

  /// After a reconnect: what the peer doesn't know goes again, in link order, as its credit allows.
  private mutating func readmit(_ route: UInt32, now: Instant) {
    while true {
      let run = skipHeld(links[route].nextToAdmit)
      links[route].nextToAdmit = run
      guard run != none else { return }
      // The peer may have settled a part of it while it told what it knows.
      separate(run)
      let acceptable = acceptable(run, route)
      guard acceptable > 0 else {
        links[route].nextToAdmit = store.runs[run].next
        refuseFirst(run, now: now)
        continue
      }
      var count = min(acceptable, fitting(run, route))
      guard count > 0 else { return links[route].blocked(now: now) }
      switch linkLeave(route, now: now) {
      case .refused:
        return
      case .probe(let token):
        count = 1
        store.runs[run].token = token
      case .dispatch(let token):
        store.runs[run].token = token
      }
      if count < Int(store.runs[run].count) { _ = splitInChain(run, before: count) }
      store.runs[run].isUnanswered = false
      // Chained by a link that was lost, or left, before any of it was written: it's no retry.
      if store.runs[run].attempts > 0 { routes[route].totals.retried += UInt64(count) }
      if store.runs[run].attempts < .max { store.runs[run].attempts += 1 }
      links[route].nextToAdmit = store.runs[run].next
      admit(run, route)
    }
  }

  private mutating func dispatchNew(_ route: UInt32, now: Instant) {
    while let flow = nextFlow(route, now: now) {
      let first = routes[route].queue.flows[flow].first
      var count = min(allowance(route, now: now), Int(store.runs[first].count))
      guard count > 0 else { return }
      count = withinClassRate(count, of: flow, route, now: now)
      guard count > 0 else { continue }
      let acceptable = acceptable(first, route)
      guard acceptable > 0 else {
        refuseFirst(first, now: now)
        continue
      }
      count = min(count, acceptable, fitting(first, route))
      guard count > 0 else { return links[route].blocked(now: now) }
      let token: BreakerToken
      switch linkLeave(route, now: now) {
      case .refused: return
      case .dispatch(let granted): token = granted
      case .probe(let granted):
        token = granted
        count = 1
      }
      let run = take(count, from: flow, route, now: now)
      store.runs[run].token = token
      store.runs[run].linkSequence = links[route].nextSequence
      links[route].nextSequence += UInt64(count)
      chainToLink(run, route)
      admit(run, route)
    }
  }

  /// How many messages of a whole run come before the first frame that the peer's limit forbids.
  private mutating func acceptable(_ run: UInt32, _ route: UInt32) -> Int {
    let limit = links[route].frameBytesMax
    if Int(store.runs[run].byteCount) <= limit { return Int(store.runs[run].count) }
    var acceptable = 0
    store.runs[run].walk { frame in
      guard frame.byteCount <= limit else { return false }
      acceptable += 1
      return true
    }
    return acceptable
  }

  /// A frame that the peer would close the link for is poison: its client is told.
  private mutating func refuseFirst(_ run: UInt32, now: Instant) {
    if store.runs[run].count > 1 {
      let rest = splitInChain(run, before: 1)
      let route = UInt32(store.runs[run].route)
      if store.runs[run].stage == .inFlight { links[route].nextToAdmit = rest }
    }
    settle(run, Verdict(outcome: .rejected, code: .upstreamRejected), now: now)
  }

  /// How many messages of a whole run the peer's credit allows.
  private mutating func fitting(_ run: UInt32, _ route: UInt32) -> Int {
    let credit = links[route].credit
    let count = Int(store.runs[run].count)
    let whole = links[route].cost(bytes: Int(store.runs[run].byteCount), count: count)
    if whole.fits(in: credit) { return count }
    var fit = 0
    store.runs[run].walk { frame in
      let cost = links[route].cost(
        bytes: frame.offset + frame.byteCount, count: frame.index + 1)
      guard cost.fits(in: credit) else { return false }
      fit += 1
      return true
    }
    return fit
  }

  private mutating func admit(_ run: UInt32, _ route: UInt32) {
    links[route].sent += linkCost(run, route)
    if links[route].nextToWrite == none { links[route].nextToWrite = run }
    if links[route].firstUnanswered == none { links[route].firstUnanswered = run }
  }

  /// What a whole run takes of the peer's credit.
  mutating func linkCost(_ run: UInt32, _ route: UInt32) -> Cost {
    links[route].cost(bytes: Int(store.runs[run].byteCount), count: Int(store.runs[run].count))
  }

  private mutating func chainToLink(_ run: UInt32, _ route: UInt32) {
    let last = links[route].last
    store.runs[run].previous = last
    store.runs[run].next = none
    if last == none { links[route].first = run } else { store.runs[last].next = run }
    links[route].last = run
  }

  mutating func leaveLink(_ run: UInt32, _ route: UInt32) {
    let before = store.runs[run].previous
    let after = store.runs[run].next
    if before == none { links[route].first = after } else { store.runs[before].next = after }
    if after == none {
      links[route].last = before
    } else {
      store.runs[after].previous = before
    }
    if links[route].firstUnanswered == run {
      links[route].firstUnanswered = firstWithToken(after)
    }
    if links[route].nextToWrite == run { advanceWriting(route) }
    if links[route].nextToAdmit == run { links[route].nextToAdmit = after }
  }

  mutating func firstWithToken(_ start: UInt32) -> UInt32 {
    var run = start
    while run != none, store.runs[run].token == nil { run = store.runs[run].next }
    return run
  }

  /// Moves the write cursor to the next admitted run that the peer doesn't hold already.
  private mutating func advanceWriting(_ route: UInt32) {
    var run = store.runs[links[route].nextToWrite].next
    let end = links[route].nextToAdmit
    while run != none, run != end, store.runs[run].isHeldByPeer { run = store.runs[run].next }
    links[route].nextToWrite = run == end ? none : run
    links[route].written = 0
  }

  private mutating func skipHeld(_ start: UInt32) -> UInt32 {
    var run = start
    while run != none, store.runs[run].isHeldByPeer { run = store.runs[run].next }
    return run
  }

  // MARK: Floor

  /// Every link sequence below it has its final receipt.
  mutating func linkFloor(_ route: UInt32) -> UInt64 {
    let first = links[route].first
    guard first != none else { return links[route].nextSequence }
    var settled = 0
    while settled < Int(store.runs[first].count), store.runs[first].settled[settled] {
      settled += 1
    }
    return store.runs[first].linkSequence + UInt64(settled)
  }

  mutating func tellFloor(_ route: UInt32, isUrgent: Bool) {
    links[route].tellFloor(linkFloor(route), isUrgent: isUrgent)
  }

  // MARK: Output

  mutating func linkHasOutput(_ route: UInt32) -> Bool {
    !links[route].control.isEmpty || links[route].nextToWrite != none || links[route].owesReclaimed
  }

  mutating func askForLinkOutput(_ route: UInt32) {
    guard !links[route].hasOutputPending, !links[route].isBusyWriting else { return }
    links[route].hasOutputPending = true
    actions.append(.writeLink(route))
  }

  /// Vectors of what the link has to write, at most as many as `vectors` holds. `headers` lends 64
  /// bytes for each ORIGIN. Both stay valid until the next event. Returns how many are filled.
  package mutating func gatherLink(
    _ route: UInt32, into vectors: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>,
    headers: UnsafeMutableRawBufferPointer, bytes: Int = .max, now: Instant
  ) -> Int {
    links[route].hasOutputPending = false
    // What is left at the end of a drain may have been settled inside a frame that was begun.
    guard lifecycle != .drained else { return 0 }
    links[route].answerReclaim()
    var filled = 0
    // Control goes between runs, never into one.
    if links[route].written == 0, !links[route].control.isEmpty {
      let count = min(links[route].control.count, headers.count / 2)
      links[route].control.withUnsafeBytes { control in
        headers.baseAddress!.copyMemory(from: control.baseAddress!, byteCount: count)
      }
      vectors[0] = UnsafeRawBufferPointer(start: headers.baseAddress!, count: count)
      filled = 1
      if count < links[route].control.count { return filled }
    }
    var header = headers.baseAddress! + headers.count / 2
    let headersEnd = headers.baseAddress! + headers.count
    var run = links[route].nextToWrite
    let end = links[route].nextToAdmit
    var skip = links[route].written
    if run != none, run != end { links[route].activeAt = now }
    var left = bytes
    while run != none, run != end, left > 0, filled + 2 <= vectors.count,
      headersEnd - header >= Origin.fixedBytes
    {
      if !store.runs[run].isHeldByPeer {
        if skip < Origin.fixedBytes {
          origin(of: run, now: now).write(to: header)
          vectors[filled] = UnsafeRawBufferPointer(
            start: header + skip, count: Origin.fixedBytes - skip)
          filled += 1
          header += Origin.fixedBytes
        }
        let inside = max(0, skip - Origin.fixedBytes)
        vectors[filled] = UnsafeRawBufferPointer(
          start: store.runs[run].base + inside, count: Int(store.runs[run].byteCount) - inside)
        filled += 1
        left -= vectors[filled - 1].count
        skip = 0
      }
      run = store.runs[run].next
    }
    return filled
  }

  private mutating func origin(of run: UInt32, now: Instant) -> Origin {
    let owner = store.runs[run].owner
    let deadline = store.runs[run].deadline
    let left =
      deadline == .distantFuture
      ? 0 : max(1, min(UInt64(UInt32.max), deadline.since(now).millisecondsRoundedUp))
    return Origin(
      linkSequence: store.runs[run].linkSequence, tag: sessions[owner].tag,
      sequence: store.runs[run].firstSequence, count: UInt32(store.runs[run].count),
      ttlMilliseconds: UInt32(left), floor: sessions[owner].outcomes.floor,
      lane: store.runs[run].lane)
  }

  /// The first `byteCount` bytes that were gathered are on their way.
  package mutating func linkWrote(_ route: UInt32, _ byteCount: Int) {
    var left = byteCount
    if links[route].written == 0, !links[route].control.isEmpty {
      let control = min(left, links[route].control.count)
      links[route].control.removeFirst(control)
      left -= control
    }
    while left > 0 {
      let run = links[route].nextToWrite
      invariant(run != none, "no more is written than was gathered")
      let whole = Origin.fixedBytes + Int(store.runs[run].byteCount)
      let rest = whole - links[route].written
      guard left >= rest else {
        links[route].written += left
        return
      }
      left -= rest
      advanceWriting(route)
    }
  }

  /// How many bytes complete what the last write broke off inside, or, if it ended between two runs,
  /// make the next one whole. The shell copies as many of them as fit its buffer, so that a run is
  /// either written or not begun when something happens to it.
  package func linkBrokenOff(_ route: UInt32) -> Int {
    let control = links[route].control.count
    if links[route].written == 0, control > 0 { return control }
    let run = links[route].nextToWrite
    guard run != none else { return 0 }
    return Origin.fixedBytes + Int(store.runs[run].byteCount) - links[route].written
  }

  /// The shell waits for the link to take a copied remainder, or is done waiting. It has gathered before:
  /// a request that it left lying would never be made again.
  package mutating func linkBusy(_ route: UInt32, _ isBusy: Bool) {
    invariant(!isBusy || !links[route].hasOutputPending, "the shell waits after it has gathered")
    links[route].isBusyWriting = isBusy
    if !isBusy, linkHasOutput(route) { askForLinkOutput(route) }
  }
}
