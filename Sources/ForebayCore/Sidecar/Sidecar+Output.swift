import ForebayWire

// What clients are written, and when.
extension Sidecar {
  /// A WINDOW that nothing else prompts waits at most this long.
  static var windowDelay: TimeSpan { .milliseconds(200) }
  /// A shut window is repeated after this, doubling up to `shutRepeatMax`.
  static var shutRepeatMin: TimeSpan { .milliseconds(200) }
  static var shutRepeatMax: TimeSpan { .seconds(1) }

  /// Whether the client's knowledge is so old that a WINDOW is worth a frame. Receipts carry one along
  /// for nothing, so this is for when there are none.
  mutating func announceIfWorthIt(_ client: UInt32, now: Instant) {
    let lag = clients[client].window.unannounced
    let route = clients[client].route
    if lag.isZero {
      if let again = shutRepeat(client, now: now) {
        // Never at once: what is due is done by the timer, which then comes here again.
        clientDeadlines.pull(client, to: max(again, now + .milliseconds(1)))
        if clients[client].reason == .receiptsUnseen { oweWindow(client) }
      }
      return
    }
    let known = clients[client].window.advertised.above(clients[client].window.received)
    let least = UInt64(WireLimits.dataFixedBytes + limits.overheadBytes)
    let knowsShut = known.messages == 0 || known.bytes < max(least, clients[client].blockedCost)
    let isWide =
      lag.messages * 4 >= clients[client].target
      || lag.bytes >= routes[route].reserve.bytes
    if knowsShut, planted(.openingIsNotTold) { return }
    let opens = knowsShut && opensFor(client, route)
    if isWide || opens { return oweWindow(client) }
    clientDeadlines.pull(client, to: now + Self.windowDelay)
  }

  /// From shut: the frame that BLOCKED named fits now, or any frame would.
  private mutating func opensFor(_ client: UInt32, _ route: UInt32) -> Bool {
    let open = clients[client].window.announced.above(clients[client].window.received)
    let need =
      clients[client].blockedCost > 0
      ? clients[client].blockedCost : routes[route].reserve.bytes
    return open.messages > 0 && open.bytes >= need
  }

  mutating func oweWindow(_ client: UInt32) {
    clients[client].owesWindow = true
    markOutput(client)
  }

  /// Every shut window of the route says its reason anew: the breaker has opened or closed.
  mutating func tellShut(_ route: UInt32) {
    for client in routes[route].demanding where clients[client].isOpen && isShut(client) {
      oweWindow(client)
    }
  }

  mutating func owesOutput(_ client: UInt32) -> Bool {
    let it = clients[client].phase
    if it == .awaitingHello || it == .takingOver { return false }
    return clients[client].owesWelcome || !clients[client].receipts.isEmpty
      || clients[client].owesWindow || clients[client].owesFirstWindow
      || clients[client].owesReclaim || clients[client].owesPing
      || clients[client].owesGoAway != nil
  }

  /// Asks the shell to write for clients that have something and take it, and to close those that end:
  /// so many of each a turn, whoever waits longest first.
  mutating func askForOutput() {
    let ending = min(closings.count, clientsPerTurn)
    for closing in closings[..<ending] { actions.append(closing) }
    closings.removeFirst(ending)
    let writing = min(outputClients.count, clientsPerTurn)
    guard writing > 0 else { return }
    for client in outputClients[..<writing] {
      clients[client].hasOutputPending = false
      guard clients[client].stalledSince == nil, owesOutput(client), !clients[client].isClosing
      else {
        continue
      }
      actions.append(.writeClient(clients[client].id))
    }
    outputClients.removeFirst(writing)
  }

  /// Clients were put off when the turn ended: another turn is due, without waiting for anything.
  package var hasPutOff: Bool { !closings.isEmpty || !outputClients.isEmpty }

  /// The room that `takeOutput` needs at least: the largest frames that are never split.
  package static var outputBytesMin: Int { 256 }

  /// Fills `buffer` with what the client is to be written next, and returns how much that is. Zero
  /// when there is nothing more; after a write that was taken whole, ask again.
  package mutating func takeOutput(
    _ id: ClientID, into buffer: UnsafeMutableRawBufferPointer, now: Instant
  ) -> Int {
    guard let client = slot(id) else { return 0 }
    if clients[client].isClosing { return takeLast(client, into: buffer) }
    var written = 0
    if clients[client].owesWelcome {
      clients[client].owesWelcome = false
      written += welcome(client).write(to: buffer.baseAddress! + written)
    }
    let hadReceipts = !clients[client].receipts.isEmpty
    if hadReceipts {
      let room = UnsafeMutableRawBufferPointer(
        rebasing: buffer[written..<(buffer.count - Self.controlRoom)])
      written += clients[client].receipts.write(to: room)
      // The first WINDOW ends the session's description, so it waits for the rest of it.
      if !clients[client].receipts.isEmpty {
        markOutput(client)
        return written
      }
    }
    let wantsWindow =
      clients[client].owesWindow || clients[client].owesFirstWindow
      || (hadReceipts && !clients[client].window.unannounced.isZero)
    // Before its first WINDOW a client has nothing to give back, and doesn't expect to be asked.
    if clients[client].owesReclaim, !clients[client].owesFirstWindow {
      written += takeReclaim(client, at: buffer.baseAddress! + written)
    }
    if clients[client].owesPing {
      clients[client].owesPing = false
      written += Ping(token: now.nanoseconds).write(to: buffer.baseAddress! + written)
    }
    if wantsWindow {
      written += takeWindow(client, now: now).write(to: buffer.baseAddress! + written)
    }
    if let code = clients[client].owesGoAway {
      clients[client].owesGoAway = nil
      written += GoAway(code, deadlineMilliseconds: drainMillisecondsLeft(now))
        .write(to: buffer.baseAddress! + written)
    }
    return written
  }

  /// RECLAIM, PING, WINDOW and GOAWAY together, kept free behind receipts.
  private static var controlRoom: Int { 128 }

  private mutating func takeLast(
    _ client: UInt32, into buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard let code = clients[client].owesError else {
      return clients[client].owesWelcome ? 0 : clients[client].receipts.write(to: buffer)
    }
    clients[client].owesError = nil
    let retryAfter: UInt32 = code.mayRetry ? 1000 : 0
    return ErrorFrame(code, retryAfterMilliseconds: retryAfter).write(to: buffer.baseAddress!)
  }

  private mutating func welcome(_ client: UInt32) -> Welcome {
    let session = clients[client].session
    let heartbeat = clients[client].heartbeat?.millisecondsRoundedUp ?? 0
    return Welcome(
      frameBytesMax: UInt32(limits.frameBytesMax), overhead: UInt32(limits.overheadBytes),
      heartbeatMilliseconds: UInt32(heartbeat), ranges: UInt32(clients[client].receipts.count),
      known: sessions[session].highest, isResumed: sessions[session].highest > 0)
  }

  private mutating func takeReclaim(_ client: UInt32, at base: UnsafeMutableRawPointer) -> Int {
    clients[client].owesReclaim = false
    guard let reclaim = clients[client].window.reclaim else { return 0 }
    return Reclaim(
      number: reclaim.number, limitBytes: reclaim.limit.bytes,
      limitMessages: reclaim.limit.messages
    ).write(to: base)
  }

  private mutating func takeWindow(_ client: UInt32, now: Instant) -> Window {
    clients[client].owesWindow = false
    clients[client].owesFirstWindow = false
    let limit = clients[client].window.announced
    clients[client].window.announced(limit)
    clients[client].lastWindowAt = now
    let received = clients[client].window.received
    var window = Window(
      limitBytes: limit.bytes, limitMessages: limit.messages, receivedBytes: received.bytes,
      receivedMessages: received.messages)
    let route = clients[client].route
    if isShut(client) {
      window.state = .shut
      window.reason = shutReason(client, route)
      window.retryAfterMilliseconds = retryAfter(route, window.reason, now: now)
      scheduleShutRepeat(client, now: now)
      routes[route].totals.windowsShut += 1
      if clients[client].toldShutAt == nil {
        clients[client].toldShutAt = now
        clients[client].shutCount += 1
      }
    } else {
      if let since = clients[client].toldShutAt {
        clients[client].shutTotal = clients[client].shutTotal + now.since(since)
        clients[client].toldShutAt = nil
      }
      clients[client].heartbeatInterval = .zero
      window.state = isPressed(route) ? .pressed : .open
    }
    return window
  }

  /// An open breaker outranks everything that follows from it.
  mutating func shutReason(_ client: UInt32, _ route: UInt32) -> WindowReason {
    let isAsked = clients[client].reason == .none && clients[client].window.reclaim != nil
    let reason = isAsked ? .reclaiming : clients[client].reason
    switch reason {
    case .draining, .receiptsUnseen, .reclaiming, .paused, .deadLettersBlocked: return reason
    case .none, .bufferFull, .fairShare, .breakerOpen, .rateLimited, .windowMaximum:
      // Space doesn't return because an operator stopped forwarding, whatever else is wrong.
      if routes[route].isOnHold { return .paused }
      switch routes[route].breaker.phase {
      case .open, .forcedOpen: return .breakerOpen
      case .closed, .halfOpen, .forcedClosed: return reason
      }
    }
  }

  private mutating func retryAfter(_ route: UInt32, _ reason: WindowReason, now: Instant) -> UInt32
  {
    guard reason == .breakerOpen, let until = routes[route].breaker.deadline else { return 0 }
    return UInt32(clamping: until.since(now).millisecondsRoundedUp)
  }

  private mutating func scheduleShutRepeat(_ client: UInt32, now: Instant) {
    let last = clients[client].heartbeatInterval
    let next = last == .zero ? Self.shutRepeatMin : min(last * 2, Self.shutRepeatMax)
    clients[client].heartbeatInterval = next
    clientDeadlines.pull(client, to: now + next)
  }

  /// Below a tenth free, until a fifth is free again.
  private mutating func isPressed(_ route: UInt32) -> Bool {
    let capacity = routes[route].pool.capacity
    let free = routes[route].pool.free
    let percent = routes[route].isLow ? UInt64(20) : 10
    routes[route].isLow =
      free.bytes < capacity.bytes / 100 * percent
      || free.messages * 100 < capacity.messages * percent
    return routes[route].isLow
  }
}

extension ErrorCode {
  /// Whether the same client may try again as it is.
  var mayRetry: Bool {
    switch self {
    case .tooManyConnections, .shuttingDown, .tooManySessions, .internal, .slowReader, .killed,
      .heartbeatTimeout, .reclaimTimeout, .helloTimeout, .frameTimeout:
      true
    case .badMagic, .unsupportedVersion, .frameTooShort, .frameTooLarge, .unknownFrameType,
      .reservedBits, .helloExpected, .sequenceNotIncreasing, .flowControl, .badExtension, .badField,
      .helloRepeated, .unknownRoute, .notPermitted, .sessionTaken, .controlFlood, .originMismatch,
      .wrongDirection:
      false
    }
  }
}
