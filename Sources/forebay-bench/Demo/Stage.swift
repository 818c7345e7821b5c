import ForebayCore
import ForebayUV
import ForebayWire
import Glibc

/// The demo's actors on one loop: two daemons, the producers, and what is seen of them.
final class Stage {
  /// Between two looks, and two frames on a terminal.
  private static let interval = TimeSpan.milliseconds(200)

  let settings: DemoSettings
  let place: DemoPlace
  let daemon: DemoDaemon
  let hub: DemoDaemon
  let startedAt = monotonicNow()
  private(set) var facts = DemoFacts()
  private(set) var scene = Scene()
  private(set) var daemonSight = DaemonSight()
  private let loop: Loop
  private let load: Load
  private let screen: Screen
  private var rates = RateSamples()
  private var timer: Timer?
  private var signal: Int32?
  private var lineShownAt: Instant?
  private var notesShown = 0
  private var isHubExpected = false
  private var clientSights: [ClientSight] = []

  init(_ settings: DemoSettings, _ place: DemoPlace, _ screen: Screen) throws {
    self.settings = settings
    self.place = place
    self.screen = screen
    loop = try Loop()
    daemon = DemoDaemon(
      "forebayd", settings.daemonOptions(place), admin: place.daemonAdmin, log: place.daemonLog,
      on: loop)
    hub = DemoDaemon(
      "the hub", settings.hubOptions(place), admin: place.hubAdmin, log: place.hubLog, on: loop)
    load = Load(settings.load(place), on: loop)
    timer = try Timer(on: loop) { [unowned self] in loop.stop() }
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      _ = try SignalHandle(on: loop, signal) { [unowned self] in
        self.signal = signal
        loop.stop()
      }
    }
  }

  // MARK: Acting

  func startHub() throws {
    try hub.start()
    try wait("the hub isn't ready", until: { hub.isReady })
    isHubExpected = true
  }

  func startDaemon() throws {
    try daemon.start()
    try wait("forebayd isn't ready", until: { daemon.isReady })
  }

  func startProducers() throws {
    try load.start()
    try wait("the producers can't connect", until: { load.isRunning })
    look()
  }

  func killHub() {
    isHubExpected = false
    hub.kill()
    facts.unsettledAtKill = load.clients.map(\.unsettled)
    scene.hub = nil
  }

  func stopProducers() throws {
    load.stopSending()
    try watch(atMost: settings.patience, orFail: "messages stay without a receipt") {
      load.isOver
    }
  }

  /// Ends both daemons in order, and says what was wrong with it.
  func endDaemons() -> [String] {
    [daemon.end(within: settings.patience), hub.end(within: settings.patience)]
      .compactMap { $0 }
  }

  /// Ends everything, whatever state it is in.
  func clear() {
    load.finish()
    daemon.kill()
    hub.kill()
    screen.leave()
    try? loop.finish()
  }

  // MARK: Telling

  func begin(act: String) { scene.act = act }

  func tell(_ text: String) {
    look()
    scene.notes.append(Scene.Note(at: monotonicNow().since(startedAt), text: text))
    show()
  }

  func record(_ change: (inout DemoFacts) -> Void) { change(&facts) }

  // MARK: Watching

  struct Interrupted: Error { let signal: Int32 }

  func watch(for span: TimeSpan) throws {
    _ = try watch(atMost: span) { false }
  }

  func watch(
    atMost span: TimeSpan, orFail complaint: String, until isReached: () -> Bool
  ) throws {
    guard try watch(atMost: span, until: isReached) else { throw DemoFailure(complaint) }
  }

  /// Looks and shows until something is reached; false if the time is over before.
  func watch(atMost span: TimeSpan, until isReached: () -> Bool) throws -> Bool {
    let deadline = monotonicNow() + span
    while true {
      look()
      show()
      if isReached() { return true }
      if monotonicNow() >= deadline { return false }
      guard monotonicNow().since(startedAt) < settings.end else {
        throw DemoFailure("it takes longer than \(seconds(settings.end)) s")
      }
      try turn(for: Self.interval)
    }
  }

  /// As above, with nothing to see yet.
  private func wait(_ complaint: String, until isReached: () -> Bool) throws {
    let deadline = monotonicNow() + settings.patience
    while !isReached() {
      guard monotonicNow() < deadline else { throw DemoFailure(complaint) }
      try turn(for: .milliseconds(20))
    }
  }

  private func turn(for span: TimeSpan) throws {
    let end = monotonicNow() + span
    timer?.fire(at: end.nanoseconds)
    while monotonicNow() < end, signal == nil { loop.run() }
    if let signal { throw Interrupted(signal: signal) }
    if screen.isGone { throw Interrupted(signal: SIGPIPE) }
    try daemon.check()
    try hub.check()
  }

  // MARK: Looking

  private func look() {
    if let sight = daemon.sight() {
      daemonSight = sight
      facts.daemon = sight
      facts.daemonMemory = max(facts.daemonMemory, sight.anonymousBytes)
    }
    clientSights = daemon.clients()
    lookAtHub()
    // Answers may take their time; what is counted here is counted now.
    let now = monotonicNow()
    lookAtProducers(now: now)
    rates.add(sample(now: now))
    scene.elapsed = now.since(startedAt)
    scene.buffer = Scene.Buffer(
      held: daemonSight.held.messages, bound: daemonSight.capacity.messages)
    scene.breaker = daemonSight.breaker
    scene.offered = rates.perSecond(\.offered)
    scene.admitted = rates.perSecond(\.admitted)
    scene.delivered = rates.perSecond(\.delivered)
    scene.producers = load.clients.map { producer($0, now: now) }
    facts.elapsed = scene.elapsed
  }

  private func lookAtHub() {
    guard isHubExpected, let sight = hub.sight() else { return }
    scene.hub = Scene.Buffer(held: sight.held.messages, bound: sight.capacity.messages)
    facts.hubPeak = DaemonSight.Amount(
      messages: max(facts.hubPeak.messages, sight.heldPeak.messages),
      bytes: max(facts.hubPeak.bytes, sight.heldPeak.bytes))
    facts.hubCapacity = sight.capacity
    facts.hubMemory = max(facts.hubMemory, sight.anonymousBytes)
  }

  private func lookAtProducers(now: Instant) {
    let tally = load.tally
    facts.offered = load.offered
    facts.sent = load.clients.map(\.sent)
    facts.delivered = tally.count(of: .delivered)
    facts.settled = tally.settledTotal
    facts.wrongFrames = tally.repeated + tally.unknown + tally.violations
    facts.blocked = load.clients.map { $0.blocked(now: now) }
    scene.sentTotal = tally.sentTotal
    scene.deliveredTotal = facts.delivered
    scene.waitingTotal = facts.offered - min(facts.offered, tally.sentTotal)
  }

  private func sample(now: Instant) -> RateSamples.Sample {
    RateSamples.Sample(
      at: now, offered: facts.offered, admitted: daemonSight.received, delivered: facts.delivered,
      blocked: facts.blocked)
  }

  private func producer(_ client: LoadClient, now: Instant) -> Scene.Producer {
    // A window that opens again with the next receipt isn't worth a word on the wire. Then the daemon
    // is asked: the producers are all the clients that it ever had, and connected in their order.
    var reason = client.reason == .none ? nil : client.reason.wireName
    if clientSights.indices.contains(client.number) {
      reason = reason ?? clientSights[client.number].shutReason
    }
    // In the middle of a turn it has no answer either: then it is as it was.
    if client.messagesLeft == 0, scene.producers.indices.contains(client.number) {
      reason = reason ?? scene.producers[client.number].reason
    }
    return Scene.Producer(
      number: client.number + 1, inUse: client.outstanding,
      window: client.outstanding + client.messagesLeft,
      blockedShare: rates.share(ofBlocked: client.number), reason: reason)
  }

  /// How many have used up their window and were told so, with this reason.
  func shutProducers(because reason: WindowReason) -> Int {
    load.clients.count { $0.messagesLeft == 0 && $0.reason == reason }
  }

  private func show() {
    if screen.isLive {
      screen.draw(View(settings, columns: screen.columns).lines(scene))
      return
    }
    let plain = PlainView(settings: settings)
    for note in scene.notes[notesShown...] { screen.print(plain.note(note)) }
    notesShown = scene.notes.count
    let now = monotonicNow()
    guard lineShownAt.map({ now.since($0) >= .seconds(1) }) ?? true else { return }
    lineShownAt = now
    screen.print(plain.line(scene))
  }
}
