import ForebayWire

// The other half of `checkInvariants`: counts, lines and look-ups.
extension Sidecar {
  // MARK: Credit

  /// free ≥ 0, and every sum of credit equals what it is a sum of.
  func checkCredit(_ sums: RunSums, _ findings: inout Findings) {
    var open = Array(repeating: Cost.zero, count: principals.end)
    var held = Array(repeating: Cost.zero, count: principals.end)
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      let window = clients[client].window
      findings.require(
        window.received.fits(in: window.limit) && window.advertised.fits(in: window.limit),
        "client \(client): R ≤ L, and told ≤ L, but \(window)")
      if clients[client].session != none {
        open[Int(clients[client].principal)] += window.open
      } else {
        findings.require(window.open.isZero, "client \(client) is detached and has credit")
      }
    }
    for session in 0..<UInt32(sessions.end) where sessions.contains(session) {
      held[Int(sessions[session].principal)] += sessions[session].held
      findings.require(
        sessions[session].held == sums.held[Int(session)],
        "session \(session) counts \(sessions[session].held), not \(sums.held[Int(session)])")
      findings.require(
        sessions[session].ownedMessages == sums.owned[Int(session)],
        "session \(session) counts \(sessions[session].ownedMessages) of its own")
    }
    for route in 0..<UInt32(routes.end) {
      var routeOpen = Cost.zero
      var routeHeld = Cost.zero
      for principal in 0..<UInt32(principals.end)
      where principals.contains(principal) && principals[principal].route == route {
        findings.require(
          principals[principal].open == open[Int(principal)]
            && principals[principal].held == held[Int(principal)],
          "principal \(principal) counts \(principals[principal].open) open, "
            + "\(principals[principal].held) held")
        findings.require(
          principals[principal].inFlight == sums.inFlight[Int(principal)]
            && principals[principal].classIndex < settings.classes.count,
          "principal \(principal) counts \(principals[principal].inFlight) in flight")
        routeOpen += open[Int(principal)]
        routeHeld += held[Int(principal)]
      }
      checkPool(route, routeOpen, routeHeld, &findings)
    }
  }

  private func checkPool(
    _ route: UInt32, _ open: Cost, _ held: Cost, _ findings: inout Findings
  ) {
    let pool = routes[route].pool
    findings.require(
      pool.open == open && pool.held == held,
      "route \(route) counts \(pool.open) open and \(pool.held) held, not \(open) and \(held)")
    findings.require(
      (open + held + pool.controlReserve).fits(in: pool.capacity + pool.excess),
      "route \(route) has promised more than it has: \(pool)")
    let totals = routes[route].totals
    findings.require(
      totals.received == totals.settled + held.messages, "route \(route): \(totals), held \(held)")
  }

  // MARK: Clients

  func checkClients(_ findings: inout Findings) {
    var attached = Array(repeating: 0, count: principals.end)
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      findings.require(
        clients[client].isDirty == dirtyClients.contains(client),
        "client \(client): isDirty is wrong")
      findings.require(
        clients[client].hasOutputPending == outputClients.contains(client),
        "client \(client): hasOutputPending is wrong")
      let session = clients[client].session
      guard session != none else {
        findings.require(
          !clients[client].isWaiting && !clients[client].isLending && !clients[client].isDemanding,
          "client \(client) is detached and stands in a line")
        continue
      }
      attached[Int(clients[client].principal)] += 1
      let isIts = sessions[session].client == client
      let isSuccessor = sessions[session].successor == client
      findings.require(
        clients[client].isOpen ? isIts : isSuccessor && clients[client].phase == .takingOver,
        "client \(client) and session \(session) don't know each other")
      findings.require(
        !clients[client].isOpen || clients[client].window.open.isZero || clients[client].isLending,
        "client \(client) has credit that can't be reclaimed")
    }
    for principal in 0..<UInt32(principals.end) where principals.contains(principal) {
      findings.require(
        principals[principal].clients == attached[Int(principal)],
        "principal \(principal) counts \(principals[principal].clients) clients")
    }
  }

  // MARK: Lines

  /// Waiting, lending and demanding: whoever says so stands in the line, once, and nobody else does.
  func checkLines(_ findings: inout Findings) {
    var waiting = Array(repeating: 0, count: clients.end)
    var lending = waiting
    var demanding = waiting
    for route in 0..<UInt32(routes.end) {
      var before = none
      var principal = routes[route].firstWaiting
      while principal != none, before != principal {
        findings.require(
          principals[principal].isWaiting && principals[principal].previousWaiting == before
            && principals[principal].firstWaiter != none,
          "principal \(principal) waits wrongly")
        checkWaiters(of: principal, &waiting, &findings)
        before = principal
        principal = principals[principal].nextWaiting
      }
      findings.require(routes[route].lastWaiting == before, "the line of route \(route) is torn")
      var client = routes[route].firstLent
      var lender = none
      while client != none, lending[Int(client)] == 0 {
        findings.require(clients[client].previousLent == lender, "client \(client) lends wrongly")
        lending[Int(client)] += 1
        lender = client
        client = clients[client].nextLent
      }
      findings.require(routes[route].lastLent == lender, "route \(route): lenders' chain is torn")
      for client in routes[route].demanding { demanding[Int(client)] += 1 }
    }
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      findings.require(
        waiting[Int(client)] == (clients[client].isWaiting ? 1 : 0),
        "client \(client): isWaiting is wrong")
      findings.require(
        lending[Int(client)] == (clients[client].isLending ? 1 : 0),
        "client \(client): isLending is wrong")
      findings.require(
        demanding[Int(client)] == (clients[client].isDemanding ? 1 : 0),
        "client \(client): isDemanding is wrong")
    }
  }

  private func checkWaiters(
    of principal: UInt32, _ waiting: inout [Int], _ findings: inout Findings
  ) {
    var before = none
    var client = principals[principal].firstWaiter
    while client != none, waiting[Int(client)] == 0 {
      findings.require(
        clients[client].previousWaiter == before && clients[client].principal == principal
          && clients[client].isOpen,
        "client \(client) waits wrongly")
      waiting[Int(client)] += 1
      before = client
      client = clients[client].nextWaiter
    }
    findings.require(
      principals[principal].lastWaiter == before, "the line of principal \(principal) is torn")
  }

  // MARK: Sessions

  func checkSessions(_ findings: inout Findings) {
    var counts = Array(repeating: 0, count: principals.end)
    for index in 0..<UInt32(sessions.end) where sessions.contains(index) {
      let key = SessionKey(
        principal: sessions[index].principal, isOrigin: sessions[index].kind == .origin,
        id: sessions[index].id)
      findings.require(sessionByID[key] == index, "session \(index) can't be found by its id")
      counts[Int(sessions[index].principal)] += 1
      let isAlone = sessions[index].client == none && sessions[index].successor == none
      findings.require(
        !isAlone || sessions[index].isHolding || sessionDeadlines.deadline(of: index) != nil,
        "session \(index) (\(sessions[index].kind)) is kept for ever")
      findings.require(
        sessions[index].client == none || clients[sessions[index].client].session == index,
        "session \(index) has a client that isn't its own")
      checkOutcomes(index, &findings)
    }
    for index in 0..<UInt32(principals.end) where principals.contains(index) {
      findings.require(
        principals[index].sessions == counts[Int(index)]
          && principals[index].sessions + principals[index].clients > 0,
        "principal \(index) counts \(principals[index].sessions) sessions")
      findings.require(
        principalByKey[RouteKey(route: principals[index].route, key: principals[index].key)]
          == index,
        "principal \(index) can't be found by its key")
    }
    findings.require(sessionByID.count == sessions.count, "an id leads to no session")
    findings.require(principalByKey.count == principals.count, "a key leads to no principal")
  }

  private func checkOutcomes(_ session: UInt32, _ findings: inout Findings) {
    var end = sessions[session].outcomes.floor
    var messages: UInt64 = 0
    for range in sessions[session].outcomes.all {
      findings.require(
        range.first >= end && range.outcome.isFinal, "session \(session): outcomes overlap")
      end = range.end
      messages += UInt64(range.count)
    }
    findings.require(
      sessions[session].outcomes.messages == messages, "session \(session) miscounts its outcomes")
  }
}
