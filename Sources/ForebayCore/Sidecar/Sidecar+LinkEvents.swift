package import ForebayWire

// What happens to a peer link, and what the peer says on it.
extension Sidecar {
  package mutating func linkConnected(_ route: UInt32, now: Instant) {
    guard links[route].phase == .connecting else { return }
    links[route].connected(floor: linkFloor(route))
    askForLinkOutput(route)
    scheduleRoute(route, now: now)
  }

  /// The connect failed, or the connection ended, whoever ended it. All that is unanswered failed
  /// with it, and for the breaker that is one failure.
  package mutating func linkClosed(_ route: UInt32, now: Instant) {
    guard links[route].phase != .disconnected else { return }
    let wasLeaving = links[route].phase == .leaving
    let wasOpen = wasLeaving || links[route].phase == .open
    // One failure for the lost connection, however many attempts it took along.
    var failure = wasLeaving ? CallResult.neutral : .failure(retryAfter: nil)
    if let token = links[route].connectToken {
      links[route].connectToken = nil
      settleToken(route, token, failure, messages: 0, now: now)
      failure = .neutral
    }
    var run = links[route].first
    while run != none {
      if wasOpen { noteLost(run, route) }
      store.runs[run].isHeldByPeer = false
      if let token = store.runs[run].token {
        store.runs[run].token = nil
        settleToken(route, token, failure, messages: 0, now: now)
        failure = .neutral
      }
      separate(run)
      noteDeadline(run)
      run = store.runs[run].next
    }
    links[route].firstUnanswered = none
    links[route].disconnected(now: now)
    links[route].hasOutputPending = false
    stir(route)
  }

  /// Whatever was written may be delivered, also where the peer has said that it holds it.
  private mutating func noteLost(_ run: UInt32, _ route: UInt32) {
    let isBegun = run == links[route].nextToWrite && links[route].written > 0
    if isBegun || isWritten(run, route) {
      store.runs[run].isUnanswered = true
    } else if isAdmitted(run, route) {
      forgetAttempt(run)
    }
  }

  /// Of runs that aren't written.
  private mutating func isAdmitted(_ run: UInt32, _ route: UInt32) -> Bool {
    let waiting = links[route].nextToAdmit
    return waiting == none || store.runs[run].linkSequence < store.runs[waiting].linkSequence
  }

  // MARK: Receiving

  package enum OnLinkReceived: Equatable {
    case fine
    /// Close the link: the peer broke the protocol.
    case violation(ErrorCode)
    /// The peer ended the link with this code; it closes it.
    case ended(UInt16)
  }

  /// Bytes from the peer. They are read at once; nothing refers to them afterwards.
  package mutating func linkReceived(
    _ route: UInt32, _ bytes: UnsafeRawBufferPointer, now: Instant
  ) -> OnLinkReceived {
    links[route].activeAt = now
    guard links[route].stash.isEmpty else {
      var joined = links[route].stash
      joined.append(contentsOf: bytes)
      links[route].stash.removeAll(keepingCapacity: true)
      return joined.withUnsafeBytes { framesReceived(route, $0, now: now) }
    }
    return framesReceived(route, bytes, now: now)
  }

  private mutating func framesReceived(
    _ route: UInt32, _ bytes: UnsafeRawBufferPointer, now: Instant
  ) -> OnLinkReceived {
    var offset = 0
    while offset < bytes.count {
      let header: FrameHeader
      switch FrameHeader.read(
        bytes, at: offset, frameBytesMax: WireLimits.controlFrameBytesMax)
      {
      case .malformed(let code): return .violation(code)
      case .partial: return keepRest(route, bytes, offset)
      case .header(let read): header = read
      }
      guard bytes.count - offset >= header.byteCount else { return keepRest(route, bytes, offset) }
      let frame = UnsafeRawBufferPointer(
        rebasing: bytes[offset..<(offset + header.byteCount)])
      do throws(WireError) {
        let ending = try linkFrameReceived(route, header, frame, now: now)
        if let ending { return ending }
      } catch {
        return .violation(error.code)
      }
      offset += header.byteCount
    }
    stir(route)
    return .fine
  }

  private mutating func keepRest(
    _ route: UInt32, _ bytes: UnsafeRawBufferPointer, _ offset: Int
  ) -> OnLinkReceived {
    links[route].stash.append(contentsOf: bytes[offset...])
    stir(route)
    return .fine
  }

  private mutating func linkFrameReceived(
    _ route: UInt32, _ header: FrameHeader, _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) -> OnLinkReceived? {
    switch header.type {
    case .welcome:
      guard links[route].phase == .greeting else { throw WireError(.badField) }
      links[route].welcomed(try Welcome(frame: frame))
      welcomeAnswersConnect(route, now: now)
    case .receipt:
      try receiptsReceived(route, frame, now: now)
    case .window:
      try windowReceived(route, try Window(frame: frame))
    case .reclaim:
      links[route].reclaimReceived(try Reclaim(frame: frame))
    case .ping:
      Pong(token: try Ping(frame: frame).token).append(to: &links[route].control)
    case .goaway:
      let left = TimeSpan.milliseconds(UInt64(try GoAway(frame: frame).deadlineMilliseconds))
      if planted(.goAwayIgnored) { break }
      if links[route].goAwayReceived(deadline: now + left) { withdrawUnwritten(route) }
    case .error:
      return .ended(try ErrorFrame(frame: frame).code)
    case .hello, .data, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin:
      throw WireError(.wrongDirection)
    }
    return nil
  }

  /// In the closed state the connect proves nothing; a probe's leave stays for the first message.
  private mutating func welcomeAnswersConnect(_ route: UInt32, now: Instant) {
    guard let token = links[route].connectToken, !token.isProbe else { return }
    links[route].connectToken = nil
    settleToken(route, token, .neutral, messages: 0, now: now)
  }

  private mutating func windowReceived(_ route: UInt32, _ window: Window) throws(WireError) {
    switch links[route].phase {
    case .resuming(let left):
      guard left == 0 else { throw WireError(.badField) }
      _ = links[route].windowReceived(window)
      separateAll(route)
      links[route].opened()
    case .open, .leaving:
      _ = links[route].windowReceived(window)
      if window.reason == .receiptsUnseen { tellFloor(route, isUrgent: true) }
    case .disconnected, .connecting, .greeting:
      throw WireError(.badField)
    }
  }

  /// What is sent again is whole: the listing may have settled parts of runs.
  private mutating func separateAll(_ route: UInt32) {
    var run = links[route].first
    while run != none {
      separate(run)
      run = store.runs[run].next
    }
  }

  // MARK: Receipts

  private mutating func receiptsReceived(
    _ route: UInt32, _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) {
    let count = try Receipt.count(frame: frame)
    switch links[route].phase {
    case .resuming(let left):
      links[route].phase = .resuming(rangesLeft: left - min(left, UInt32(count)))
    case .open, .leaving: break
    case .disconnected, .connecting, .greeting: throw WireError(.badField)
    }
    for index in 0..<count {
      let range = try Receipt.range(at: index, frame: frame)
      if range.outcome.isFinal {
        finalReceived(route, range, now: now)
      } else {
        try nonFinalReceived(route, range, now: now)
      }
    }
  }

  /// The peer's final word is taken over as it is.
  private mutating func finalReceived(_ route: UInt32, _ range: ReceiptRange, now: Instant) {
    let verdict = Verdict(
      outcome: range.outcome, code: range.code, flags: range.flags.subtracting(.duplicate))
    var run = links[route].first
    while run != none, store.runs[run].linkSequence < range.end {
      let next = store.runs[run].next
      let first = store.runs[run].linkSequence
      let end = first + UInt64(store.runs[run].count)
      // What isn't written yet can't have a verdict; what was settled before keeps its own.
      if end > range.first, isWritten(run, route) {
        answered(run, route, now: now)
        var from = Int(max(first, range.first) - first)
        var to = Int(min(end, range.end) - first)
        if planted(.partialVerdictSettlesAll) { (from, to) = (0, Int(end - first)) }
        settle(run, messages: from..<to, verdict, now: now)
      }
      run = next
    }
  }

  /// "I hold it": an answer to the attempt, no promise to the client.
  private mutating func nonFinalReceived(
    _ route: UInt32, _ range: ReceiptRange, now: Instant
  ) throws(WireError) {
    var isResuming = false
    if case .resuming = links[route].phase { isResuming = true }
    var run = isResuming ? links[route].first : links[route].firstUnanswered
    while run != none, store.runs[run].linkSequence < range.end {
      // The listing may settle a part of a run and hold another.
      if isResuming { separate(run) }
      let first = store.runs[run].linkSequence
      let end = first + UInt64(store.runs[run].count)
      if end > range.first, first < range.end {
        if isResuming {
          run = markHeldByPeer(run, range)
        } else if isWritten(run, route) {
          answered(run, route, now: now)
        }
      }
      run = store.runs[run].next
    }
  }

  /// Marks what the peer listed as held; a run of which it holds a part is split.
  private mutating func markHeldByPeer(_ start: UInt32, _ range: ReceiptRange) -> UInt32 {
    var run = start
    let first = store.runs[run].linkSequence
    if range.first > first { run = splitInChain(run, before: Int(range.first - first)) }
    let begin = store.runs[run].linkSequence
    if range.end < begin + UInt64(store.runs[run].count) {
      _ = splitInChain(run, before: Int(range.end - begin))
    }
    store.runs[run].isHeldByPeer = true
    return run
  }

  private mutating func isWritten(_ run: UInt32, _ route: UInt32) -> Bool {
    if store.runs[run].isHeldByPeer { return true }
    if case .resuming = links[route].phase { return true }
    let next = links[route].nextToWrite
    if next != none { return store.runs[run].linkSequence < store.runs[next].linkSequence }
    let waiting = links[route].nextToAdmit
    return waiting == none || store.runs[run].linkSequence < store.runs[waiting].linkSequence
  }

  /// The attempt is answered: a success for the breaker, whatever the message's outcome will be.
  private mutating func answered(_ run: UInt32, _ route: UInt32, now: Instant) {
    guard let token = store.runs[run].token else { return }
    store.runs[run].token = nil
    store.runs[run].isUnanswered = false
    if links[route].firstUnanswered == run {
      links[route].firstUnanswered = firstWithToken(store.runs[run].next)
    }
    settleToken(
      route, token, .success, messages: Int(store.runs[run].unsettled), now: now)
  }

  // MARK: Deadlines

  /// When the link needs a look: a connect to try, a probe of a shut window, an attempt that is late, a
  /// peer that has fallen silent.
  mutating func nextLinkDeadline(_ route: UInt32, now: Instant) -> Instant? {
    switch links[route].phase {
    case .disconnected:
      let isIdle = links[route].isEmpty && routes[route].queue.isEmpty
      // Past that it is the breaker that waits, and has a deadline of its own.
      return isIdle || links[route].retryAt <= now ? nil : links[route].retryAt
    case .connecting, .greeting, .resuming:
      return links[route].connectStartedAt + PeerLink.handshakeTimeout
    case .open, .leaving:
      var next = lateAt(route) ?? .distantFuture
      if let probe = links[route].probeDeadline { next = min(next, probe) }
      if let end = links[route].leaveBy { next = min(next, end) }
      if let silent = links[route].silentAt { next = min(next, silent) }
      return next == .distantFuture ? nil : next
    }
  }

  private mutating func deadAt(_ route: UInt32) -> Instant? {
    guard let silent = links[route].silentAt else { return lateAt(route) }
    return min(silent, lateAt(route) ?? .distantFuture)
  }

  private mutating func lateAt(_ route: UInt32) -> Instant? {
    let run = links[route].firstUnanswered
    guard run != none, let token = store.runs[run].token else { return nil }
    return token.startedAt + links[route].attemptTimeout
  }

  mutating func linkDeadlineReached(_ route: UInt32, now: Instant) {
    switch links[route].phase {
    case .disconnected:
      break
    case .connecting, .greeting, .resuming:
      if let due = nextLinkDeadline(route, now: now), due <= now {
        actions.append(.closeLink(route, .unanswered))
      }
    case .open, .leaving:
      if let dead = deadAt(route), dead <= now {
        return actions.append(.closeLink(route, .unanswered))
      }
      if let end = links[route].leaveBy, end <= now {
        return actions.append(.closeLink(route, .peerLeaves))
      }
      guard let due = links[route].probeDeadline, due <= now else { return }
      if let cost = blockedCost(route, now: now) {
        links[route].probe(cost: cost, floor: linkFloor(route), now: now)
        askForLinkOutput(route)
      } else {
        links[route].shutSince = nil
      }
    }
  }

  /// The cost of the frame that waits for the peer's credit.
  private mutating func blockedCost(_ route: UInt32, now: Instant) -> UInt64? {
    var run = links[route].nextToAdmit
    if run == none, let flow = nextFlow(route, now: now) {
      run = routes[route].queue.flows[flow].first
    }
    guard run != none else { return nil }
    let bytes = Int((UnsafeRawPointer(store.runs[run].base)).big32(0)) + 4
    return links[route].cost(bytes: bytes, count: 1).bytes
  }
}
