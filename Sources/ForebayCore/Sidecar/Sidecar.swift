import ForebayWire

/// The whole of Forebay without its sockets: events come in with their instant, actions go out.
///
///     clients ─▶ session ─▶ credit ─▶ store ─▶ fair queue ─▶ breaker ─▶ upstream
///        ◀─ receipts, windows ────────── settle ◀──────────── verdicts
///
/// Nothing is decided outside, nothing is performed inside. The shell calls one event method, and at
/// the end of its loop turn `turnEnded`, then performs what `nextAction` gives until it gives nothing.
///
/// Methods that change nothing are `mutating` all the same where the fast path calls them: the compiler
/// copies a large struct to pass it for reading, and passes it in place only for changing.
///
/// The parts, one file each: `+Clients` (accept, close), `+Receiving` (bytes to runs), `+Hello`,
/// `+Control` (other frames), `+Known` (resends), `+Granting`, `+Waiting` and `+Reclaiming` (credit),
/// `+Dispatch`, `+Calls`, `+Link`, `+LinkEvents` and `+LinkLeaving` (upstreams), `+Settling`, `+Output`
/// (what clients are written), `+Timers`, `+Drain`, `+Reload`, `+Operator`, `+Report`.
package struct Sidecar: ~Copyable {
  /// As they are now: `reconfigure` may have changed them.
  package internal(set) var settings: Settings
  var limits: Limits
  let scanner: RunScanner

  var store: MessageStore
  var routes: Slab<Route>
  /// A link for each route, at the route's index; idle where the upstream isn't a peer.
  var links: Slab<PeerLink>
  var clients = Slab<Client>(minimumCapacity: 64)
  var sessions = Slab<Session>(minimumCapacity: 64)
  var principals = Slab<Principal>(minimumCapacity: 16)
  var calls = Slab<Call>(minimumCapacity: 64)
  /// By class index.
  var classRates: [ClassRate]

  // Look-ups; never iterated.
  var sessionByID: [SessionKey: UInt32] = [:]
  var principalByKey: [RouteKey: UInt32] = [:]
  var connectionsByKey: [PrincipalKey: Int] = [:]

  var actions = ActionQueue()
  /// Clients whose credit is looked at when the turn ends.
  var dirtyClients: [UInt32] = []
  /// Clients that have something to be written.
  var outputClients: [UInt32] = []
  /// `closeClient` actions, which the shell gets when a turn ends.
  var closings: [Action] = []
  /// How many clients are written in one turn, and how many are closed: a write takes about 4 µs, a close
  /// 8. So thousands whose receipts come at once, or who leave at once, keep the loop for 1.5 ms.
  package var clientsPerTurn = 128
  /// Routes that may have something to dispatch.
  var stirredRoutes: [UInt32] = []

  var clientDeadlines = DeadlineTable()
  var sessionDeadlines = DeadlineTable()
  var runDeadlines = DeadlineTable()
  var routeDeadlines = DeadlineTable()

  var nextGeneration: UInt32 = 1
  var grantingPass: UInt64 = 0
  package internal(set) var lifecycle = Lifecycle.running
  /// What an operator set in place of the connections that the settings allow in all.
  var connectionsMaxSet: Int?
  /// Connections ended, by reason.
  var closures: [UInt64]

  struct SessionKey: Hashable {
    let principal: UInt32
    let isOrigin: Bool
    let id: ID128
  }

  struct RouteKey: Hashable {
    let route: UInt32
    let key: PrincipalKey
  }

  package enum Lifecycle: Equatable, Sendable {
    /// Can transition to: withdrawn, draining.
    case running
    /// An operator drained it: clients are told to go and what is held goes on, but the process stays.
    /// Can transition to: running, draining.
    case withdrawn
    /// It ends. Can transition to: drained.
    case draining(until: Instant)
    case drained
  }

  /// `settings.problems()` must be empty. `seed` decides all jitter.
  package init(settings: Settings, seed: UInt64, now: Instant) {
    let problems = settings.problems()
    invariant(problems.isEmpty, "settings were checked: \(problems)")
    self.settings = settings
    limits = settings.limits
    scanner = RunScanner(
      frameBytesMax: limits.frameBytesMax, overhead: limits.overheadBytes)
    store = MessageStore(
      nurserySegments: limits.nurserySegments, frameBytesMax: limits.frameBytesMax,
      recycledBytesMax: Self.recycledBytesMax(settings))
    routes = Slab(minimumCapacity: settings.routes.count)
    links = Slab(minimumCapacity: settings.routes.count)
    var seeds = SplitMix64(seed: seed)
    for (index, route) in settings.routes.enumerated() {
      _ = routes.insert(
        Route(
          index: UInt32(index), settings: route, limits: limits, seed: seeds.next(), now: now))
      _ = links.insert(
        PeerLink(
          session: ID128(high: seeds.next(), low: seeds.next()), seed: seeds.next(),
          attemptTimeout: route.attemptTimeout))
    }
    classRates = settings.classes.map { ClassRate($0, now: now) }
    closures = Array(repeating: 0, count: ErrorCode.allCases.count + 1)
  }

  /// Of the heap blocks that are free, a sixteenth of what may be held is kept to be used again.
  static func recycledBytesMax(_ settings: Settings) -> Int {
    settings.routes.reduce(0) { $0 + Int($1.bufferBytes) } / 16
  }

  /// What the shell has to do next. Nil ends the round.
  package mutating func nextAction() -> Action? { actions.next() }

  /// Dispatches what has come in so far, in the middle of a turn: while the bytes are in the cache.
  package mutating func dispatchEarly(now: Instant) { pumpStirred(now: now) }

  /// The end of a loop turn: everything that was put off until all events were in.
  package mutating func turnEnded(now: Instant) {
    pumpStirred(now: now)
    grantDirty(now: now)
    finishDrainIfEmpty(now: now)
    askForOutput()
  }

  // MARK: Marks

  mutating func stir(_ route: UInt32) {
    guard !routes[route].isStirred else { return }
    routes[route].isStirred = true
    stirredRoutes.append(route)
  }

  mutating func markDirty(_ client: UInt32) {
    guard !clients[client].isDirty else { return }
    clients[client].isDirty = true
    dirtyClients.append(client)
  }

  mutating func markOutput(_ client: UInt32) {
    guard !clients[client].hasOutputPending else { return }
    clients[client].hasOutputPending = true
    outputClients.append(client)
  }

  private mutating func pumpStirred(now: Instant) {
    // Pumping may stir again, for what it settles; that is for this turn too.
    var next = 0
    while next < stirredRoutes.count {
      let route = stirredRoutes[next]
      routes[route].isStirred = false
      pump(route, now: now)
      next += 1
    }
    if next > 0 { stirredRoutes.removeAll(keepingCapacity: true) }
  }
}
