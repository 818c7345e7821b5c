import ForebayWire

@testable import ForebayCore

/// Compares a core before and after each of its acts: what may not happen while the breaker is in a
/// state, and which of the situations that matter has just come about. Other rules have oracles of
/// their own.
final class Watch: CoreWatch {
  private let oracles: [any CoreWatch]
  /// It owns this.
  private unowned(unsafe) let harness: SidecarHarness
  private let marks: Marks
  private var before: [Glance]
  private var tenured: UInt64 = 0
  private var probations: [Probation]
  private var runs = 0
  private var closures: [UInt64]

  /// What a route shows of itself.
  private struct Glance {
    var phase = BreakerReport.Phase.closed
    var generation: UInt32 = 0
    var isOnHold = false
    var counters = BreakerReport.Counters()
    var sent: UInt64 = 0
    var linkPhase = PeerLink.Phase.disconnected
    var expired: UInt64 = 0
    var dropped: UInt64 = 0
    var received: UInt64 = 0
    var duplicate: UInt64 = 0
    var rejected: UInt64 = 0
  }

  /// What has gone out since the breaker last became half-open.
  private struct Probation {
    var generation: UInt32 = 0
    var probes: UInt64 = 0
    var sent: UInt64 = 0
  }

  init(_ harness: SidecarHarness, _ marks: Marks) {
    self.harness = harness
    self.marks = marks
    oracles = [
      BreakerOracle(harness), CreditOracle(harness), DispatchOracle(harness),
      PromptnessOracle(harness),
    ]
    closures = harness.core.closures
    let count = harness.core.routes.end
    before = Array(repeating: Glance(), count: count)
    probations = Array(repeating: Probation(), count: count)
  }

  private func glance(_ route: UInt32) -> Glance {
    var glance = Glance()
    glance.phase = harness.core.routes[route].breaker.phase
    glance.generation = harness.core.routes[route].breaker.generation
    glance.isOnHold = harness.core.routes[route].isOnHold
    glance.counters = harness.core.routes[route].breaker.counters
    glance.sent = harness.core.routes[route].totals.dispatched
    if harness.core.routes[route].isPeer {
      glance.sent += harness.core.routes[route].totals.retried
      glance.linkPhase = harness.core.links[route].phase
    }
    glance.expired = harness.core.routes[route].totals.expired
    glance.dropped = harness.core.routes[route].totals.dropped
    glance.rejected = harness.core.routes[route].totals.rejected
    glance.duplicate = harness.core.routes[route].totals.duplicate
    glance.received = harness.core.routes[route].totals.received
    return glance
  }

  func didDispatch(_ route: UInt32, _ call: UInt32) {
    for oracle in oracles { oracle.didDispatch(route, call) }
  }

  func willLose(_ call: UInt32) {
    for oracle in oracles { oracle.willLose(call) }
  }

  func willSettle(_ call: UInt32, _ verdict: CallVerdict) {
    for oracle in oracles { oracle.willSettle(call, verdict) }
    let first = harness.core.calls[call].first
    guard first != none else { return }
    let receiver = harness.core.store.runs[first].receiver
    if harness.core.sessions[receiver].client == none { marks.saw(.verdictAfterClose) }
  }

  func willProbe(_ route: UInt32) { for oracle in oracles { oracle.willProbe(route) } }

  func willAct() {
    for oracle in oracles { oracle.willAct() }
    runs = harness.core.store.runs.count
    for route in before.indices { before[route] = glance(UInt32(route)) }
  }

  func didAct() {
    for oracle in oracles { oracle.didAct() }
    for route in before.indices {
      let after = glance(UInt32(route))
      checkBreaker(route, before[route], after)
      mark(UInt32(route), before[route], after)
    }
    markRuns()
    markClosures()
    if !harness.core.actions.isEmpty, harness.core.hasPutOff { marks.saw(.clientIsPutOff) }
    let hasReceived = before.indices.contains {
      harness.core.routes[UInt32($0)].totals.received > before[$0].received
    }
    if harness.core.store.runs.count > runs, !hasReceived { marks.saw(.runIsSplit) }
  }

  // MARK: The breaker

  private func checkBreaker(_ route: Int, _ before: Glance, _ after: Glance) {
    let sent = after.sent - before.sent
    if before.isOnHold, after.isOnHold, sent > 0 {
      harness.problem("\(sent) messages went out while the route is on hold")
    }
    let isStopped = before.phase == .open || before.phase == .forcedOpen
    if isStopped, after.phase == before.phase {
      if sent > 0 { harness.problem("\(sent) messages went out while \(after.phase)") }
      if before.linkPhase == .disconnected, after.linkPhase == .connecting {
        harness.problem("the link connects while \(after.phase)")
      }
    }
    let stale = after.counters.staleResults - before.counters.staleResults
    let isOneResult = stale == 1 && sent == 0
    if isOneResult, before.linkPhase == after.linkPhase, after.generation != before.generation,
      after.counters.closings != before.counters.closings
    {
      harness.problem("a stale result closed the breaker")
    }
    guard after.phase == .halfOpen else { return }
    let probes = after.counters.quotaProbes + after.counters.floorProbes
    if probations[route].generation != after.generation {
      probations[route] = Probation(
        generation: after.generation,
        probes: before.counters.quotaProbes + before.counters.floorProbes, sent: before.sent)
    }
    let allowed = probes - probations[route].probes
    if after.sent - probations[route].sent > allowed {
      harness.problem(
        "\(after.sent - probations[route].sent) messages went out on \(allowed) probes")
    }
  }

  // MARK: Marks

  private func mark(_ route: UInt32, _ before: Glance, _ after: Glance) {
    let counters = after.counters
    let old = before.counters
    if counters.quotaProbes > old.quotaProbes { marks.saw(.probeByQuota) }
    if counters.floorProbes > old.floorProbes { marks.saw(.probeByFloor) }
    if counters.reopenings > old.reopenings { marks.saw(.probeFails) }
    if counters.closings > old.closings { marks.saw(.breakerCloses) }
    let isOpen = after.phase == .open || after.phase == .forcedOpen
    if isOpen, after.generation != before.generation {
      let reason = harness.core.routes[route].breaker.openReason
      if let reason { marks.sawOpening(reason) }
    }
    if counters.staleResults > old.staleResults { marks.saw(Self.stale(before.phase)) }
    if harness.core.routes[route].ramp.isActive { marks.saw(.recoveryRamps) }
    if after.dropped > before.dropped { marks.saw(.drainLeavesHeld) }
    if after.duplicate > before.duplicate { marks.saw(.answeredAsDuplicate) }
    if after.expired > before.expired {
      let isLost = harness.core.routes[route].isPeer && after.linkPhase == .disconnected
      marks.saw(isLost ? .expiresOnLostLink : .expiresInQueue)
    }
    if harness.core.routes[route].firstWaiting != none { marks.saw(.clientWaitsForSpace) }
    if harness.core.routes[route].isPeer { markLink(route, before, after) }
    if harness.core.routes[route].shelf.next != nil { marks.saw(.retryWithoutOrder) }
    if harness.core.routes[route].throttle.isOn(harness.now) { marks.saw(.upstreamThrottles) }
    if harness.core.routes[route].flushAt != nil { marks.saw(.batchWaitsForMore) }
    markWaits(route)
  }

  /// Why something that is queued doesn't go.
  private func markWaits(_ route: UInt32) {
    guard !harness.core.routes[route].queue.isEmpty else { return }
    let limiter = harness.core.routes[route].limiter
    if limiter?.available(now: harness.now) == 0 { marks.saw(.routeRateWaits) }
    let isFree = harness.core.routes[route].breaker.isFree
    var budget = harness.core.routes[route].budget
    for flow in harness.core.routes[route].queue.held {
      let run = harness.core.routes[route].queue.flows[flow].first
      guard run != none else { continue }
      if harness.core.store.runs[run].attempts == 0 {
        marks.saw(.classRatePauses)
      } else if isFree, !harness.core.routes[route].ramp.isActive,
        budget.available(now: harness.now) == 0
      {
        marks.saw(.retryBudgetWaits)
      }
    }
    var call = harness.core.routes[route].firstCall
    while call != none {
      if harness.core.calls[call].token == nil { return marks.saw(.attemptTimesOut) }
      call = harness.core.calls[call].next
    }
  }

  private static func stale(_ phase: BreakerReport.Phase) -> Mark {
    switch phase {
    case .closed: .staleWhileClosed
    case .open: .staleWhileOpen
    case .halfOpen: .staleWhileHalfOpen
    case .forcedOpen: .staleWhileForcedOpen
    case .forcedClosed: .staleWhileForcedClosed
    }
  }

  private func markLink(_ route: UInt32, _ before: Glance, _ after: Glance) {
    if after.linkPhase == .leaving, before.linkPhase != .leaving { marks.saw(.peerSaysGoAway) }
    if after.linkPhase == .open, harness.core.links[route].shutSince != nil {
      marks.saw(.linkIsShut)
    }
    if after.rejected > before.rejected,
      harness.core.links[route].frameBytesMax < harness.core.limits.frameBytesMax
    {
      marks.saw(.frameTooLargeForPeer)
    }
    guard before.linkPhase != .open, after.linkPhase == .open else { return }
    var run = harness.core.links[route].first
    while run != none {
      if harness.core.store.runs[run].isHeldByPeer { return marks.saw(.peerListsHeld) }
      run = harness.core.store.runs[run].next
    }
  }

  private func markClosures() {
    for code in ErrorCode.allCases {
      let index = Int(code.rawValue)
      if harness.core.closures[index] > closures[index] { marks.sawClosure(code) }
    }
    closures = harness.core.closures
  }

  private func markRuns() {
    if harness.core.store.tenuredRuns > tenured { marks.saw(.runMovesToHeap) }
    tenured = harness.core.store.tenuredRuns
    for run in 0..<UInt32(harness.core.store.runs.end) where harness.core.store.runs.contains(run) {
      if harness.core.store.runs[run].suspects > 0 { marks.saw(.batchBisected) }
      if !harness.core.store.runs[run].isWhole { return marks.saw(.runSettlesInPart) }
    }
  }
}
