import ForebayWire

// HELLO: who is it, which session, and what does the daemon know of it.
extension Sidecar {
  mutating func helloReceived(
    _ client: UInt32, _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) {
    guard clients[client].phase == .awaitingHello else { throw WireError(.helloRepeated) }
    let hello = try Hello(frame: frame)
    let route = try route(named: Hello.extensions(of: frame), for: clients[client].classIndex)
    let principal = principal(of: client, route)
    clients[client].principal = principal
    clients[client].route = route
    clients[client].isPeer = hello.isPeer
    clients[client].names = ClientNames(helloExtensions: Hello.extensions(of: frame))
    guard let session = session(hello, principal, route, now: now) else {
      forgetPrincipalIfEmpty(principal)
      throw WireError(.tooManySessions)
    }
    sessionDeadlines.set(session, nil)
    sessions[session].level = hello.level
    let seen = planted(.receiptsLostOnResume) ? .max : hello.floor
    sessions[session].outcomes.forget(below: min(seen, sessions[session].highest + 1))
    clients[client].session = session
    principals[principal].clients += 1
    routes[route].clients += 1
    let old = sessions[session].client
    if old == none {
      welcome(client, now: now)
    } else {
      clients[client].phase = .takingOver
      if sessions[session].successor != none { close(sessions[session].successor, .sessionTaken) }
      sessions[session].successor = client
      actions.append(.readOut(clients[old].id))
    }
  }

  /// The old connection of a session has nothing more to be read: it is closed, and the new one takes
  /// its place.
  package mutating func clientReadOut(_ id: ClientID, now: Instant) {
    guard let old = slot(id), clients[old].session != none else { return }
    let successor = sessions[clients[old].session].successor
    guard successor != none else { return }
    close(old, .sessionTaken)
    welcome(successor, now: now)
  }

  private mutating func welcome(_ client: UInt32, now: Instant) {
    let session = clients[client].session
    clients[client].phase = .open
    sessions[session].client = client
    sessions[session].successor = none
    clients[client].target = startingTarget(client)
    clients[client].owesWelcome = true
    clients[client].owesFirstWindow = true
    listHeld(session, client)
    for range in sessions[session].outcomes.all { clients[client].receipts.append(range) }
    if lifecycle != .running { clients[client].owesGoAway = .shuttingDown }
    markDirty(client)
    markOutput(client)
    scheduleClient(client, now: now)
  }

  /// Everything of the session that is held, as RECEIVED ranges.
  private mutating func listHeld(_ session: UInt32, _ client: UInt32) {
    if sessions[session].kind == .client { return listHeldRuns(of: session, for: session, client) }
    // A link's messages are owned by the origins behind it.
    for origin in 0..<UInt32(sessions.end)
    where sessions.contains(origin) && sessions[origin].kind == .origin
      && sessions[origin].principal == sessions[session].principal
    {
      listHeldRuns(of: origin, for: session, client)
    }
  }

  private mutating func listHeldRuns(of owner: UInt32, for receiver: UInt32, _ client: UInt32) {
    var run = sessions[owner].heldRuns
    while run != none {
      if store.runs[run].receiver == receiver, !planted(.heldNotListed) {
        let base = store.runs[run].receiptSequence
        store.runs[run].eachStretch { first, count, _ in
          clients[client].receipts.append(
            ReceiptRange(first: base + UInt64(first), count: UInt32(count), outcome: .received))
        }
      }
      run = store.runs[run].nextOfSession
    }
  }

  // MARK: Look-ups

  /// The route that HELLO names, or the first that the class may use. A class learns nothing of routes
  /// that it may not use but that they exist.
  private mutating func route(
    named extensions: UnsafeRawBufferPointer, for classIndex: Int
  ) throws(WireError) -> UInt32 {
    var walk = ExtensionWalk(extensions)
    while let entry = walk.next() {
      guard entry.type == .route else { continue }
      let name = extensions[entry.value]
      guard let route = firstRoute(where: { $0.utf8.elementsEqual(name) }) else {
        throw WireError(.unknownRoute)
      }
      guard settings.classes[classIndex].mayUse(route: routes[route].settings.name) else {
        throw WireError(.notPermitted)
      }
      return route
    }
    guard let permitted = settings.classes[classIndex].routes else { return 0 }
    // One that came with a reload exists from the next start on.
    for name in permitted {
      if let route = firstRoute(where: { $0 == name }) { return route }
    }
    throw WireError(.notPermitted)
  }

  private mutating func firstRoute(where matches: (String) -> Bool) -> UInt32? {
    (0..<UInt32(routes.end)).first { matches(routes[$0].settings.name) }
  }

  private mutating func principal(of client: UInt32, _ route: UInt32) -> UInt32 {
    let key = RouteKey(route: route, key: clients[client].key)
    if let known = principalByKey[key] {
      moveToClass(clients[client].classIndex, known)
      return known
    }
    let made = principals.insert(
      Principal(key: key.key, route: route, classIndex: clients[client].classIndex))
    principalByKey[key] = made
    return made
  }

  private mutating func session(
    _ hello: Hello, _ principal: UInt32, _ route: UInt32, now: Instant
  ) -> UInt32? {
    let key = SessionKey(principal: principal, isOrigin: false, id: hello.session)
    if let known = sessionByID[key] {
      // The same id as an ordinary client and as a peer would mix two kinds of sequences.
      return (sessions[known].kind == .link) == hello.isPeer ? known : nil
    }
    return makeSession(key, kind: hello.isPeer ? .link : .client, route, floor: hello.floor)
  }

  /// Makes a session, at the principal's cap in place of its oldest idle one; nil if none is idle.
  mutating func makeSession(
    _ key: SessionKey, kind: Session.Kind, _ route: UInt32, floor: UInt64
  ) -> UInt32? {
    let principal = key.principal
    if principals[principal].sessions >= limits.sessionsPerPrincipalMax {
      guard let idle = oldestIdleSession(of: principal) else { return nil }
      forget(idle)
    }
    let made = sessions.insert(
      Session(
        id: key.id, kind: kind, principal: principal, route: route,
        tag: Session.tag(of: principals[principal].key, key.id, isOrigin: kind == .origin)))
    sessions[made].outcomes.forget(below: floor)
    sessionByID[key] = made
    principals[principal].sessions += 1
    return made
  }

  private mutating func oldestIdleSession(of principal: UInt32) -> UInt32? {
    var oldest: (session: UInt32, at: Instant)?
    for index in 0..<UInt32(sessions.end)
    where sessions.contains(index) && sessions[index].principal == principal
      && sessions[index].client == none && !sessions[index].isHolding
    {
      let at = sessionDeadlines.deadline(of: index) ?? .distantFuture
      if oldest == nil || at < oldest!.at { oldest = (index, at) }
    }
    return oldest?.session
  }

  // MARK: Forgetting

  /// A session's connection has ended.
  mutating func sessionLeft(_ session: UInt32, now: Instant) {
    guard sessions[session].client == none else { return }
    let successor = sessions[session].successor
    if successor != none { return welcome(successor, now: now) }
    if sessions[session].isForgettable { return forget(session) }
    if !sessions[session].isHolding { sessionDeadlines.set(session, now + limits.sessionMemory) }
  }

  /// Messages of a session were settled; if nobody is connected, it need not be kept for ever.
  mutating func sessionMayBeForgotten(_ session: UInt32, now: Instant) {
    guard sessions[session].client == none, sessions[session].successor == none,
      !sessions[session].isHolding
    else { return }
    if sessions[session].isForgettable { return forget(session) }
    if sessionDeadlines.deadline(of: session) == nil || sessions[session].kind == .origin {
      sessionDeadlines.set(session, now + limits.sessionMemory)
    }
  }

  mutating func forget(_ session: UInt32) {
    invariant(!sessions[session].isHolding, "a session that holds messages is kept")
    let principal = sessions[session].principal
    let route = sessions[session].route
    var flow = sessions[session].flows
    while flow != none {
      let next = routes[route].queue.flows[flow].nextOfSession
      routes[route].queue.removeFlow(flow)
      flow = next
    }
    sessionDeadlines.set(session, nil)
    sessionByID[
      SessionKey(
        principal: principal, isOrigin: sessions[session].kind == .origin, id: sessions[session].id)
    ] =
      nil
    sessions.remove(session)
    principals[principal].sessions -= 1
    forgetPrincipalIfEmpty(principal)
  }

  private mutating func forgetPrincipalIfEmpty(_ principal: UInt32) {
    guard principals[principal].sessions == 0, principals[principal].clients == 0 else { return }
    principalByKey[
      RouteKey(route: principals[principal].route, key: principals[principal].key)] = nil
    principals.remove(principal)
  }
}
