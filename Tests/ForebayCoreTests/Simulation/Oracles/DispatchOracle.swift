import ForebayWire

@testable import ForebayCore

/// What goes out to an upstream: no more than it allows, no faster than the route's rate, and nobody
/// passed over.
final class DispatchOracle: CoreWatch {
  /// It owns this.
  private unowned(unsafe) let harness: SidecarHarness
  private var out: [UInt32: (route: UInt32, messages: Int)] = [:]
  private var buckets: [Bucket]
  /// By route and flow: what others of its user have had since it was last served.
  private var waits: [[UInt32: Int]]
  /// By route: the dearest run so far.
  private var dearest: [Int]

  /// A token bucket that only counts: what has gone out and not yet leaked away.
  private struct Bucket {
    var limit: RateLimit?
    var dispatched: UInt64 = 0
    var level = 0.0
    var asOf: Instant
  }

  init(_ harness: SidecarHarness) {
    self.harness = harness
    let count = harness.core.routes.end
    buckets = Array(repeating: Bucket(asOf: harness.now), count: count)
    waits = Array(repeating: [:], count: count)
    dearest = Array(repeating: 0, count: count)
  }

  func willAct() {}

  func didAct() {
    for route in buckets.indices { checkRate(UInt32(route)) }
    for route in waits.indices {
      for flow in 0..<UInt32(harness.core.routes[UInt32(route)].queue.flows.end)
      where !isActive(flow, UInt32(route)) {
        waits[route][flow] = nil
      }
    }
  }

  private func isActive(_ flow: UInt32, _ route: UInt32) -> Bool {
    harness.core.routes[route].queue.flows.contains(flow)
      && harness.core.routes[route].queue.flows[flow].isActive
  }

  func willSettle(_ call: UInt32, _ verdict: CallVerdict) { out[call] = nil }

  func willLose(_ call: UInt32) { out[call] = nil }

  func didDispatch(_ route: UInt32, _ call: UInt32) {
    let traits = harness.core.routes[route].upstream
    let messages = harness.core.calls[call].messages
    out[call] = (route, messages)
    let its = out.values.filter { $0.route == route }
    let inFlight = its.reduce(0) { $0 + $1.messages }
    if messages > traits.batchMessagesMax { harness.problem("a batch has \(messages) messages") }
    if inFlight > traits.inFlightMessagesMax { harness.problem("\(inFlight) messages are out") }
    if its.count > traits.callsMax { harness.problem("\(its.count) calls are out") }
    checkTurns(route, call)
  }

  // MARK: Rate

  /// In any time no more than the burst and what flows in meanwhile.
  private func checkRate(_ route: UInt32) {
    let index = Int(route)
    let sent = harness.core.routes[route].totals.dispatched
    defer { buckets[index].dispatched = sent }
    guard let limit = harness.core.routes[route].limiter?.limit else {
      return buckets[index].limit = nil
    }
    // After a reload the bucket may be full again, at best.
    if buckets[index].limit != limit { buckets[index].level = 0 }
    buckets[index].limit = limit
    let span = harness.now.since(buckets[index].asOf).nanoseconds
    buckets[index].asOf = harness.now
    let leaked = Double(span) / Double(limit.period.nanoseconds) * Double(limit.messages)
    buckets[index].level =
      max(0, buckets[index].level - leaked) + Double(sent - buckets[index].dispatched)
    if buckets[index].level > Double(limit.burst) + 0.001 {
      harness.problem("\(buckets[index].level) messages went out, the burst is \(limit.burst)")
    }
  }

  // MARK: Turns

  /// Deficit round robin: between two turns of a flow each other flow of its user has about one. A flow
  /// that has overdrawn waits for as many more as pay for it. Where it has one call at a time, what it has in
  /// a call is one turn.
  private func checkTurns(_ route: UInt32, _ call: UInt32) {
    let isSingle = harness.core.routes[route].hasOneCallAFlow
    var turn: (flow: UInt32, cost: Int)?
    var run = harness.core.calls[call].first
    while run != none {
      let cost = harness.core.routes[route].queue.cost(of: run, harness.core.store.runs)
      let flow = harness.core.flow(
        of: harness.core.store.runs[run].owner, lane: harness.core.store.runs[run].lane)
      if isSingle, let before = turn, before.flow == flow {
        turn = (flow, before.cost + cost)
      } else {
        if let turn { served(turn.flow, turn.cost, route) }
        turn = (flow, cost)
      }
      run = harness.core.store.runs[run].next
    }
    if let turn { served(turn.flow, turn.cost, route) }
  }

  private func served(_ flow: UInt32, _ cost: Int, _ route: UInt32) {
    let index = Int(route)
    dearest[index] = max(dearest[index], cost)
    waits[index][flow] = 0
    let parent = harness.core.routes[route].queue.flows[flow].parent
    let others = harness.core.routes[route].queue.members[parent].flows - 1
    guard others > 0 else { return }
    for other in 0..<UInt32(harness.core.routes[route].queue.flows.end)
    where other != flow && isActive(other, route)
      && harness.core.routes[route].queue.flows[other].parent == parent
    {
      let waited = (waits[index][other] ?? 0) + cost
      waits[index][other] = waited
      let debt = max(0, -harness.core.routes[route].queue.flows[other].deficit)
      let rounds = debt / FairQueue.quantumBytes + 2
      let most = others * rounds * (FairQueue.quantumBytes + dearest[index])
      if waited > most {
        harness.problem("flow \(other) has waited while others had \(waited), \(most) at most")
      }
    }
  }
}
