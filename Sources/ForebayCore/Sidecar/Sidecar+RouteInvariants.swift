import ForebayWire

// The part of `checkInvariants` that looks at one route: its queue, what is in flight, its links[route].
extension Sidecar {
  // MARK: Queue

  func checkQueue(_ route: UInt32, _ findings: inout Findings) {
    var queued = 0
    var active = 0
    for flow in 0..<UInt32(routes[route].queue.flows.end)
    where routes[route].queue.flows.contains(flow) {
      let record = routes[route].queue.flows[flow]
      var run = record.first
      while run != none {
        queued += Int(store.runs[run].unsettled)
        run = store.runs[run].next
      }
      let isHeld = record.heldUntil != nil || record.isHeldForFlight
      findings.require(
        record.isActive == (record.first != none && !isHeld), "flow \(flow): isActive is wrong")
      findings.require(
        (record.heldUntil != nil) == routes[route].queue.held.contains(flow),
        "flow \(flow) isn't held as it says")
      findings.require(
        !record.isHeldForFlight || record.inFlight > 0, "flow \(flow) waits for nothing to land")
      if record.isActive { active += 1 }
      findings.require(sessions.contains(record.session), "flow \(flow) has lost its session")
    }
    findings.require(
      routes[route].queue.queuedMessages == queued,
      "route \(route) counts \(routes[route].queue.queuedMessages) queued, not \(queued)")
    checkRings(route, active, &findings)
  }

  /// Each active flow is reached once by the rings of lanes, principals and flows.
  private func checkRings(_ route: UInt32, _ active: Int, _ findings: inout Findings) {
    var reached = 0
    for lane in routes[route].queue.lanes.indices {
      let start = routes[route].queue.lanes[lane].current
      let isActive = routes[route].queue.activeLanes & (1 << UInt8(lane)) != 0
      findings.require(isActive == (start != none), "lane \(lane) is active with nobody in it")
      var member = start
      while member != none {
        let first = routes[route].queue.members[member].current
        findings.require(first != none, "member \(member) is in the ring with no flow")
        var flow = first
        while flow != none {
          reached += 1
          let record = routes[route].queue.flows[flow]
          findings.require(
            record.isActive && record.parent == member
              && routes[route].queue.flows[record.next].previous == flow,
            "flow \(flow) is in a ring that isn't its own")
          flow = record.next == first ? none : record.next
          if reached > active { break }
        }
        let next = routes[route].queue.members[member].next
        member = next == start || reached > active ? none : next
      }
    }
    findings.require(
      reached == active, "route \(route): \(reached) of \(active) active flows are reached")
  }

  // MARK: Flight

  func checkFlight(_ route: UInt32, _ findings: inout Findings) {
    var messages = 0
    var bytes = 0
    var byFlow = Array(repeating: 0, count: routes[route].queue.flows.end)
    for index in 0..<UInt32(store.runs.end)
    where store.runs.contains(index) && UInt32(store.runs[index].route) == route
      && store.runs[index].stage == .inFlight
    {
      let run = store.runs[index]
      messages += Int(run.unsettled)
      bytes += Int(run.liveBytes)
      var flow = sessions[run.owner].flows
      while flow != none, routes[route].queue.flows[flow].lane != run.lane {
        flow = routes[route].queue.flows[flow].nextOfSession
      }
      if flow != none { byFlow[Int(flow)] += Int(run.unsettled) }
    }
    findings.require(
      routes[route].inFlightMessages == messages && routes[route].inFlightBytes == bytes,
      "route \(route) counts \(routes[route].inFlightMessages) messages and "
        + "\(routes[route].inFlightBytes) bytes in flight, not \(messages) and \(bytes)")
    for flow in 0..<UInt32(routes[route].queue.flows.end)
    where routes[route].queue.flows.contains(flow) {
      findings.require(
        routes[route].queue.flows[flow].inFlight == byFlow[Int(flow)],
        "flow \(flow) counts \(routes[route].queue.flows[flow].inFlight) in flight")
    }
    var count = 0
    var before = none
    var call = routes[route].firstCall
    while call != none, count <= calls.count {
      findings.require(
        calls.contains(call) && calls[call].previous == before, "call \(call) is chained wrongly")
      count += 1
      before = call
      call = calls[call].next
    }
    findings.require(
      routes[route].callCount == count && routes[route].lastCall == before,
      "route \(route) counts \(routes[route].callCount) calls, not \(count)")
  }

  // MARK: Connection

  /// Calls are out only where there is a connection, and a leave is kept only until the first call.
  func checkConnection(_ route: UInt32, _ findings: inout Findings) {
    let phase = routes[route].connection.phase
    guard routes[route].upstream.connects else {
      return findings.require(phase == .disconnected, "route \(route) connects without need")
    }
    if phase == .disconnected || phase == .connecting {
      findings.require(
        routes[route].callCount == 0, "route \(route) has calls out and is \(phase)")
    }
    findings.require(
      routes[route].connection.token == nil || phase != .disconnected,
      "route \(route) keeps a leave for a connect that is over")
  }

  // MARK: Link

  /// The chain in link order, and the cursors that divide it: written, admitted, waiting for credit.
  func checkLink(_ route: UInt32, _ findings: inout Findings) {
    var next: UInt64 = 1
    var firstUnanswered = none
    var hasPassedWrite = links[route].nextToWrite == none
    var hasPassedAdmit = links[route].nextToAdmit == none
    var run = links[route].first
    while run != none {
      let record = store.runs[run]
      findings.require(record.linkSequence >= next, "run \(run) is out of link order")
      next = record.linkSequence + UInt64(record.count)
      if firstUnanswered == none, record.token != nil { firstUnanswered = run }
      if run == links[route].nextToAdmit { hasPassedAdmit = true }
      if run == links[route].nextToWrite {
        hasPassedWrite = true
        findings.require(
          !hasPassedAdmit || links[route].nextToAdmit == none,
          "run \(run) is written but not admitted")
        findings.require(!record.isHeldByPeer, "run \(run) is written though the peer holds it")
      }
      if links[route].phase == .disconnected {
        findings.require(
          record.token == nil && record.isWhole && !record.isHeldByPeer,
          "run \(run) is left over from the link that was lost")
      }
      run = record.next
    }
    findings.require(
      hasPassedWrite && hasPassedAdmit, "route \(route): a cursor of the link leads nowhere")
    findings.require(
      firstUnanswered == links[route].firstUnanswered,
      "route \(route): the first unanswered run is \(firstUnanswered)")
    findings.require(
      next <= links[route].nextSequence, "route \(route): a link sequence is given twice")
    findings.require(
      links[route].sent.fits(in: links[route].limit),
      "route \(route) sends its peer more than it may")
  }
}
