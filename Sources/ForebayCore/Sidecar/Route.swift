import ForebayWire

/// One path to one upstream: a bulkhead with its own space, order, breaker and limits.
struct Route: ~Copyable {
  let index: UInt32
  var settings: RouteSettings
  // The settings that are asked for every turn, apart: reading one from the whole would copy the whole.
  var windowMessagesMax: UInt64
  var attemptTimeout: TimeSpan
  let isOrdered: Bool
  var upstream: UpstreamTraits
  /// r: what each waiting client is owed.
  var reserve: Cost
  /// The bytes of the buffer that go with one of its messages.
  var bytesPerMessage: UInt64
  var pool: CreditPool
  var queue: FairQueue
  /// Where the route has no order: what waits for another attempt.
  var shelf = RetryShelf()
  var breaker: Breaker
  var ramp: RecoveryRamp
  var limiter: RateLimiter?
  var budget: RetryBudget
  /// Jitter of the backoff.
  var random: SplitMix64
  /// The connection of an upstream that takes batches over one.
  var connection: UpstreamConnection
  /// The upstream said "slow down".
  var throttle = Throttle()
  /// When a batch that isn't full goes all the same, while others are out.
  var flushAt: Instant?
  /// It leads to another Forebay; `Sidecar.links` has the link.
  let isPeer: Bool

  /// Messages and bytes handed to the upstream and not answered.
  var inFlightMessages = 0
  var inFlightBytes = 0
  /// Calls that are out, oldest first, chained.
  var firstCall = none
  var lastCall = none
  var callCount = 0
  /// The route is already on the list of those to look at when the turn ends.
  var isStirred = false

  // The principals that have waiting clients.
  var firstWaiting = none
  var lastWaiting = none
  /// Clients that had demand when the last granting pass looked.
  var demanding: [UInt32] = []
  /// The pass that last counted demand, and Σ owed as it found it.
  var surveyed: UInt64 = 0
  var owed = Cost.zero
  /// The pass in which there was too little space for the first that waits.
  var shortInPass: UInt64 = 0
  /// Unused credit, least recently used first: where to reclaim.
  var firstLent = none
  var lastLent = none
  /// An operator stopped intake: windows are shut, what is held goes on.
  var isPaused = false
  /// An operator stopped forwarding.
  var isOnHold = false
  /// A client is shut because there was no space for it.
  var isPressed = false
  /// When idle credit is next looked for, while it is pressed.
  var reclaimAt: Instant?
  /// Less than a tenth of the space is free, or was and not yet a fifth is again.
  var isLow = false
  /// Connections and sessions of the route.
  var clients = 0
  var totals = Totals()

  init(
    index: UInt32, settings: RouteSettings, limits: Limits, seed: UInt64, now: Instant
  ) {
    self.index = index
    isPeer = settings.upstream.kind == .peer
    self.settings = settings
    windowMessagesMax = settings.windowMessagesMax
    attemptTimeout = settings.attemptTimeout
    isOrdered = settings.isOrdered
    upstream = settings.upstream
    reserve = settings.reserve(limits)
    bytesPerMessage = settings.bytesPerMessage
    pool = CreditPool(
      capacity: settings.capacity, controlReserve: Cost(bytes: settings.controlReserveBytes))
    queue = FairQueue(
      quantum: FairQueue.quantumBytes, overhead: limits.overheadBytes,
      laneWeights: settings.laneWeights)
    var seeds = SplitMix64(seed: seed)
    breaker = Breaker(settings: settings.breaker, seed: seeds.next(), now: now)
    ramp = RecoveryRamp(settings: settings.recovery)
    limiter = settings.rate.map { RateLimiter($0, now: now) }
    budget = RetryBudget(settings: settings.retryBudget, now: now)
    random = SplitMix64(seed: seeds.next())
    connection = UpstreamConnection(seed: seeds.next())
  }
}

extension Route {
  /// Its order would not survive two calls of one flow: the second may be taken where the first fails.
  var hasOneCallAFlow: Bool { isOrdered && !upstream.failsInOrder }

  /// Goes on under settings that agree with its own in what can't change. What is granted, held,
  /// counted and waiting stays.
  mutating func reconfigure(_ new: RouteSettings, _ limits: Limits, now: Instant) {
    settings = new
    windowMessagesMax = new.windowMessagesMax
    attemptTimeout = new.attemptTimeout
    upstream = new.upstream
    reserve = new.reserve(limits)
    bytesPerMessage = new.bytesPerMessage
    pool.resize(to: new.capacity, controlReserve: Cost(bytes: new.controlReserveBytes))
    queue.setWeights(ofLanes: new.laneWeights)
    breaker.settingsChanged(new.breaker, now: now)
    ramp.settingsChanged(new.recovery)
    limiter.limitChanged(new.rate, now: now)
    budget.settingsChanged(new.retryBudget, now: now)
  }
}

/// What has happened on a route since the start.
///
///     received = delivered + deadLettered + expired + dropped + rejected + duplicate + held
package struct Totals: Equatable, Sendable {
  package var received: UInt64 = 0
  package var delivered: UInt64 = 0
  package var deadLettered: UInt64 = 0
  package var expired: UInt64 = 0
  package var dropped: UInt64 = 0
  package var rejected: UInt64 = 0
  package var duplicate: UInt64 = 0
  package var retried: UInt64 = 0
  package var dispatched: UInt64 = 0
  package var reclaims: UInt64 = 0
  package var windowsShut: UInt64 = 0

  package var settled: UInt64 {
    delivered + deadLettered + expired + dropped + rejected + duplicate
  }

  mutating func count(_ outcome: Outcome, _ messages: UInt64) {
    switch outcome {
    case .received, .stored: brokenInvariant("only a final outcome is counted")
    case .delivered: delivered += messages
    case .deadLettered: deadLettered += messages
    case .rejected: rejected += messages
    case .expired: expired += messages
    case .dropped: dropped += messages
    case .duplicate: duplicate += messages
    }
  }
}
