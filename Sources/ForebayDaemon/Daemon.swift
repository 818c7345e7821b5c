package import ForebayConfig
import ForebayCore
import ForebayUV
import ForebayUpstreams
import ForebayWire
import Logging

/// The shell: it owns the loop, the sockets and the one core, performs the core's actions, and decides
/// nothing.
///
///     callback ─▶ core event … (all events of a turn) ─▶ turnEnded ─▶ actions ─▶ perform
///
/// Every callback makes one call to the core, and nothing calls the core while it is at work. Debug
/// builds, and so all tests, check that; where a property is used several times a message, a release
/// build doesn't, as the checks took a seventh of a round trip's instructions.
package final class Daemon {
  package static let version = Release.version

  private(set) var configuration: Configuration
  var settings: DaemonSettings { configuration.settings }
  let loop: Loop
  #if !DEBUG
    @exclusivity(unchecked)
  #endif
  var core: Sidecar
  let log: EventLog
  /// What clients were ended for, most recent last.
  var errorHistory = ErrorHistory()
  /// Counts loop turns, for everything that is bounded a turn.
  #if !DEBUG
    @exclusivity(unchecked)
  #endif
  private(set) var turn: UInt64 = 1

  var connections: [ClientConnection?] = []
  /// Tells the class of whoever comes.
  private(set) var classes: ClassFinder
  var refusalsUnderWay = 0
  /// Streams whose other ends have gone, not yet closed.
  var leaving: [StreamHandle] = []
  var upstreams: [(any Upstream)?] = []
  /// Routes whose upstreams have calls to write.
  var unflushed: [UInt32] = []
  var peers: [PeerConnection?] = []
  /// One for each of `settings.sockets`, at its index.
  private var clientListeners: [UnixListener] = []
  private var peerListener: TCPListener?
  private(set) var admin: AdminServer?
  private var timer: Timer?
  private var hooks: [TurnHook] = []
  /// Links that have been written enough for one turn.
  var linksPutOff: [UInt32] = []
  private(set) var putOffHook: TurnHook?
  /// Keeps the loop from waiting while deadlines are due and not judged yet.
  private var dueHook: TurnHook?
  private var areDeadlinesDue = false
  private var signals: [SignalHandle] = []
  /// Something happened since the last turn ended.
  #if !DEBUG
    @exclusivity(unchecked)
  #endif
  private var isTurnDue = false
  /// Bytes read since the last dispatch.
  #if !DEBUG
    @exclusivity(unchecked)
  #endif
  var undispatchedBytes = 0
  let startedAt: Instant
  /// Connections that the descriptor limit leaves room for.
  let connectionsPossible: Int
  var reloads = PendingReloads()
  #if !DEBUG
    @exclusivity(unchecked)
  #endif
  private var watch: CallbackWatch
  var longestCallback: TimeSpan { watch.longest }
  /// Where outputs and link headers are put together: used within one call only.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  let linkHeaders = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
  let linkVectors = UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.allocate(capacity: 128)
  let ioVectors = UnsafeMutableBufferPointer<IOVector>.allocate(capacity: 128)

  /// Opens stores and sockets; nothing is served before `run`.
  package init(_ configuration: Configuration) throws {
    StandardStreams.openMissing()
    self.configuration = configuration
    let settings = configuration.settings
    classes = ClassFinder(settings)
    // Before the loop, which must be closed in order.
    connectionsPossible = try DescriptorBudget.connections(settings)
    loop = try Loop()
    startedAt = Instant(nanoseconds: Loop.now)
    watch = CallbackWatch(now: startedAt, used: ThreadTime.used())
    log = EventLog(level: settings.logLevel)
    core = Sidecar(
      settings: Self.adapted(settings, connectionsPossible), seed: SystemSeed.draw(),
      now: startedAt)
    do { try open() } catch {
      shutDown()
      throw error
    }
  }

  deinit {
    scratch.deallocate()
    linkHeaders.deallocate()
    linkVectors.deallocate()
    ioVectors.deallocate()
  }

  /// The core's settings, with what the upstreams and the system allow.
  static func adapted(_ settings: DaemonSettings, _ connectionsPossible: Int) -> Settings {
    var adapted = settings.core
    for (index, route) in settings.routes.enumerated() {
      adapted.routes[index].upstream = UpstreamFactory.traits(route, adapted.limits)
    }
    adapted.limits.connectionsMax = min(adapted.limits.connectionsMax, connectionsPossible)
    return adapted
  }

  // MARK: Opening

  private func open() throws {
    // What can't work is refused before a first journal or directory is made.
    for socket in settings.sockets { try UnixListener.checkPath(socket.path) }
    try UnixListener.checkPath(settings.admin.path)
    upstreams = Array(repeating: nil, count: settings.routes.count)
    peers = Array(repeating: nil, count: settings.routes.count)
    try openUpstreams()
    timer = try Timer(on: loop) { [unowned(unsafe) self] in timerFired() }
    for place in [TurnHook.Place.afterPolling, .beforePolling] {
      let hook = try TurnHook(on: loop, place)
      let countsTurns = place == .afterPolling
      hook.start { [unowned(unsafe) self] in turnHooked(countsTurns) }
      hooks.append(hook)
    }
    putOffHook = try TurnHook(on: loop, .idle)
    dueHook = try TurnHook(on: loop, .idle)
    Signals.unblockOurs()
    for signal in Signals.terminating {
      signals.append(try SignalHandle(on: loop, signal) { [unowned self] in terminate() })
    }
    signals.append(
      try SignalHandle(on: loop, Signals.reloading) { [unowned self] in reload { _ in } })
    try Directories.makeIfMissing(parentOf: settings.admin.path, mode: 0o700)
    admin = try AdminServer(settings.admin, on: loop, self)
    for socket in settings.sockets {
      try Directories.makeIfMissing(parentOf: socket.path, mode: 0o755)
    }
    try listen()
  }

  private func listen() throws {
    for (index, socket) in settings.sockets.enumerated() {
      let listener = try UnixListener(
        on: loop, path: socket.path, mode: socket.mode.bits, group: socket.group)
      clientListeners.append(listener)
      try listener.accept { [unowned self] arrival in
        switch arrival {
        case .success(let (stream, credentials)): accepted(stream, credentials, socket: index)
        case .failure(let error): log.problem("accept failed", ["error": "\(error)"])
        }
      }
    }
    guard let address = settings.peers.listen else { return }
    let peerListener = try TCPListener(
      on: loop, SocketAddress(numeric: address.host, port: address.port))
    self.peerListener = peerListener
    try peerListener.accept { [unowned self] arrival in
      switch arrival {
      case .success(let stream): acceptedPeer(stream)
      case .failure(let error): log.problem("accept failed", ["error": "\(error)"])
      }
    }
  }

  /// Goes on under settings that the core follows already.
  func adopt(_ configuration: Configuration) {
    // What an operator has set stays until the setting itself changes.
    if configuration.settings.logLevel != settings.logLevel {
      log.level = configuration.settings.logLevel
    }
    self.configuration = configuration
    classes = ClassFinder(configuration.settings)
  }

  // MARK: Running

  /// Serves until a signal or the admin socket ends it.
  package func run() {
    log.event(
      "ready",
      [
        "socket": settings.sockets.map(\.path).joined(separator: ","), "admin": settings.admin.path,
        "routes": settings.routes.map { "\($0.settings.name)=\($0.address)" }.joined(
          separator: ","),
        "config": configuration.inputs.path ?? "none",
        "start_ms": "\(now.since(startedAt).millisecondsRoundedUp)",
      ])
    for notice in configuration.notices { log.problem("configuration notice", ["notice": notice]) }
    loop.run()
    shutDown()
  }

  private func shutDown() {
    for upstream in upstreams { upstream?.close() }
    upstreams = []
    try? loop.finish()
  }

  var now: Instant { Instant(nanoseconds: Loop.now) }

  func event() { isTurnDue = true }

  /// The time at the beginning of a callback that may take long.
  func callbackBegan() -> Instant {
    let now = self.now
    watch.callbackBegan(now: now, cpuTime: ThreadTime.used)
    return now
  }

  private func turnHooked(_ countsTurns: Bool) {
    if countsTurns {
      turn += 1
      closeSome()
      if areDeadlinesDue { judgeDeadlines() }
    }
    // Also when no client did anything: what the admin socket took is told apart turn by turn.
    let began = callbackBegan()
    if isTurnDue { endTurn(began) }
  }

  /// Deadlines are judged after the reads of this turn: when the whole process has stood still (SIGSTOP, a
  /// suspended machine), what they wait for lies in the sockets already.
  private func timerFired() {
    areDeadlinesDue = true
    dueHook?.start {}
  }

  private func judgeDeadlines() {
    areDeadlinesDue = false
    dueHook?.stop()
    core.deadlineReached(now: callbackBegan())
    event()
  }

  /// Performs until performing asks for nothing more. Each pass only reacts to what the last one did,
  /// and a connection writes a bounded amount in it.
  private func endTurn(_ began: Instant) {
    undispatchedBytes = 0
    var now = began
    while isTurnDue {
      isTurnDue = false
      core.turnEnded(now: now)
      while let action = core.nextAction() { perform(action) }
      flushUpstreams()
      if isTurnDue { now = self.now }
    }
    if core.hasPutOff { goOnNextTurn() }
    admin?.checkWaits()
    if let deadline = core.nextDeadline() {
      timer?.fire(at: deadline.nanoseconds)
    } else {
      timer?.cancel()
    }
  }

  func perform(_ action: Action) {
    switch action {
    case .writeClient(let id): writeClient(id)
    case .closeClient(let id, let code): closeClient(id, code)
    case .readOut(let id):
      connection(id)?.readOut()
      core.clientReadOut(id, now: now)
      event()
    case .connectLink(let route): connect(route)
    case .closeLink(let route, let ending): disconnect(route, ending)
    case .writeLink(let route): writeLink(route)
    case .dispatch(let route, let call): dispatch(call, route)
    case .giveUp(let route, let call): upstreams[Int(route)]?.giveUp(call)
    case .drained: drained()
    }
  }

  // MARK: The end

  /// The first request drains; another one ends it at once.
  package func terminate() {
    event()
    switch core.lifecycle {
    case .running, .withdrawn:
      log.event("draining", ["timeout_ms": "\(settings.drainTimeout.millisecondsRoundedUp)"])
      for listener in clientListeners { listener.close() }
      clientListeners = []
      peerListener?.close()
      peerListener = nil
      core.drain(until: now + settings.drainTimeout, now: now)
    case .draining, .drained:
      log.event("ending at once", [:])
      core.drain(until: now, now: now)
      core.deadlineReached(now: now)
    }
  }

  private func drained() {
    // The last receipts go out before the connections do, and nobody waits for this turn's end.
    performAll()
    core.closeDrained(now)
    performAll()
    log.event("stopped", ["held": "\(core.heldMessages)"])
    loop.stop()
  }

  private func performAll() {
    repeat {
      core.turnEnded(now: now)
      while let action = core.nextAction() {
        if action != .drained { perform(action) }
      }
    } while core.hasPutOff
  }
}
