import ForebayWire

// What holds between any two events, found again from the ground up instead of believed. It costs
// time in proportion to all that exists, so only tests ask; the cheap part of it is asked in release
// too, by `invariant` where the numbers change.
extension Sidecar {
  /// What is broken, in words; empty when all is well.
  mutating func checkInvariants() -> [String] {
    var findings = Findings()
    let runs = checkRuns(&findings)
    checkPlaces(runs, &findings)
    checkCredit(runs, &findings)
    checkMemory(&findings)
    checkClients(&findings)
    checkLines(&findings)
    checkSessions(&findings)
    for route in 0..<UInt32(routes.end) {
      checkQueue(route, &findings)
      checkFlight(route, &findings)
      if routes[route].isPeer { checkLink(route, &findings) }
      checkConnection(route, &findings)
    }
    return findings.texts
  }

  struct Findings {
    private(set) var texts: [String] = []
    mutating func require(_ isFine: Bool, _ text: @autoclosure () -> String) {
      if !isFine { texts.append(text()) }
    }
  }

  /// What the runs say of themselves, summed up for those who keep counts of it.
  struct RunSums {
    var held: [Cost]
    var owned: [UInt64]
    /// By principal.
    var inFlight: [UInt64]
    var segmentBytes: [Int]
    var heapBytes = 0
    var isKnown: [Bool]
  }

  // MARK: Runs

  /// Every run against the bytes that it stands for.
  private func checkRuns(_ findings: inout Findings) -> RunSums {
    var sums = RunSums(
      held: Array(repeating: .zero, count: sessions.end),
      owned: Array(repeating: 0, count: sessions.end),
      inFlight: Array(repeating: 0, count: principals.end),
      segmentBytes: Array(repeating: 0, count: store.nursery.segmentCount),
      isKnown: Array(repeating: false, count: store.runs.end))
    for index in 0..<UInt32(store.runs.end) where store.runs.contains(index) {
      sums.isKnown[Int(index)] = true
      checkRun(index, &findings)
      let run = store.runs[index]
      guard sessions.contains(run.owner), sessions.contains(run.receiver) else {
        findings.require(false, "run \(index) belongs to a session that is gone")
        continue
      }
      sums.held[Int(run.receiver)] += Cost(
        bytes: UInt64(Int(run.liveBytes) + Int(run.unsettled) * limits.overheadBytes),
        messages: UInt64(run.unsettled))
      sums.owned[Int(run.owner)] += UInt64(run.unsettled)
      if run.stage == .inFlight {
        sums.inFlight[Int(sessions[run.owner].principal)] += UInt64(run.unsettled)
      }
      if run.isInNursery {
        sums.segmentBytes[Int(run.segment)] += Int(run.byteCount)
      } else {
        sums.heapBytes += BlockPool.bytes(ofClass: Int(run.sizeClass))
      }
    }
    return sums
  }

  private func checkRun(_ index: UInt32, _ findings: inout Findings) {
    let run = store.runs[index]
    var live = 0
    var present = 0
    var isInPlace = true
    run.walk { frame in
      present += frame.byteCount
      if !run.settled[frame.index] { live += frame.byteCount }
      let sequence = (UnsafeRawPointer(run.base) + frame.offset).big64(8)
      isInPlace = isInPlace && sequence == run.firstSequence + UInt64(frame.index)
      return isInPlace
    }
    var settled = 0
    var isMissing = false
    for message in 0..<Int(run.count) {
      if run.settled[message] { settled += 1 }
      isMissing = isMissing || (run.absent[message] && !run.settled[message])
    }
    findings.require(isInPlace, "run \(index) doesn't hold the frames of its sequences")
    findings.require(!isMissing, "run \(index) has lost an unsettled message")
    findings.require(present == Int(run.byteCount), "run \(index): byteCount is not its frames'")
    findings.require(live == Int(run.liveBytes), "run \(index): liveBytes is not its messages'")
    findings.require(
      settled + Int(run.unsettled) == Int(run.count) && run.unsettled > 0,
      "run \(index): \(run.unsettled) of \(run.count) unsettled, but \(settled) settled")
    if run.isInNursery {
      let place = UnsafeMutableRawPointer(run.base) - store.nursery.base(run.segment)
      let fill = store.nursery[run.segment].fill
      findings.require(
        place >= 0 && place + Int(run.byteCount) <= fill, "run \(index) leaves its segment")
    } else {
      let size = BlockPool.bytes(ofClass: Int(run.sizeClass))
      findings.require(
        size >= Int(run.byteCount)
          && (size == BlockPool.smallestBytes || Int(run.liveBytes) >= size / 4 * 3),
        "run \(index) keeps \(size) bytes of heap for \(run.liveBytes)")
    }
    let isTimed = run.deadline != .distantFuture && run.stage != .inFlight
    findings.require(
      !isTimed || runDeadlines.deadline(of: index) != nil, "queued run \(index) never expires")
  }

  // MARK: Places

  /// Every run stands in one queue, call or link, in its owner's chain, and in its segment's.
  private func checkPlaces(_ sums: RunSums, _ findings: inout Findings) {
    var placed = Array(repeating: 0, count: store.runs.end)
    for route in 0..<UInt32(routes.end) {
      for flow in 0..<UInt32(routes[route].queue.flows.end)
      where routes[route].queue.flows.contains(flow) {
        let record = routes[route].queue.flows[flow]
        walk(record.first, record.last, &placed, &findings) { run in
          store.runs[run].stage == .queued && store.runs[run].owner == record.session
            && store.runs[run].lane == record.lane && store.runs[run].isWhole
        }
      }
      for run in routes[route].shelf.runs {
        placed[Int(run)] += 1
        findings.require(store.runs[run].stage == .shelved, "run \(run) lies on a shelf by mistake")
      }
      var call = routes[route].firstCall
      while call != none {
        walk(calls[call].first, calls[call].last, &placed, &findings) { run in
          store.runs[run].stage == .inFlight && store.runs[run].call == call
        }
        call = calls[call].next
      }
      if routes[route].isPeer {
        walk(links[route].first, links[route].last, &placed, &findings) { run in
          store.runs[run].stage == .inFlight && store.runs[run].linkSequence > 0
        }
      }
    }
    for index in placed.indices {
      findings.require(
        placed[index] == (sums.isKnown[index] ? 1 : 0),
        "run \(index) stands in \(placed[index]) queues, calls and links")
    }
    checkOwnersChains(sums, &findings)
  }

  /// Walks a chain and checks it in both directions.
  private func walk(
    _ first: UInt32, _ last: UInt32, _ placed: inout [Int], _ findings: inout Findings,
    _ belongs: (UInt32) -> Bool
  ) {
    var before = none
    var run = first
    while run != none {
      guard store.runs.contains(run) else {
        return findings.require(false, "run \(run) is gone and still chained")
      }
      placed[Int(run)] += 1
      guard placed[Int(run)] == 1 else { return }
      findings.require(belongs(run), "run \(run) stands where it doesn't belong")
      findings.require(store.runs[run].previous == before, "run \(run) has another before it")
      if before != none, store.runs[before].owner == store.runs[run].owner,
        store.runs[before].lane == store.runs[run].lane
      {
        findings.require(
          store.runs[before].serial < store.runs[run].serial, "run \(run) is out of order")
      }
      before = run
      run = store.runs[run].next
    }
    findings.require(last == before, "a chain ends at \(last), not at \(before)")
  }

  private func checkOwnersChains(_ sums: RunSums, _ findings: inout Findings) {
    var seen = Array(repeating: false, count: store.runs.end)
    for session in 0..<UInt32(sessions.end) where sessions.contains(session) {
      var before = none
      var run = sessions[session].heldRuns
      while run != none, store.runs.contains(run), !seen[Int(run)] {
        seen[Int(run)] = true
        findings.require(
          store.runs[run].owner == session && store.runs[run].previousOfSession == before,
          "run \(run) is chained wrongly to session \(session)")
        before = run
        run = store.runs[run].nextOfSession
      }
      findings.require(run == none, "the chain of session \(session) is broken at run \(run)")
    }
    findings.require(seen == sums.isKnown, "a run is missing from its owner's chain")
  }

  // MARK: Memory

  private mutating func checkMemory(_ findings: inout Findings) {
    var heap = 0
    var live = Array(repeating: 0, count: store.nursery.segmentCount)
    var seen = Array(repeating: false, count: store.runs.end)
    for index in 0..<UInt32(store.runs.end) where store.runs.contains(index) {
      if !store.runs[index].isInNursery {
        heap += BlockPool.bytes(ofClass: Int(store.runs[index].sizeClass))
      }
    }
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      if let block = freeBlock(clients[client].partial) {
        heap += BlockPool.bytes(ofClass: block.sizeClass)
      }
    }
    findings.require(
      store.blocks.usedBytes == heap, "the heap counts \(store.blocks.usedBytes), not \(heap)")
    for segment in 0..<Int32(store.nursery.segmentCount) {
      var before = none
      var run = store.nursery[segment].runs
      while run != none, store.runs.contains(run), !seen[Int(run)] {
        seen[Int(run)] = true
        findings.require(
          store.runs[run].segment == segment && store.runs[run].previousInSegment == before,
          "run \(run) is chained wrongly to segment \(segment)")
        live[Int(segment)] += Int(store.runs[run].byteCount)
        before = run
        run = store.runs[run].nextInSegment
      }
      checkSegment(segment, live[Int(segment)], &findings)
    }
  }

  private func checkSegment(_ index: Int32, _ live: Int, _ findings: inout Findings) {
    let segment = store.nursery[index]
    findings.require(
      segment.live == live, "segment \(index) counts \(segment.live) live bytes, not \(live)")
    findings.require(
      live <= segment.fill && segment.fill <= Nursery.segmentBytes,
      "segment \(index): \(live) live, filled to \(segment.fill)")
    let isVacant = live == 0 && segment.fill == 0
    findings.require(
      !segment.isFree || isVacant, "segment \(index) is free with \(segment.fill) bytes")
    findings.require(
      segment.isFree || live > 0 || (index == store.nursery.current && isVacant),
      "segment \(index) is empty and neither free nor current")
  }
}
