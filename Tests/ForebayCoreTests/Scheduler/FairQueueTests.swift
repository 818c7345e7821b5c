import Testing

@testable import ForebayCore

@Suite struct FairQueueTests {
  private static let overhead = 100
  private static let quantum = 10_000

  /// A queue with its runs; every run has one message of `bytes`.
  private struct Line: ~Copyable {
    var queue = FairQueue(quantum: quantum, overhead: overhead, laneWeights: [1, 1, 3])
    var runs = Slab<Run>(minimumCapacity: 64)
    var serial: UInt64 = 0

    mutating func add(_ flow: UInt32, bytes: Int = 900) -> UInt32 {
      serial += 1
      let base = UnsafeMutableRawPointer(bitPattern: 16)!
      let run = runs.insert(
        Run(
          base: base, byteCount: Int32(bytes), liveBytes: Int32(bytes), segment: -1, owner: flow,
          receiver: flow, firstSequence: serial, receiptSequence: serial, serial: serial,
          deadline: .distantFuture, count: 1, unsettled: 1, route: 0, lane: 0, level: 3))
      queue.append(run, to: flow, &runs)
      return run
    }

    /// Takes the next run; returns its flow.
    mutating func take() -> (flow: UInt32, run: UInt32)? {
      guard let flow = queue.choose() else { return nil }
      let run = queue.flows[flow].first
      queue.charge(flow, queue.cost(of: run, runs))
      queue.remove(run, from: flow, &runs)
      return (flow, run)
    }
  }

  @Test func aFlowIsFirstInFirstOut() {
    var line = Line()
    let flow = line.queue.makeFlow(session: 0, principal: 0, lane: 0, weight: 1)
    var added: [UInt32] = []
    for _ in 0..<20 { added.append(line.add(flow)) }
    var taken: [UInt32] = []
    while let next = line.take() { taken.append(next.run) }
    #expect(taken == added)
    let end = (isEmpty: line.queue.isEmpty, queued: line.queue.queuedMessages)
    #expect(end.isEmpty)
    #expect(end.queued == 0)
  }

  @Test func bytesAreSharedEquallyBetweenPrincipalsWhateverTheirFlows() {
    var line = Line()
    let lone = line.queue.makeFlow(session: 0, principal: 1, lane: 0, weight: 1)
    var crowd: [UInt32] = []
    for session in 1...20 as ClosedRange<UInt32> {
      crowd.append(line.queue.makeFlow(session: session, principal: 2, lane: 0, weight: 1))
    }
    for _ in 0..<400 { _ = line.add(lone, bytes: 400) }
    for flow in crowd { for _ in 0..<20 { _ = line.add(flow, bytes: 1900) } }
    var cost = (lone: 0, crowd: 0)
    for _ in 0..<250 {
      guard let next = line.take() else { break }
      let each = Int(line.runs[next.run].liveBytes) + Self.overhead
      if next.flow == lone { cost.lone += each } else { cost.crowd += each }
    }
    // A round's quantum apart, at most two of them.
    #expect(abs(cost.lone - cost.crowd) <= 2 * Self.quantum)
  }

  @Test func lanesShareByWeightAndNoneStarves() {
    var line = Line()
    let low = line.queue.makeFlow(session: 0, principal: 1, lane: 0, weight: 1)
    let high = line.queue.makeFlow(session: 1, principal: 1, lane: 2, weight: 1)
    for _ in 0..<600 {
      _ = line.add(low)
      _ = line.add(high)
    }
    var counts = (low: 0, high: 0)
    for _ in 0..<400 {
      guard let next = line.take() else { break }
      if next.flow == low { counts.low += 1 } else { counts.high += 1 }
    }
    #expect(counts.low > 80)
    #expect(counts.high > 2 * counts.low)
  }

  @Test func whatComesBackGoesFirstAndInOrder() {
    var line = Line()
    let flow = line.queue.makeFlow(session: 0, principal: 0, lane: 0, weight: 1)
    var added: [UInt32] = []
    for _ in 0..<6 { added.append(line.add(flow)) }
    var out: [UInt32] = []
    for _ in 0..<4 { out.append(line.take()!.run) }
    line.queue.flows[flow].inFlight = 4
    // The second call fails before the first one does.
    for run in [out[2], out[3], out[0], out[1]] { line.queue.putBack(run, to: flow, &line.runs) }
    line.queue.hold(flow, until: Instant(nanoseconds: 50))
    let held = line.take()
    #expect(held?.run == nil)
    line.queue.landed(4, of: flow)
    let waiting = line.take()
    #expect(waiting?.run == nil)
    let release = line.queue.nextRelease
    #expect(release == Instant(nanoseconds: 50))
    line.queue.releaseDue(Instant(nanoseconds: 50))
    var again: [UInt32] = []
    while let next = line.take() { again.append(next.run) }
    #expect(again == added)
  }

  @Test func whoHasLittleWaitsForAQuantumOfOthers() {
    var line = Line()
    let greedy = line.queue.makeFlow(session: 0, principal: 1, lane: 0, weight: 1)
    let modest = line.queue.makeFlow(session: 1, principal: 2, lane: 0, weight: 1)
    for _ in 0..<1000 { _ = line.add(greedy, bytes: 100) }
    for _ in 0..<100 { _ = line.take() }
    for _ in 0..<5 {
      _ = line.add(modest, bytes: 100)
      var before = 0
      while let next = line.take(), next.flow != modest { before += 1 }
      #expect(before <= 2 * Self.quantum / 200)
    }
  }

  @Test func whatCostsMoreThanAVisitIsPaidForLater() {
    var line = Line()
    let large = line.queue.makeFlow(session: 0, principal: 1, lane: 0, weight: 1)
    let small = line.queue.makeFlow(session: 1, principal: 2, lane: 0, weight: 1)
    for _ in 0..<20 { _ = line.add(large, bytes: 99_900) }
    for _ in 0..<2000 { _ = line.add(small) }
    var cost = (large: 0, small: 0)
    while cost.large < 1_000_000, let next = line.take() {
      let each = Int(line.runs[next.run].liveBytes) + Self.overhead
      if next.flow == large { cost.large += each } else { cost.small += each }
      #expect(abs(cost.large - cost.small) <= 100_000 + 2 * Self.quantum)
    }
    #expect(cost.large >= 1_000_000)
  }

  @Test func anIdleFlowSavesNothingUp() {
    var line = Line()
    let busy = line.queue.makeFlow(session: 0, principal: 1, lane: 0, weight: 1)
    let idle = line.queue.makeFlow(session: 1, principal: 2, lane: 0, weight: 1)
    for _ in 0..<300 { _ = line.add(busy) }
    for _ in 0..<200 { _ = line.take() }
    for _ in 0..<100 { _ = line.add(idle) }
    var first = 0
    for _ in 0..<20 where line.take()?.flow == idle { first += 1 }
    #expect(first <= 20 && first >= 5)
  }
}
