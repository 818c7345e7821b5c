import ForebayWire

/// The order in which a route's queued runs go to the upstream.
///
/// Deficit round robin on three levels: lanes by weight, in a lane the principals by weight, in a
/// principal its flows. A flow is one lane of one session, and first in, first out. A queue that runs
/// empty loses its deficit, so idling saves nothing up.
///
/// Whoever has anything left may send a whole run, and pays for what it overdraws with its next visits.
/// So a visit needn't be worth the dearest run, and somebody with few small messages doesn't wait for
/// hundreds of somebody else's.
///
/// Source: Shreedhar, Varghese, "Efficient fair queuing using deficit round robin", SIGCOMM 1995.
struct FairQueue: ~Copyable {
  struct Flow {
    let session: UInt32
    let lane: UInt8
    /// The flow's principal in this lane.
    var parent: UInt32
    var first = none
    var last = none
    var deficit = 0
    var next = none
    var previous = none
    var isActive = false
    /// A failed call of this flow waits until then, and everything behind it.
    var heldUntil: Instant?
    /// Nothing goes until all that is in flight has landed.
    var isHeldForFlight = false
    /// Messages with the upstream.
    var inFlight = 0
    var nextOfSession = none
  }

  /// A principal in one lane.
  struct Member {
    let principal: UInt32
    let lane: UInt8
    var weight: Int
    var current = none
    var deficit = 0
    var next = none
    var previous = none
    var flows = 0
  }

  struct Lane {
    var current = none
    var deficit = 0
    var weight = 1
  }

  var flows = Slab<Flow>(minimumCapacity: 64)
  private(set) var members = Slab<Member>(minimumCapacity: 16)
  private(set) var lanes: [Lane]
  private(set) var activeLanes: UInt8 = 0
  private var currentLane = 0
  /// What a visit adds to a deficit.
  private let quantum: Int
  /// Some forty small messages. Less would only mean more turns of the rings for large ones: sixteen for
  /// the largest frame.
  static let quantumBytes = 16_384
  private let overhead: Int
  private(set) var queuedMessages = 0

  init(quantum: Int, overhead: Int, laneWeights: [Int]) {
    self.quantum = quantum
    self.overhead = overhead
    lanes = laneWeights.map { Lane(weight: max(1, $0)) }
  }

  var isEmpty: Bool { activeLanes == 0 }

  // MARK: Weights

  /// From the next visit on. What a larger weight had saved up is cut to one visit's worth.
  mutating func setWeights(ofLanes weights: [Int]) {
    for lane in lanes.indices {
      lanes[lane].weight = max(1, weights[lane])
      lanes[lane].deficit = min(lanes[lane].deficit, quantum * lanes[lane].weight)
    }
  }

  mutating func setWeight(_ weight: Int, ofMember member: UInt32) {
    members[member].weight = max(1, weight)
    members[member].deficit = min(members[member].deficit, quantum * members[member].weight)
  }

  // MARK: Flows

  mutating func makeFlow(session: UInt32, principal: UInt32, lane: UInt8, weight: Int) -> UInt32 {
    let parent = member(principal, lane: lane, weight: weight)
    members[parent].flows += 1
    return flows.insert(Flow(session: session, lane: lane, parent: parent))
  }

  mutating func removeFlow(_ flow: UInt32) {
    invariant(flows[flow].first == none, "a flow is empty when it is removed")
    if flows[flow].heldUntil != nil { held.removeAll { $0 == flow } }
    let parent = flows[flow].parent
    flows.remove(flow)
    members[parent].flows -= 1
    if members[parent].flows == 0 { members.remove(parent) }
  }

  /// Principals in a lane are few, and flows are made once a session: a search is enough.
  private mutating func member(_ principal: UInt32, lane: UInt8, weight: Int) -> UInt32 {
    for index in 0..<UInt32(members.end)
    where members.contains(index) && members[index].principal == principal
      && members[index].lane == lane
    {
      return index
    }
    return members.insert(Member(principal: principal, lane: lane, weight: max(1, weight)))
  }

  // MARK: Runs

  mutating func append(_ run: UInt32, to flow: UInt32, _ runs: inout Slab<Run>) {
    let last = flows[flow].last
    runs[run].previous = last
    runs[run].next = none
    if last == none { flows[flow].first = run } else { runs[last].next = run }
    flows[flow].last = run
    queuedMessages += Int(runs[run].unsettled)
    activateIfReady(flow)
  }

  /// Puts a run that was in flight back where its serial belongs, before everything accepted later.
  mutating func putBack(_ run: UInt32, to flow: UInt32, _ runs: inout Slab<Run>) {
    var after = none
    var before = flows[flow].first
    while before != none, runs[before].serial < runs[run].serial || planted(.retryGoesLast) {
      after = before
      before = runs[before].next
    }
    runs[run].previous = after
    runs[run].next = before
    if after == none { flows[flow].first = run } else { runs[after].next = run }
    if before == none { flows[flow].last = run } else { runs[before].previous = run }
    queuedMessages += Int(runs[run].unsettled)
    activateIfReady(flow)
  }

  /// Takes a run out of its queue, wherever it stands.
  mutating func remove(_ run: UInt32, from flow: UInt32, _ runs: inout Slab<Run>) {
    let before = runs[run].previous
    let after = runs[run].next
    if before == none { flows[flow].first = after } else { runs[before].next = after }
    if after == none { flows[flow].last = before } else { runs[after].previous = before }
    runs[run].next = none
    runs[run].previous = none
    queuedMessages -= Int(runs[run].unsettled)
    if flows[flow].first == none { deactivate(flow) }
  }

  /// Puts the second part of a split run right behind the first.
  mutating func insert(
    _ second: UInt32, behind first: UInt32, in flow: UInt32, _ runs: inout Slab<Run>
  ) {
    let after = runs[first].next
    runs[second].previous = first
    runs[second].next = after
    runs[first].next = second
    if after == none { flows[flow].last = second } else { runs[after].previous = second }
  }

  // MARK: Holding

  /// Flows that wait for an instant. Few: those whose last call failed.
  private(set) var held: [UInt32] = []

  /// Nothing of the flow is dispatched before `instant`, nor before what is in flight has landed: it
  /// may come back, and then goes first.
  mutating func hold(_ flow: UInt32, until instant: Instant) {
    if flows[flow].heldUntil == nil { held.append(flow) }
    flows[flow].heldUntil = max(flows[flow].heldUntil ?? instant, instant)
    flows[flow].isHeldForFlight = flows[flow].inFlight > 0
    deactivate(flow)
  }

  /// Nothing of the flow is dispatched before `instant`; what is in flight doesn't matter.
  mutating func pause(_ flow: UInt32, until instant: Instant) {
    if flows[flow].heldUntil == nil { held.append(flow) }
    flows[flow].heldUntil = max(flows[flow].heldUntil ?? instant, instant)
    deactivate(flow)
  }

  /// One call of the flow at a time. While more is queued it keeps its debt: what it took of others' turns isn't
  /// forgotten because it waits. A flow that is empty begins anew, as everywhere in deficit round robin.
  mutating func holdForFlight(_ flow: UInt32) {
    flows[flow].isHeldForFlight = true
    let debt = min(0, flows[flow].deficit)
    deactivate(flow)
    if flows[flow].first != none { flows[flow].deficit = debt }
  }

  /// `count` messages of the flow are with the upstream no more.
  mutating func landed(_ count: Int, of flow: UInt32) {
    flows[flow].inFlight -= count
    invariant(flows[flow].inFlight >= 0, "a message lands once")
    guard flows[flow].inFlight == 0, flows[flow].isHeldForFlight else { return }
    flows[flow].isHeldForFlight = false
    activateIfReady(flow)
  }

  var nextRelease: Instant? {
    var earliest: Instant?
    for flow in held {
      let until = flows[flow].heldUntil ?? .distantFuture
      if until < earliest ?? .distantFuture { earliest = until }
    }
    return earliest
  }

  mutating func releaseDue(_ now: Instant) {
    var index = 0
    while index < held.count {
      let flow = held[index]
      if let until = flows[flow].heldUntil, until <= now {
        flows[flow].heldUntil = nil
        held.swapAt(index, held.count - 1)
        held.removeLast()
        activateIfReady(flow)
      } else {
        index += 1
      }
    }
  }

  // MARK: Choosing

  /// The flow whose first run is next, or nil when nothing may go. Rotates the rings on the way, but
  /// charges nothing: asking again gives the same answer. Whoever is to stay with a flow names it.
  mutating func choose(after flow: UInt32 = none) -> UInt32? {
    if flow != none, flows[flow].isActive { return flow }
    while activeLanes != 0 {
      while activeLanes & (1 << UInt8(currentLane)) == 0 { advanceLane() }
      let member = lanes[currentLane].current
      var flow = members[member].current
      if planted(.queueSkipsAClient), flows[flow].session % 3 == 1 { flow = flows[flow].next }
      if flows[flow].deficit <= 0 {
        let isAlone = flows[flow].next == flow
        Self.visit(&flows[flow].deficit, worth: quantum, isAlone: isAlone)
        members[member].current = flows[flow].next
      } else if members[member].deficit <= 0 {
        let isAlone = members[member].next == member
        Self.visit(
          &members[member].deficit, worth: quantum * members[member].weight, isAlone: isAlone)
        lanes[currentLane].current = members[member].next
      } else if lanes[currentLane].deficit <= 0 {
        let isAlone = activeLanes & (activeLanes - 1) == 0
        let worth = quantum * lanes[currentLane].weight
        Self.visit(&lanes[currentLane].deficit, worth: worth, isAlone: isAlone)
        if !isAlone { advanceLane() }
      } else {
        return flow
      }
    }
    return nil
  }

  /// Whoever is alone in its ring has all its visits one after the other, until it may send.
  @inline(__always)
  private static func visit(_ deficit: inout Int, worth: Int, isAlone: Bool) {
    deficit += isAlone ? (-deficit / worth + 1) * worth : worth
  }

  /// The flow's first run, or the part of it that was split off, is about to go.
  mutating func charge(_ flow: UInt32, _ cost: Int) {
    flows[flow].deficit -= cost
    members[flows[flow].parent].deficit -= cost
    lanes[Int(flows[flow].lane)].deficit -= cost
  }

  func cost(of run: UInt32, _ runs: borrowing Slab<Run>) -> Int {
    Int(runs[run].liveBytes) + overhead * Int(runs[run].unsettled)
  }

  private mutating func advanceLane() {
    currentLane = currentLane + 1 == lanes.count ? 0 : currentLane + 1
  }

  // MARK: Rings

  private mutating func activateIfReady(_ flow: UInt32) {
    guard !flows[flow].isActive, flows[flow].first != none, flows[flow].heldUntil == nil,
      !flows[flow].isHeldForFlight
    else { return }
    flows[flow].isActive = true
    let parent = flows[flow].parent
    let current = members[parent].current
    if current == none {
      flows[flow].next = flow
      flows[flow].previous = flow
      members[parent].current = flow
      activate(member: parent)
    } else {
      let last = flows[current].previous
      flows[flow].previous = last
      flows[flow].next = current
      flows[last].next = flow
      flows[current].previous = flow
    }
  }

  private mutating func deactivate(_ flow: UInt32) {
    guard flows[flow].isActive else { return }
    flows[flow].isActive = false
    flows[flow].deficit = 0
    let parent = flows[flow].parent
    let after = flows[flow].next
    if after == flow {
      members[parent].current = none
      deactivate(member: parent)
      return
    }
    let before = flows[flow].previous
    flows[before].next = after
    flows[after].previous = before
    if members[parent].current == flow { members[parent].current = after }
  }

  private mutating func activate(member: UInt32) {
    let lane = Int(members[member].lane)
    let current = lanes[lane].current
    if current == none {
      members[member].next = member
      members[member].previous = member
      lanes[lane].current = member
      activeLanes |= 1 << UInt8(lane)
    } else {
      let last = members[current].previous
      members[member].previous = last
      members[member].next = current
      members[last].next = member
      members[current].previous = member
    }
  }

  private mutating func deactivate(member: UInt32) {
    let lane = Int(members[member].lane)
    members[member].deficit = 0
    let after = members[member].next
    if after == member {
      lanes[lane].current = none
      lanes[lane].deficit = 0
      activeLanes &= ~(1 << UInt8(lane))
      return
    }
    let before = members[member].previous
    members[before].next = after
    members[after].previous = before
    if lanes[lane].current == member { lanes[lane].current = after }
  }
}
