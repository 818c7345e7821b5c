import ForebayWire

@testable import ForebayCore

/// Real cores in a row, and everything around them simulated: clients, upstreams, links, time, an
/// operator, vandals. It does one step at a time; what is wrong with any part is in `problems`.
final class World {
  let plan: Plan
  let clock = SimulatedClock()
  let trace = Trace()
  let marks: Marks
  private(set) var daemons: [SidecarHarness] = []
  /// The link from each daemon to the next.
  private(set) var pipes: [LinkPipe] = []
  private(set) var clients: [TestClient] = []
  private var vandals: [Vandal?] = Array(repeating: nil, count: 3)
  private var weather: [[Weather]] = []
  private var lives: [Int]
  /// Until when a drain may last.
  private var drainEnds: [Instant?]
  /// Whose connection the operator is ending.
  private var killed: TestClient?
  let truth: Truth
  /// Their problems count, and what they still say goes nowhere.
  private var dead: [SidecarHarness] = []

  init(_ plan: Plan, _ marks: Marks) {
    self.plan = plan
    self.marks = marks
    lives = plan.daemons.map { _ in 0 }
    drainEnds = plan.daemons.map { _ in nil }
    truth = Truth()
    var random = SplitMix64(seed: plan.seed ^ 0x5eed)
    for settings in plan.daemons {
      weather.append(settings.routes.map { _ in Weather(seed: random.next()) })
    }
    for index in plan.daemons.indices { daemons.append(start(index)) }
    for index in plan.daemons.indices.dropLast() { pipes.append(connect(index)) }
    for client in plan.clients { clients.append(make(client)) }
  }

  var problems: [String] {
    dead.flatMap(\.problems) + daemons.flatMap(\.problems) + clock.spins + truth.problems
  }
  var isBroken: Bool {
    !clock.spins.isEmpty || !truth.problems.isEmpty || daemons.contains { !$0.problems.isEmpty }
      || dead.contains { !$0.problems.isEmpty }
  }
  var events: Int { dead.reduce(0) { $0 + $1.events } + daemons.reduce(0) { $0 + $1.events } }

  // MARK: Making

  private func start(_ index: Int) -> SidecarHarness {
    let life = lives[index]
    let daemon = SidecarHarness(
      plan.daemons[index], seed: plan.seed &* 31 &+ UInt64(index * 1000 + life), clock: clock,
      name: "daemon \(index)" + (life > 0 ? ", life \(life + 1)" : ""))
    daemon.trace = trace
    daemon.watch = Watch(daemon, marks)
    if plan.seed % 2 == 0 { daemon.putOff(beyond: 1 + Int(plan.seed / 2 % 3)) }
    for (route, upstream) in daemon.upstreams.enumerated() {
      guard let upstream else { continue }
      let settings = plan.daemons[index].routes[route]
      upstream.failsInOrder = settings.upstream.failsInOrder
      upstream.overtakes = !settings.upstream.failsInOrder
      upstream.isOrdered = settings.isOrdered
      let weather = weather[index][route]
      upstream.manner = .decide { weather.verdict($0) }
      truth.add(upstream, daemon: index, route: route)
    }
    return daemon
  }

  private func connect(_ index: Int) -> LinkPipe {
    let pipe = LinkPipe(from: daemons[index], to: daemons[index + 1])
    pipe.onClosure = { [unowned self] code in linkEnded(code) }
    return pipe
  }

  private func make(_ plan: Plan.ClientPlan) -> TestClient {
    let client = TestClient(daemons[plan.daemon], user: plan.user)
    client.classIndex = plan.classIndex
    client.level = plan.level
    client.isTCP = plan.isTCP
    client.chunk = plan.chunk
    client.deliversAtOnce = plan.deliversAtOnce
    client.answersAtOnce = plan.answersAtOnce
    client.sendsSeen = !plan.hoards
    client.probes = !plan.hoards
    client.routeName = "route-\(plan.route)"
    client.onFrame = { [unowned self, unowned client] in saw($0, client) }
    client.onListed = { [unowned self, unowned client] in truth.checkListing(client) }
    client.onEnding = { [unowned self, unowned client] in ended(client, $0) }
    introduce(client, plan)
    return client
  }

  /// Lets the daemons on a client's way know whose messages they are.
  private func introduce(_ client: TestClient, _ plan: Plan.ClientPlan) {
    var tag = Session.tag(of: client.key, client.session)
    var daemon = plan.daemon
    while plan.route == 0, daemon < pipes.count {
      daemon += 1
      tag = Session.tag(of: pipes[daemon - 1].key, tag, isOrigin: true)
      daemons[daemon].senders[tag] = client
    }
    truth.add(client, tag: tag, daemon: daemon, route: plan.route)
  }

  // MARK: Steps

  func perform(_ step: Step) {
    trace.say("— \(step)")
    switch step {
    case .offer(let client, let offer): perform(offer, number(client))
    case .deliver(let client, let bytes):
      let client = clients[number(client)]
      if client.outbox.isEmpty { client.pump() } else { client.deliver(bytes) }
    case .answer(let client): clients[number(client)].answer()
    case .join(let client):
      let client = clients[number(client)]
      if !client.isConnected || client.goaway != nil { client.join() }
    case .hangUp(let client): clients[number(client)].hangUp()
    case .takeOver(let client):
      guard clients[number(client)].isConnected else { break }
      clients[number(client)].abandon()
      clients[number(client)].join()
    case .bye(let client): clients[number(client)].bye()
    case .stopReading(let client): stopOrGoOn(clients[number(client)])
    case .pass(let milliseconds): pass(.milliseconds(milliseconds))
    case .mood(let daemon, let route, let mood):
      let daemon = daemon % daemons.count
      weather[daemon][route % weather[daemon].count].mood = mood
    case .loseUpstream(let daemon, let route):
      let upstreams = daemons[daemon % daemons.count].upstreams
      let upstream = upstreams[route % upstreams.count]
      if upstream?.isConnected == true {
        upstream?.loseConnection()
        marks.saw(.upstreamIsLost)
      } else {
        upstream?.hurry(.failed(retryAfter: nil))
      }
    case .breaker(let daemon, let route, let command):
      let daemon = daemons[daemon % daemons.count]
      let route = route % daemon.core.routeCount
      if command == .probeNow { daemon.watch?.willProbe(UInt32(route)) }
      daemon.event { daemon.core.breakerCommanded(command, route: route, now: clock.now) }
    case .command(let daemon, let route, let command):
      let daemon = daemons[daemon % daemons.count]
      perform(command, daemon, route % daemon.core.routeCount)
    case .kill(let client): kill(clients[number(client)])
    case .credit(let client, let messages): setCredit(messages, clients[number(client)])
    case .reload(let daemon, let seed): reload(daemons[daemon % daemons.count], seed)
    case .drain(let daemon, let milliseconds):
      guard lives[daemon % daemons.count] < Self.livesMax else { break }
      drain(daemon % daemons.count, .milliseconds(milliseconds))
    case .restart(let daemon):
      if lives[daemon % daemons.count] < Self.livesMax { restart(daemon % daemons.count) }
    case .link(let link, let step):
      if !pipes.isEmpty { perform(step, pipes[link % pipes.count]) }
    case .vandal(let index, let seed): vandalize(index % vandals.count, seed)
    }
    settle()
  }

  private func number(_ client: Int) -> Int { client % clients.count }

  /// What follows by itself: bytes flow, and who has drained comes back as another process.
  private func settle() {
    flow()
    for index in daemons.indices where daemons[index].isDrained {
      checkDrain(index)
      restart(index)
    }
    truth.lookForStarvation(clients, now: clock.now)
  }

  private func perform(_ offer: Step.Offer, _ index: Int) {
    let client = clients[index]
    guard client.ledger.count < plan.clients[index].messagesMax else { return }
    var extensions: [UInt8] = []
    if offer.isCritical { appendExtension(ExtensionType(rawValue: 200), [1], to: &extensions) }
    let most = plan.daemons[plan.clients[index].daemon].limits.frameBytesMax
    let room = most - WireLimits.dataFixedBytes - extensions.count
    client.offer(
      plan.clients[index].isGreedy ? 300 : offer.count, payloadBytes: min(offer.payloadBytes, room),
      lane: offer.lane,
      level: offer.level, ttl: offer.ttlMilliseconds, extensions: extensions)
    if offer.payloadBytes > MessageStore.largeFrameBytes { marks.saw(.frameWithBlockOfItsOwn) }
  }

  private func stopOrGoOn(_ client: TestClient) {
    client.room = client.room == 0 ? .max : 0
    if client.room != 0 { client.read() }
  }

  private func pass(_ span: TimeSpan) {
    let slice = max(span / 8, .milliseconds(1))
    let end = clock.now + span
    while clock.now < end, !isBroken {
      clock.pass(min(slice, end.since(clock.now)))
      flow()
    }
  }

  private func flow() {
    for pipe in pipes where pipe.flows {
      var rounds = 0
      while pipe.move(), rounds < 10_000 { rounds += 1 }
    }
  }

  private func perform(_ step: Step.LinkStep, _ pipe: LinkPipe) {
    switch step {
    case .cut: pipe.cut()
    case .cutAfter(let bytes): pipe.cutAfter = bytes
    case .room(let bytes): pipe.room = bytes
    case .chunk(let bytes): pipe.chunk = bytes
    case .accepts(let accepts): pipe.acceptsConnects = accepts
    case .flows(let flows): pipe.flows = flows
    case .move(let bytes): _ = pipe.move(bytes) && pipe.move(bytes)
    }
  }

  private func perform(_ command: Step.Command, _ daemon: SidecarHarness, _ route: Int) {
    daemon.event {
      switch command {
      case .pause: _ = daemon.core.pauseCommanded(route: route, now: clock.now)
      case .hold:
        if daemon.core.holdCommanded(route: route, now: clock.now) == .changed {
          marks.saw(.routeIsHeld)
        }
      case .resume: _ = daemon.core.resumeCommanded(route: route, now: clock.now)
      case .withdraw: _ = daemon.core.withdrawCommanded(now: clock.now)
      case .restore:
        if daemon.core.restoreCommanded(now: clock.now) == .changed { marks.saw(.daemonIsRestored) }
      }
    }
  }

  private func drain(_ index: Int, _ span: TimeSpan) {
    let end = clock.now + span
    drainEnds[index] = min(drainEnds[index] ?? end, end)
    let daemon = daemons[index]
    daemon.event { daemon.core.drain(until: end, now: clock.now) }
  }

  /// It has waited for what it holds, or as long as it may.
  private func checkDrain(_ index: Int) {
    guard let end = drainEnds[index], clock.now < end else { return }
    let held = daemons[index].core.heldMessages
    if held > 0 { truth.problem("a drain ended early, with \(held) messages") }
  }

  private func kill(_ client: TestClient) {
    guard let id = client.id, client.isConnected else { return }
    killed = client
    client.harness.event { _ = client.harness.core.killCommanded(id) }
    killed = nil
  }

  private func setCredit(_ messages: UInt64?, _ client: TestClient) {
    guard let id = client.id, client.isConnected else { return }
    client.harness.event {
      _ = client.harness.core.creditCommanded(messages, client: id, now: clock.now)
    }
  }

  private func reload(_ daemon: SidecarHarness, _ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let settings = Plan.changed(daemon.core.settings, &random)
    daemon.event {
      let problems = daemon.core.reconfigure(settings, now: clock.now)
      if problems.isEmpty { marks.saw(.reload) }
    }
  }

  private func vandalize(_ index: Int, _ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let vandal = vandals[index] ?? Vandal(random.pick(daemons), UInt64(index))
    vandals[index] = vandal
    vandal.act(random)
  }

  // MARK: Another life

  /// More than a few lives and nothing would be left to be lost.
  private static let livesMax = 3

  private func restart(_ index: Int) {
    trace.say("daemon \(index) comes back with nothing")
    marks.saw(.restart)
    lives[index] += 1
    drainEnds[index] = nil
    let old = daemons[index]
    // Sockets close with their process.
    if index > 0 { take(pipes[index - 1]) }
    if index < pipes.count { take(pipes[index]) }
    for (client, plan) in zip(clients, plan.clients) where plan.daemon <= index && plan.route == 0 {
      truth.memoryLost(client)
    }
    let own = zip(clients, plan.clients).filter { $1.daemon == index }
    for (client, _) in own {
      truth.memoryLost(client)
      client.hangUp()
    }
    for vandal in vandals.indices where vandals[vandal]?.harness === old { vandals[vandal] = nil }
    clock.leave(old)
    for upstream in old.upstreams { if let upstream { clock.leave(upstream) } }
    dead.append(old)
    daemons[index] = start(index)
    if index > 0 { pipes[index - 1] = connect(index - 1) }
    if index < pipes.count { pipes[index] = connect(index) }
    for (client, _) in own { client.move(to: daemons[index]) }
    for (client, plan) in zip(clients, plan.clients) { introduce(client, plan) }
  }

  private func take(_ pipe: LinkPipe) {
    pipe.cut()
    mark(pipe)
  }

  private func mark(_ pipe: LinkPipe) {
    marks.saw(.linkIsCut, pipe.losses)
    marks.saw(.linkIsCutInsideRun, pipe.lossesInsideRun)
  }

  // MARK: What is seen from outside

  private func saw(_ frame: DaemonFrame, _ client: TestClient) {
    trace.say("client \(clients.firstIndex { $0 === client } ?? 0) hears \(frame)")
    switch frame {
    case .window(let window):
      if window.state == .shut { marks.sawShut(window.reason) }
    case .receipt(let ranges): saw(ranges, client)
    case .reclaim(let reclaim):
      let isUnderWay = client.sent.messages > reclaim.limitMessages || !client.outbox.isEmpty
      if isUnderWay { marks.saw(.reclaimCrossesData) }
    case .welcome(let welcome):
      if welcome.ranges > 0 { marks.saw(.resumeWithReceipts) }
    case .ping, .goaway, .error: break
    }
  }

  private func saw(_ ranges: [ReceiptRange], _ client: TestClient) {
    for range in ranges {
      if range.outcome.isFinal { marks.sawEnd(range.outcome, Int(range.count)) }
      truth.check(range, of: client)
      if range.flags.contains(.maybeDelivered) { marks.saw(.maybeDelivered) }
      if !range.outcome.isFinal, !client.isReady { marks.saw(.takeoverWithHeldMessages) }
    }
  }

  /// Nothing that others do ends a connection whose client behaves.
  private func ended(_ client: TestClient, _ code: ErrorCode?) {
    guard let code else { return }
    let isFair: Bool
    switch code {
    case .slowReader, .reclaimTimeout, .heartbeatTimeout, .frameTimeout, .helloTimeout:
      isFair = client.isTardy
    case .shuttingDown:
      isFair = true
      let isDrained = client.harness.core.lifecycle == .drained
      if isDrained, client.room == .max { truth.checkPromises(client) }
    case .killed:
      isFair = client === killed
    default:
      isFair = false
    }
    if !isFair { truth.problem("a client that behaves was closed: \(code)") }
  }

  private func linkEnded(_ code: ErrorCode?) {
    guard let code else { return }
    switch code {
    case .shuttingDown, .sessionTaken, .reclaimTimeout, .frameTimeout, .helloTimeout: break
    default: truth.problem("a link was closed: \(code)")
    }
  }

  // MARK: The end

  /// The faults stop: everything works, everybody behaves.
  func makePeace() {
    trace.say("— peace")
    for (index, vandal) in vandals.enumerated() {
      vandal?.leave()
      vandals[index] = nil
    }
    for index in daemons.indices {
      perform(.restore, daemons[index], 0)
      if daemons[index].core.lifecycle != .running { restart(index) }
    }
    for client in clients { setCredit(nil, client) }
    for (index, daemon) in daemons.enumerated() {
      for route in weather[index].indices {
        weather[index][route].mood = Step.Mood(delayMilliseconds: 5)
        daemon.event { daemon.core.breakerCommanded(.automatic, route: route, now: clock.now) }
        perform(.resume, daemon, route)
        daemon.upstreams[route]?.hurry()
      }
    }
    for pipe in pipes {
      pipe.room = .max
      pipe.chunk = .max
      pipe.acceptsConnects = true
      pipe.cutAfter = nil
      pipe.flows = true
    }
    for client in clients { behave(client) }
  }

  private func behave(_ client: TestClient) {
    client.deliversAtOnce = true
    client.answersAtOnce = true
    client.sendsSeen = true
    client.probes = true
    client.isTCP = false
    client.chunk = .max
    client.room = .max
    guard client.isConnected else { return }
    client.read()
    client.deliver()
    client.answer()
  }

  /// What only shows when all is over.
  func markEnd() {
    for pipe in pipes { mark(pipe) }
    if truth.hasOvertaken { marks.saw(.verdictsOvertake) }
  }

  /// Lets time and bytes pass until the condition holds.
  func run(atMost limit: TimeSpan, until isMet: () -> Bool) -> Bool {
    let end = clock.now + limit
    while clock.now < end, !isBroken {
      for client in clients where !client.isConnected || client.goaway != nil { client.join() }
      settle()
      if isMet() { return true }
      clock.pass(.milliseconds(20))
    }
    return isMet()
  }
}

/// What an upstream answers at present.
final class Weather {
  var mood = Step.Mood()
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  func verdict(_ messages: [TestUpstream.Delivery]) -> (CallVerdict, after: TimeSpan) {
    let delay = TimeSpan.milliseconds(random.below(mood.delayMilliseconds + 1))
    let isStalled = random.chance(mood.stalls)
    let after = mood.isDeaf ? .seconds(1 << 20) : isStalled ? .seconds(3 + random.below(8)) : delay
    let retryAfter: TimeSpan? = random.chance(20) ? .milliseconds(random.below(500)) : nil
    if random.chance(mood.fails) { return (.failed(retryAfter: retryAfter), after) }
    if random.chance(mood.throttles) { return (.throttled(retryAfter: retryAfter), after) }
    let isPoisoned = mood.poison > 0 && messages.contains { $0.sequence % mood.poison == 0 }
    if isPoisoned || random.chance(mood.rejects) {
      let isKnown = random.chance(50)
      return (isKnown ? .rejected(.upstreamRejected) : .refused(.upstreamRejected), after)
    }
    return (.accepted, after)
  }
}
