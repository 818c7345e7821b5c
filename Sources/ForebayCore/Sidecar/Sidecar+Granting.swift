import ForebayWire

// Who gets how much of a route's free space (design: ARCHITECTURE.md, "The life of a credit").
//
//     owed_p = max(0, m_p·r − open_p − held_p)           pool = max(0, free − Σ owed_p)
//     granting keeps  open_p + held_p ≤ m_p·r + α·pool   and, in bytes and messages, free ≥ 0
//
// Once a loop turn: principals that wait are served first, one r at a time; then, if nobody waits, the
// clients whose standing has changed, as far as they have used a quarter of their window.
extension Sidecar {
  /// DATA, BACKLOG and BLOCKED show demand for this long.
  static var demandLasts: TimeSpan { .seconds(1) }
  /// m_p is at most this: a principal with more clients doesn't claim more space at once.
  static var demandingMax: UInt64 { 16 }

  mutating func grantDirty(now: Instant) {
    grantingPass += 1
    for route in 0..<UInt32(routes.end) where routes[route].firstWaiting != none {
      survey(route, now: now)
      serveWaiting(route, now: now)
    }
    var index = 0
    while index < dirtyClients.count {
      let client = dirtyClients[index]
      index += 1
      clients[client].isDirty = false
      guard clients[client].isOpen, !hasEnough(client, now: now) else { continue }
      let route = clients[client].route
      if routes[route].surveyed != grantingPass { survey(route, now: now) }
      if waitsForMore(client, route) { continue }
      grant(client, now: now)
      announceIfWorthIt(client, now: now)
    }
    if index > 0 { dirtyClients.removeAll(keepingCapacity: true) }
  }

  // MARK: Survey

  /// Counts each principal's clients with demand and what it is owed. Clients without demand leave the
  /// list, so idle ones cost nothing.
  private mutating func survey(_ route: UInt32, now: Instant) {
    routes[route].surveyed = grantingPass
    routes[route].owed = .zero
    let reserve = routes[route].reserve
    let somebodyWaits = routes[route].firstWaiting != none
    var kept = 0
    for index in 0..<routes[route].demanding.count {
      let client = routes[route].demanding[index]
      guard hasDemand(client, now: now) else {
        clients[client].isDemanding = false
        continue
      }
      routes[route].demanding[kept] = client
      kept += 1
      let principal = clients[client].principal
      if principals[principal].pass != grantingPass { principals[principal].surveyed(grantingPass) }
      noteShort(client, of: principal)
      let most = somebodyWaits ? 1 : Self.demandingMax
      guard principals[principal].demanding < most else { continue }
      principals[principal].demanding += 1
      let claim = reserve * principals[principal].demanding
      let owed = claim.above(principals[principal].open + principals[principal].held)
      // Both or nothing: half a reserve lets no frame through.
      routes[route].owed = routes[route].owed.above(principals[principal].owed) + owed
      principals[principal].owed = owed
    }
    let idle = routes[route].demanding.count - kept
    if idle > 0 { routes[route].demanding.removeLast(idle) }
  }

  private mutating func hasDemand(_ client: UInt32, now: Instant) -> Bool {
    guard clients[client].isOpen else { return false }
    if sessions[clients[client].session].held.messages > 0 { return true }
    guard let last = clients[client].lastDemand else { return false }
    return now < last + Self.demandLasts
  }

  private mutating func pool(_ route: UInt32) -> Cost {
    routes[route].pool.free.above(routes[route].owed)
  }

  /// How much more the principal may have, so that the rule holds after it is granted: what isn't owed
  /// comes out of the pool and lowers the threshold as well. Never tested afterwards.
  mutating func allowance(ofPrincipal principal: UInt32, _ route: UInt32) -> Cost {
    if planted(.fairShareIgnored) { return routes[route].pool.free }
    let isCurrent = principals[principal].pass == grantingPass
    let demanding = isCurrent ? max(1, principals[principal].demanding) : 1
    let share = settings.classes[principals[principal].classIndex].poolShare
    let threshold = routes[route].reserve * demanding + pool(route) * share
    let owed = isCurrent ? principals[principal].owed : .zero
    let room = threshold.above(principals[principal].open + principals[principal].held)
    let pooled = room.above(owed) / (share + 1)
    return (room.lesser(owed) + pooled).lesser(pool(route) + owed).lesser(routes[route].pool.free)
  }

  // MARK: Waiting

  /// First come, first served: one r for the first client of the first principal, which then goes to
  /// the back. A principal at its cap keeps its place and is passed over; too little space for the
  /// first that may have some stops everything, or it would wait for ever.
  private mutating func serveWaiting(_ route: UInt32, now: Instant) {
    let reserve = routes[route].reserve
    var principal = routes[route].firstWaiting
    while principal != none {
      let following = principals[principal].nextWaiting
      let client = firstReadyWaiter(of: principal)
      guard client != none else {
        principal = following
        continue
      }
      let need = reserve.above(clients[client].window.open)
      guard need.fits(in: routes[route].pool.free) else {
        // What returns is saved for it: small grants to others would eat it up for ever.
        routes[route].shortInPass = grantingPass
        return
      }
      if isAtCap(principal, need, route) {
        principal = following
        continue
      }
      leaveWaiting(client)
      give(client, need, now: now)
      routes[route].owed = routes[route].owed.above(principals[principal].owed.lesser(need))
      principals[principal].owed = principals[principal].owed.above(need)
      announceIfWorthIt(client, now: now)
      if principals[principal].isWaiting {
        unchainWaiting(principal, route)
        chainWaiting(principal, route)
        principal = routes[route].firstWaiting
      } else {
        principal = following
      }
    }
  }

  /// The first of the principal's waiters that has given back what it couldn't use.
  private mutating func firstReadyWaiter(of principal: UInt32) -> UInt32 {
    var client = principals[principal].firstWaiter
    if planted(.lineServedFromItsEnd) { client = principals[principal].lastWaiter }
    while client != none, clients[client].window.reclaim != nil {
      client = clients[client].nextWaiter
    }
    return client
  }

  private mutating func isAtCap(_ principal: UInt32, _ need: Cost, _ route: UInt32) -> Bool {
    let share = settings.classes[principals[principal].classIndex].poolShare
    let isCurrent = principals[principal].pass == grantingPass
    let pooled = need.above(isCurrent ? principals[principal].owed : .zero)
    let threshold = routes[route].reserve + pool(route).above(pooled) * share
    let total = principals[principal].open + principals[principal].held + need
    // What isn't needed more of doesn't count: credit for messages may lie idle where bytes are short.
    return need.bytes > 0 && total.bytes > threshold.bytes
      || need.messages > 0 && total.messages > threshold.messages
  }

  // MARK: One client

  /// Nothing keeps it from more, less than a quarter of its window is used, and it was told of its window
  /// a moment ago: what it could be given isn't worth a WINDOW yet (`announceIfWorthIt`), nor counting who
  /// else has demand. It is looked at again when the rest would be worth telling.
  private mutating func hasEnough(_ client: UInt32, now: Instant) -> Bool {
    guard clients[client].reason.isNone, !clients[client].isWaiting,
      clients[client].window.reclaim == nil, intakeStop(clients[client].route) == nil
    else { return false }
    let open = clients[client].window.open
    let target = clients[client].target
    let bytes = windowCost(target, clients[client].route).bytes
    let again = clients[client].lastWindowAt + Self.windowDelay
    guard open.messages >= target - target / 4, open.bytes >= bytes - bytes / 4,
      open.bytes >= clients[client].blockedCost, now < again
    else { return false }
    clientDeadlines.pull(client, to: again)
    return true
  }

  /// What the client may have now; waits in line if that isn't enough for its next frame.
  private mutating func grant(_ client: UInt32, now: Instant) {
    if let reason = intakeStop(clients[client].route) { return clients[client].reason = reason }
    if clients[client].isWaiting { return }
    guard clients[client].window.reclaim == nil else {
      return clients[client].reason = .reclaiming
    }
    let route = clients[client].route
    growTarget(client, route, now: now)
    let (own, ownReason) = ownAllowance(client, route)
    var grant = own.lesser(spaceAllowance(client, route))
    let least = UInt64(WireLimits.dataFixedBytes + limits.overheadBytes)
    // Credit for more messages than the bytes can pay for would only be missing elsewhere.
    let payable = (clients[client].window.open.bytes + grant.bytes) / least
    grant.messages = min(
      grant.messages, payable - min(payable, clients[client].window.open.messages))
    let open = clients[client].window.open + grant
    if !grant.isZero, open.messages > 0, open.bytes >= least { give(client, grant, now: now) }
    guard isShut(client) else {
      clients[client].reason = .none
      return
    }
    let isShortOfMessages = clients[client].window.open.messages == 0
    if isShortOfMessages ? own.messages == 0 : own.bytes == 0 {
      clients[client].reason = ownReason
      // What its class may have outstanding may lie idle with others of the class, on any route.
      if ownReason == .rateLimited {
        for each in 0..<UInt32(routes.end) { press(each, now: now) }
      }
    } else {
      shutForSpace(client, route, now: now)
    }
  }

  /// What the others leave. Nothing while one of its own principal waits, or space is saved for any
  /// that waits; no more than r while another principal waits, and than an equal share while one of its
  /// own is shut; nothing after credit was asked back until it is wanted again, or idle clients would
  /// get back what they just gave.
  private mutating func spaceAllowance(_ client: UInt32, _ route: UInt32) -> Cost {
    let principal = clients[client].principal
    guard !clients[client].isResting, !principals[principal].isWaiting,
      routes[route].shortInPass != grantingPass
    else { return .zero }
    let space = allowance(ofPrincipal: principal, route)
    if routes[route].firstWaiting != none {
      return space.lesser(routes[route].reserve.above(standing(client)))
    }
    guard let share = equalShare(client, principal, space, route) else { return space }
    var given = space.lesser(share.above(standing(client)))
    if sessions[clients[client].session].held.messages > 0 {
      if given.messages < share.messages / 4 { given.messages = 0 }
      if given.bytes < share.bytes / 4 { given.bytes = 0 }
    }
    return given
  }

  /// What the client's own limits leave: its window, what it hasn't seen receipts for, its own wish.
  /// The two quantities stand each for itself: large messages use up bytes and leave credit for many
  /// messages, and then bytes alone are granted.
  private mutating func ownAllowance(_ client: UInt32, _ route: UInt32) -> (Cost, WindowReason) {
    let session = clients[client].session
    let standing = standing(client)
    var own = windowCost(clients[client].target, route).above(standing)
    var reason = WindowReason.windowMaximum
    let unseenMax =
      Self.unseenBase + max(routes[route].windowMessagesMax, windowMaximum(of: client))
    let unseen = sessions[session].outcomes.messages + standing.messages
    let unseenLeft = unseenMax > unseen ? unseenMax - unseen : 0
    if unseenLeft < own.messages, !planted(.unseenIsUnbounded) {
      own.messages = unseenLeft
      if unseenLeft == 0 { reason = .receiptsUnseen }
    }
    let classIndex = principals[clients[client].principal].classIndex
    if let paced = pacedRoom(ofClass: classIndex), paced < own.messages {
      own.messages = paced
      if paced == 0 { reason = .rateLimited }
    }
    if let wanted = clients[client].wanted {
      own = own.lesser(wanted.above(clients[client].window.limit))
    }
    return (own, reason)
  }
  /// Outcomes that a session may have unseen beyond its largest window.
  static var unseenBase: UInt64 { 1024 }

  private mutating func shutForSpace(_ client: UInt32, _ route: UInt32, now: Instant) {
    let fitsFree = routes[route].reserve.fits(in: routes[route].pool.free)
    clients[client].reason = fitsFree ? .fairShare : .bufferFull
    press(route, now: now)
    let holdsNothing = sessions[clients[client].session].held.messages == 0
    guard holdsNothing, hasDemand(client, now: now) else { return }
    joinWaiting(client, route)
    // Whoever waits holds nothing: credit for messages is of no use where bytes are short, and if all
    // who wait kept some, nobody could ever be given enough of both.
    reclaimAll(client, now: now)
  }

  /// Idle credit is looked for from now on.
  mutating func press(_ route: UInt32, now: Instant) {
    guard !routes[route].isPressed else { return }
    routes[route].isPressed = true
    // A fixed instant: the route's deadlines are set anew each time it dispatches.
    routes[route].reclaimAt = now + Self.reclaimTick
    routeDeadlines.pull(route, to: now + Self.reclaimTick)
  }

  mutating func give(_ client: UInt32, _ cost: Cost, now: Instant) {
    let route = clients[client].route
    routes[route].pool.grant(cost)
    principals[clients[client].principal].open += cost
    clients[client].window.grant(cost)
    joinLent(client, route)
  }

  /// Its next frame doesn't fit: nothing is open, or it said BLOCKED and that frame still doesn't.
  /// What it is asked to give back isn't open any more.
  mutating func isShut(_ client: UInt32) -> Bool {
    let open = clients[client].window.announced.above(clients[client].window.received)
    let least = UInt64(WireLimits.dataFixedBytes + limits.overheadBytes)
    return open.messages == 0 || open.bytes < max(least, clients[client].blockedCost)
  }

  // MARK: The window's size

  /// A window's worth of bytes: the same share of the buffer's bytes as of its messages, and never
  /// less than the reserve.
  mutating func windowCost(_ messages: UInt64, _ route: UInt32) -> Cost {
    let bytes = messages.multipliedReportingOverflow(by: routes[route].bytesPerMessage)
    return Cost(bytes: bytes.overflow ? .max : bytes.partialValue, messages: messages)
      .greater(Cost(bytes: routes[route].reserve.bytes))
  }

  mutating func startingTarget(_ client: UInt32) -> UInt64 {
    min(windowMaximum(of: client), max(64, routes[clients[client].route].reserve.messages))
  }

  /// Doubles a window of which three quarters of either are in use, and halves it for each second without use.
  private mutating func growTarget(_ client: UInt32, _ route: UInt32, now: Instant) {
    let most = windowMaximum(of: client)
    let target = clients[client].target
    if now.since(clients[client].lastData) >= .seconds(1) {
      shrinkTarget(client, now: now)
    } else if clients[client].window.received.messages > 0 {
      // Large messages use up the bytes of a window long before its messages.
      let open = clients[client].window.open
      let isUsed =
        open.messages <= target / 4 || open.bytes <= windowCost(target, route).bytes / 4
      if isUsed {
        let most = planted(.windowMaximumIgnored) ? most * 4 : most
        clients[client].target = min(most, target * 2)
      }
    }
  }

  private mutating func shrinkTarget(_ client: UInt32, now: Instant) {
    let span = now.since(clients[client].lastData)
    guard span >= .seconds(1) else { return }
    let idle = span.nanoseconds / 1_000_000_000
    clients[client].target = max(
      startingTarget(client), clients[client].target >> min(idle, 63))
  }

  // MARK: Demand

  mutating func noteDemand(_ client: UInt32, now: Instant) {
    clients[client].lastDemand = now
    clients[client].isResting = false
    guard !clients[client].isDemanding else { return }
    clients[client].isDemanding = true
    routes[clients[client].route].demanding.append(client)
  }

  mutating func leaveDemanding(_ client: UInt32) {
    guard clients[client].isDemanding else { return }
    clients[client].isDemanding = false
    routes[clients[client].route].demanding.removeAll { $0 == client }
  }

  /// DATA arrived within credit.
  mutating func noteData(_ client: UInt32, now: Instant) {
    shrinkTarget(client, now: now)
    clients[client].lastData = now
    clients[client].blockedCost = 0
    noteDemand(client, now: now)
    moveLent(client)
    markDirty(client)
  }
}

extension WindowReason {
  fileprivate var isNone: Bool { if case .none = self { true } else { false } }
}
