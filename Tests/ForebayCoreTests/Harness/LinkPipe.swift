import ForebayWire
import Testing

@testable import ForebayCore

/// A peer link between two cores, in memory. Bytes move when the test says so, and it can be cut after
/// any of them.
final class LinkPipe: LinkEnd, ClientEnd {
  unowned let near: SidecarHarness
  unowned let far: SidecarHarness
  let route: UInt32
  /// Who the near daemon is in the far one's eyes.
  let key: PrincipalKey

  var acceptsConnects = true
  /// Bytes that the near daemon's socket takes before it is full.
  var room = Int.max
  /// Bytes handed to the far core in one read, at most.
  var chunk = Int.max
  /// Cuts the link when so many more bytes have been carried towards the far daemon.
  var cutAfter: Int?

  private var forward: [UInt8] = []
  private var backward: [UInt8] = []
  /// The copied remainder of a broken-off run.
  private var remainder: [UInt8] = []
  // What begins on the link, and whether the far daemon had said GOAWAY by then.
  private var forwardFrames = FrameWalk()
  private var backwardFrames = FrameWalk()
  private var hasGoAway = false
  private var quietSince: Instant?
  private var isConnecting = false
  private var farID: ClientID?
  private var isUp = false
  private var hasFarEnded = false
  /// Bytes move by themselves, where somebody sees to it.
  var flows = true
  /// Hears how the far daemon ended a connection.
  var onClosure: ((ErrorCode?) -> Void)?
  /// How the far daemon ended connections, in order.
  private(set) var endings: [ErrorCode?] = []
  private(set) var connects = 0
  /// How often the link was lost, and how often with a part of a run on its way.
  private(set) var losses = 0
  private(set) var lossesInsideRun = 0

  init(
    from near: SidecarHarness, to far: SidecarHarness, route: UInt32 = 0, user: UInt32 = 4000
  ) {
    key = PrincipalKey(listener: 1, user: user)
    self.near = near
    self.far = far
    self.route = route
    near.links[Int(route)] = self
  }

  var isOpen: Bool { isUp }

  // MARK: Moving

  /// Moves up to `limit` bytes each way. False when nothing moved.
  func move(_ limit: Int = .max) -> Bool {
    if isConnecting { return finishConnect() }
    guard isUp else { return false }
    checkLeaving()
    let went = moveForward(limit)
    let came = moveBackward(limit)
    return went || came
  }

  /// After GOAWAY the link is left as soon as nothing is owed on it (W-11.2.1).
  private func checkLeaving() {
    let isQuiet = forward.isEmpty && backward.isEmpty && remainder.isEmpty && !hasFarEnded
    guard hasGoAway, isQuiet, let farID, far.core.clients.contains(farID.slot),
      far.core.clients[farID.slot].isOpen,
      far.core.sessions[far.core.clients[farID.slot].session].held.isZero
    else { return quietSince = nil }
    quietSince = quietSince ?? near.now
    if let since = quietSince, near.now.since(since) > .seconds(1) {
      near.problem("the link isn't left after GOAWAY, though nothing is owed on it")
    }
  }

  private func moveForward(_ limit: Int) -> Bool {
    guard isUp, !forward.isEmpty, let farID, !hasFarEnded else { return false }
    let count = min(limit, forward.count, cutAfter ?? .max)
    let part = Array(forward.prefix(count))
    forward.removeFirst(part.count)
    if !part.isEmpty { _ = far.deliver(part, from: farID, chunk: chunk) }
    if let left = cutAfter {
      cutAfter = left - part.count
      if left <= part.count {
        cutAfter = nil
        cut()
        return true
      }
    }
    takeRemainder()
    return !part.isEmpty
  }

  private func takeRemainder() {
    guard isUp, !remainder.isEmpty, room > forward.count else { return }
    let part = remainder.prefix(room - forward.count)
    forward += part
    remainder.removeFirst(part.count)
    if remainder.isEmpty { near.linkDrained(route) }
  }

  private func moveBackward(_ limit: Int) -> Bool {
    guard isUp else { return false }
    guard !backward.isEmpty else {
      if hasFarEnded { end() }
      return hasFarEnded
    }
    let part = Array(backward.prefix(limit))
    backward.removeFirst(part.count)
    backwardFrames.take(part) { if $0 == FrameType.goaway.rawValue { hasGoAway = true } }
    switch near.linkReceived(route, part) {
    case .fine: break
    case .violation(let code):
      near.problem("the peer broke the protocol: \(code)")
      end()
    case .ended: end()
    }
    return true
  }

  /// Both ends lose the connection, and what was under way with it.
  func cut() {
    guard isUp || isConnecting else { return }
    end()
  }

  private func end() {
    let wasUp = isUp
    if wasUp { countLoss() }
    isUp = false
    isConnecting = false
    if wasUp, !hasFarEnded, let farID { far.hangUp(farID) }
    farID = nil
    near.linkCloses(route)
  }

  private func countLoss() {
    losses += 1
    guard let farID, far.core.clients.contains(farID.slot) else { return }
    if case .none = far.core.clients[farID.slot].partial,
      far.core.clients[farID.slot].incoming == nil
    {
      return
    }
    lossesInsideRun += 1
  }

  // MARK: The near daemon's side

  func connect() {
    connects += 1
    isConnecting = true
    forward = []
    backward = []
    remainder = []
    forwardFrames = FrameWalk()
    backwardFrames = FrameWalk()
    hasGoAway = false
    quietSince = nil
    hasFarEnded = false
  }

  private func finishConnect() -> Bool {
    isConnecting = false
    guard acceptsConnects, case .accepted(let id) = far.connect(self, key) else {
      near.linkCloses(route)
      return true
    }
    farID = id
    isUp = true
    near.linkConnected(route)
    return true
  }

  func closedByDaemon() {
    let wasUp = isUp
    isUp = false
    isConnecting = false
    if wasUp, !hasFarEnded, let farID { far.hangUp(farID) }
    farID = nil
  }

  func tryWrite(_ vectors: [UnsafeRawBufferPointer]) -> Int {
    guard isUp else { return vectors.reduce(0) { $0 + $1.count } }
    var written = 0
    for vector in vectors {
      let part = vector.prefix(max(0, room - forward.count))
      watch(part)
      forward += part
      written += part.count
      if part.count < vector.count { break }
    }
    return written
  }

  func writeLater(_ bytes: [UInt8]) {
    watch(bytes)
    remainder += bytes
  }

  /// After GOAWAY nothing is begun (W-11.2.1).
  private func watch(_ bytes: some Collection<UInt8>) {
    forwardFrames.take(bytes, isLate: hasGoAway) { [near] type, isLate in
      if isLate, type == FrameType.origin.rawValue { near.problem("a run was begun after GOAWAY") }
    }
  }

  // MARK: The far daemon's side

  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if isUp { backward += bytes }
    return true
  }

  func readOut() {
    guard let farID, !forward.isEmpty else { return }
    let part = forward
    forward = []
    _ = far.deliver(part, from: farID, chunk: chunk)
  }

  func closedByDaemon(_ code: ErrorCode?) {
    endings.append(code)
    onClosure?(code)
    hasFarEnded = true
  }
}

/// Two daemons in a row: clients speak to the first, the second has the upstream.
final class Chain {
  let clock: SimulatedClock
  let near: SidecarHarness
  private(set) var far: SidecarHarness
  private(set) var pipe: LinkPipe

  init(
    seed: UInt64 = 1, near changeNear: (inout Settings) -> Void = { _ in },
    far changeFar: (inout Settings) -> Void = { _ in }
  ) {
    clock = SimulatedClock()
    near = Self.near("near", seed: seed, clock, changeNear)
    far = SidecarHarness(seed: seed + 1, clock: clock, name: "far", changeFar)
    pipe = LinkPipe(from: near, to: far)
  }

  /// The near daemon with another life: nothing of the old one is left but its sockets' ends.
  init(restarting old: Chain, seed: UInt64, _ change: (inout Settings) -> Void = { _ in }) {
    clock = old.clock
    near = Self.near("near again", seed: seed, clock, change)
    old.pipe.cut()
    clock.leave(old.near)
    far = old.far
    pipe = LinkPipe(from: near, to: far)
  }

  /// A second daemon that leads to the same far one, where it is known as `user`.
  init(beside other: Chain, seed: UInt64, user: UInt32) {
    clock = other.clock
    near = Self.near("beside", seed: seed, clock)
    far = other.far
    pipe = LinkPipe(from: near, to: far, user: user)
  }

  private static func near(
    _ name: String, seed: UInt64, _ clock: SimulatedClock,
    _ change: (inout Settings) -> Void = { _ in }
  ) -> SidecarHarness {
    SidecarHarness(seed: seed, clock: clock, name: name) { settings in
      settings.routes[0].upstream.kind = .peer
      settings.routes[0].upstream.inFlightMessagesMax = 10_000
      settings.routes[0].upstream.inFlightBytesMax = 64 << 20
      change(&settings)
    }
  }

  /// A client of the near daemon whose messages the far one's upstream can check.
  func client(user: UInt32 = 1000, session: ID128? = nil) -> TestClient {
    let client = TestClient(near, user: user, session: session)
    let tag = Session.tag(of: client.key, client.session)
    far.senders[Session.tag(of: pipe.key, tag, isOrigin: true)] = client
    return client
  }

  /// Moves bytes until nothing moves any more.
  func run() {
    var rounds = 0
    while pipe.move() {
      rounds += 1
      if rounds > 10_000 { return near.problem("the link never comes to rest") }
    }
  }

  /// Lets time pass, and bytes with it, in small steps.
  func pass(_ span: TimeSpan, step: TimeSpan = .milliseconds(10)) {
    let end = clock.now + span
    run()
    while clock.now < end {
      clock.pass(min(step, end.since(clock.now)))
      run()
    }
  }

  func expectNoProblems() {
    near.expectNoProblems()
    far.expectNoProblems()
  }
}
