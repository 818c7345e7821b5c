import ForebayWire
import Testing

@testable import ForebayCore

/// The far end of one client connection, as the shell sees its socket.
protocol ClientEnd: AnyObject {
  /// False if the socket was full: the rest is copied, and `outputDrained` follows.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool
  /// Hands over all that it has sent and the core hasn't read.
  func readOut()
  func closedByDaemon(_ code: ErrorCode?)
}

/// The far end of one peer link, as the shell sees its socket.
protocol LinkEnd: AnyObject {
  func connect()
  func closedByDaemon()
  /// Takes what fits and says how much that was.
  func tryWrite(_ vectors: [UnsafeRawBufferPointer]) -> Int
  /// The copied remainder of a broken-off run; `linkBusy(false)` follows when it is out.
  func writeLater(_ bytes: [UInt8])
}

/// What is left of a client that went on elsewhere.
private final class Ghost: ClientEnd {
  private unowned let harness: SidecarHarness
  private let id: ClientID
  private var outbox: [UInt8]

  init(_ harness: SidecarHarness, _ id: ClientID, _ outbox: [UInt8]) {
    self.harness = harness
    self.id = id
    self.outbox = outbox
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> Bool { true }

  func readOut() {
    let bytes = outbox
    outbox = []
    _ = harness.deliver(bytes, from: id)
  }

  func closedByDaemon(_ code: ErrorCode?) {}
}

/// The real core, driven as the daemon drives it, with everything around it simulated. After every
/// event the core's invariants are checked; whatever is wrong is kept in `problems`.
final class SidecarHarness: TimedPart {
  var core: Sidecar
  let clock: SimulatedClock
  let name: String
  private var ends: [ClientID: any ClientEnd] = [:]
  var upstreams: [TestUpstream?]
  var links: [(any LinkEnd)?]
  private(set) var problems: [String] = []
  private(set) var events = 0
  private(set) var isDrained = false
  /// Sockets that are closing: the core hears of it after the turn.
  private var closings: [() -> Void] = []
  private var isInTurn = false
  private var batching = 0
  private var isAnswering = false
  private var answering: [TestClient] = []
  private(set) var clients: [TestClient] = []
  /// Looks on, where a simulation wants it.
  var watch: (any CoreWatch)?
  var trace: Trace?
  /// Connections that are gone. What the shell hears of them late is about nobody.
  private var gone: [ClientID] = []
  /// Checks invariants after every event; off where a test measures time or has ten thousand clients.
  var isChecking = true
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  private let headers = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
  private let vectors = UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.allocate(capacity: 128)
  private var nextSession: UInt64 = 1
  /// The sessions that the core may hand to an upstream, by tag.
  var senders: [ID128: TestClient] = [:]

  init(
    _ settings: Settings, seed: UInt64 = 1, clock: SimulatedClock = SimulatedClock(),
    name: String = "daemon"
  ) {
    self.clock = clock
    self.name = name
    core = Sidecar(settings: settings, seed: seed, now: clock.now)
    upstreams = settings.routes.map { $0.upstream.kind == .batch ? TestUpstream() : nil }
    links = settings.routes.map { _ in nil }
    for route in upstreams.indices { upstreams[route]?.attach(to: self, route: UInt32(route)) }
    clock.join(self)
  }

  /// One route with a batch upstream, changed as the test needs it.
  convenience init(
    seed: UInt64 = 1, clock: SimulatedClock = SimulatedClock(), name: String = "daemon",
    _ change: (inout Settings) -> Void = { _ in }
  ) {
    var settings = Settings(routes: [RouteSettings(name: "main")])
    settings.limits.nurserySegments = 8
    change(&settings)
    self.init(settings, seed: seed, clock: clock, name: name)
  }

  deinit {
    output.deallocate()
    headers.deallocate()
    vectors.deallocate()
  }

  var now: Instant { clock.now }
  var upstream: TestUpstream { upstreams[0]! }
  var route: RouteReport { core.routeReport(0, now: now) }
  var totals: Totals { route.totals }

  func problem(_ text: String) { problems.append("\(name): \(text)") }

  func newSession() -> ID128 {
    defer { nextSession += 1 }
    return ID128(high: 0x5e55_1011, low: nextSession)
  }

  /// Clients that the core puts off have their turn when the clock goes on; else at once.
  var letsPutOff = false

  func putOff(beyond clients: Int) {
    core.clientsPerTurn = clients
    letsPutOff = true
  }

  // MARK: Events

  /// One event, then its invariants and, unless several are wanted in one turn, the turn's end.
  func event(_ body: () -> Void) {
    events += 1
    trace?.mix(now.nanoseconds)
    act(body)
    if batching == 0, !isInTurn { endTurn() }
    if batching == 0 { letClientsAnswer() }
  }

  /// One call into the core, looked at from before and after.
  private func act(_ body: () -> Void) {
    watch?.willAct()
    body()
    watch?.didAct()
    check()
  }

  /// Everything that `body` causes happens in one loop turn.
  func turn(_ body: () -> Void) {
    batching += 1
    body()
    batching -= 1
    if batching == 0 {
      endTurn()
      letClientsAnswer()
    }
  }

  /// Clients that answer at once do so when the turn has ended, until nobody has more to say.
  private func letClientsAnswer() {
    guard !isInTurn, !isAnswering else { return }
    isAnswering = true
    defer { isAnswering = false }
    while !answering.isEmpty {
      let client = answering.removeFirst()
      client.answer()
    }
  }

  func wantsToAnswer(_ client: TestClient) { answering.append(client) }

  /// The shell's end of a turn: perform until performing asks for nothing more.
  func endTurn() {
    isInTurn = true
    defer { isInTurn = false }
    var rounds = 0
    repeat {
      act { core.turnEnded(now: now) }
      while let action = core.nextAction() { perform(action) }
      let closed = closings
      closings = []
      for close in closed { act(close) }
      rounds += 1
      if rounds > 1000 { return problem("a turn never ends") }
    } while closesOrWants
  }

  private var closesOrWants: Bool {
    !closings.isEmpty || !core.stirredRoutes.isEmpty || !core.dirtyClients.isEmpty
      || (core.hasPutOff && !letsPutOff)
  }

  func check() {
    guard isChecking else { return }
    for text in core.checkInvariants() { problem(text) }
  }

  // MARK: Time

  var nextDeadline: Instant? { letsPutOff && core.hasPutOff ? now : core.nextDeadline() }

  func fire() { event { core.deadlineReached(now: now) } }

  func pass(_ span: TimeSpan) { clock.pass(span) }

  // MARK: Actions

  private func perform(_ action: Action) {
    trace?.say("\(name) \(action)")
    switch action {
    case .writeClient(let id): writeClient(id)
    case .closeClient(let id, let code): closeClient(id, code)
    case .readOut(let id):
      ends[id]?.readOut()
      act { core.clientReadOut(id, now: now) }
    case .connectLink(let route):
      if let upstream = upstreams[Int(route)] { upstream.connect() }
      links[Int(route)]?.connect()
    case .closeLink(let route, _):
      if let upstream = upstreams[Int(route)] { return upstream.loseConnection() }
      links[Int(route)]?.closedByDaemon()
      linkCloses(route)
    case .writeLink(let route): writeLink(route)
    case .dispatch(let route, let call):
      upstreams[Int(route)]?.dispatch(call)
      watch?.didDispatch(route, call)
    // Here upstreams let go of their calls by themselves, later.
    case .giveUp: break
    case .drained: drained()
    }
  }

  private func writeClient(_ id: ClientID) {
    guard let end = ends[id] else { return }
    while true {
      let count = core.takeOutput(id, into: output, now: now)
      guard count > 0 else { return }
      traceOutput(id, count)
      if !end.write(UnsafeRawBufferPointer(rebasing: output[..<count])) {
        return core.outputStalled(id, now: now)
      }
    }
  }

  private func closeClient(_ id: ClientID, _ code: ErrorCode?) {
    guard let end = ends[id] else { return }
    let count = core.takeOutput(id, into: output, now: now)
    traceOutput(id, count)
    if count > 0 { _ = end.write(UnsafeRawBufferPointer(rebasing: output[..<count])) }
    end.closedByDaemon(code)
    closings.append { [self] in
      ends[id] = nil
      gone.append(id)
      core.clientClosed(id, now: now)
    }
  }

  private func traceOutput(_ id: ClientID, _ count: Int) {
    trace?.mix(UInt64(id.slot))
    trace?.mix(UnsafeRawBufferPointer(rebasing: output[..<count]))
  }

  private func drained() {
    isDrained = true
    performAll()
    core.closeDrained(now)
    performAll()
  }

  private func performAll() {
    repeat {
      core.turnEnded(now: now)
      while let action = core.nextAction() {
        if action != .drained { perform(action) }
      }
    } while core.hasPutOff
  }

  // MARK: Clients

  func add(_ client: TestClient) {
    clients.append(client)
    senders[Session.tag(of: client.key, client.session)] = client
    clock.join(client)
  }

  /// A client that has said HELLO.
  func join(user: UInt32 = 1000, class index: Int = 0) -> TestClient {
    let client = TestClient(self, user: user)
    client.classIndex = index
    client.join()
    return client
  }

  func connect(
    _ end: any ClientEnd, _ key: PrincipalKey, classIndex: Int = 0, isTCP: Bool = false
  ) -> Sidecar.OnConnected {
    var answer = Sidecar.OnConnected.refused(.internal)
    event {
      answer = core.clientConnected(
        key, classIndex: classIndex, needsHeartbeat: isTCP, now: now)
      if case .accepted(let id) = answer { ends[id] = end }
    }
    if case .accepted(let id) = answer { hearLate(ofSlot: id.slot) }
    return answer
  }

  /// Callbacks of a connection that is gone, when its slot has another.
  private func hearLate(ofSlot slot: UInt32) {
    for id in gone where id.slot == slot {
      event {
        core.outputDrained(id)
        core.clientReadOut(id, now: now)
        core.clientClosed(id, now: now)
      }
    }
    gone.removeAll { $0.slot == slot }
  }

  /// The connection's other end is gone and nobody has hung up: only what it wrote is left.
  func haunt(_ id: ClientID, with bytes: [UInt8]) {
    if ends[id] != nil { ends[id] = Ghost(self, id, bytes) }
  }

  /// Hands bytes to the core as reads of at most `chunk` bytes. Returns how many it took: it reads
  /// nothing from a connection that it has closed.
  func deliver(_ bytes: [UInt8], from id: ClientID, chunk: Int = .max) -> Int {
    var taken = 0
    while taken < bytes.count, ends[id] != nil {
      event {
        let buffer = core.readBuffer(id)
        let count = min(buffer.count, chunk, bytes.count - taken)
        bytes.withUnsafeBytes { source in
          buffer.baseAddress!.copyMemory(from: source.baseAddress! + taken, byteCount: count)
        }
        trace?.mix(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        trace?.say("\(name) reads \(count) bytes of \(id)")
        core.received(count, from: id, now: now)
        taken += count
      }
    }
    return taken
  }

  /// The other end has hung up.
  func hangUp(_ id: ClientID) {
    event {
      ends[id] = nil
      gone.append(id)
      core.clientClosed(id, now: now)
    }
  }

  func outputDrained(_ id: ClientID) {
    event { core.outputDrained(id) }
  }

  // MARK: Links

  private func writeLink(_ route: UInt32) {
    guard let link = links[Int(route)] else { return }
    while true {
      let count = core.gatherLink(route, into: vectors, headers: headers, now: now)
      guard count > 0 else { return }
      let gathered = Array(vectors[..<count])
      let total = gathered.reduce(0) { $0 + $1.count }
      let written = link.tryWrite(gathered)
      trace?.mix(UInt64(written))
      for vector in gathered { trace?.mix(vector) }
      core.linkWrote(route, written)
      guard written < total else { continue }
      copyRemainder(route, link, gathered, total: total, written: written)
      return
    }
  }

  private func copyRemainder(
    _ route: UInt32, _ link: any LinkEnd, _ vectors: [UnsafeRawBufferPointer], total: Int,
    written: Int
  ) {
    let copied = min(core.linkBrokenOff(route), 65_536 + 64, total - written)
    var bytes: [UInt8] = []
    for vector in vectors { bytes.append(contentsOf: vector) }
    core.linkBusy(route, true)
    link.writeLater(Array(bytes[written..<(written + copied)]))
    core.linkWrote(route, copied)
  }

  /// The link's socket is closing; the core hears of it after the turn.
  func linkCloses(_ route: UInt32) {
    closings.append { [self] in core.linkClosed(route, now: now) }
    if !isInTurn { endTurn() }
  }

  func linkConnected(_ route: UInt32) { event { core.linkConnected(route, now: now) } }

  func linkReceived(_ route: UInt32, _ bytes: [UInt8]) -> Sidecar.OnLinkReceived {
    var answer = Sidecar.OnLinkReceived.fine
    event {
      answer = bytes.withUnsafeBytes { core.linkReceived(route, $0, now: now) }
    }
    return answer
  }

  func linkDrained(_ route: UInt32) { event { core.linkBusy(route, false) } }

  // MARK: Upstreams

  func callSettled(_ call: UInt32, _ verdict: CallVerdict) {
    trace?.say("\(name) call \(call): \(verdict)")
    watch?.willSettle(call, verdict)
    event { core.callSettled(call, verdict, now: now) }
  }

  func messagesSettled(_ call: UInt32, _ messages: Range<Int>, _ verdict: MessageVerdict) {
    trace?.say("\(name) call \(call), \(messages): \(verdict)")
    event { core.messagesSettled(call, messages, verdict, now: now) }
  }

  func upstreamConnected(_ route: UInt32) { event { core.upstreamConnected(route, now: now) } }

  func upstreamThrottled(_ route: UInt32, retryAfter: TimeSpan?) {
    event { core.upstreamThrottled(route, retryAfter: retryAfter, now: now) }
  }

  /// The core hears of it after the turn, as of every socket that closes.
  func upstreamCloses(_ route: UInt32, retryAfter: TimeSpan? = nil, isThrottle: Bool = false) {
    trace?.say("\(name) loses the connection of route \(route)")
    closings.append { [self] in
      upstreams[Int(route)]?.callsAreLost()
      core.upstreamClosed(route, retryAfter: retryAfter, isThrottle: isThrottle, now: now)
    }
    if !isInTurn { endTurn() }
  }

  // MARK: Expectations

  func expectNoProblems(_ at: SourceLocation = #_sourceLocation) {
    #expect(problems.isEmpty, "\(problems.prefix(5))", sourceLocation: at)
    #expect(clock.spins.isEmpty, "\(clock.spins)", sourceLocation: at)
  }
}
