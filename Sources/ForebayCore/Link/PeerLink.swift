import ForebayWire

/// The client's side of one peer link: what it may send, what it has sent, what the peer was told.
///
/// The runs in flight form one chain in link order. Two cursors divide it:
///
///     first … | nextToWrite … | nextToAdmit … last
///     written   admitted        waits for the peer's credit (after a reconnect)
///
/// Link sequences are given once and never change, so after a reconnect what the peer doesn't know is
/// sent again in the same order, before anything new.
struct PeerLink: ~Copyable {
  enum Phase: Equatable {
    /// Can transition to: connecting, when something waits and `retryAt` has come.
    case disconnected
    /// The shell is connecting. Can transition to: greeting, disconnected.
    case connecting
    /// HELLO is sent. Can transition to: resuming, disconnected.
    case greeting
    /// The peer lists what it knows of the session. Can transition to: open, disconnected.
    case resuming(rangesLeft: UInt32)
    /// Can transition to: leaving, disconnected.
    case open
    /// The peer said GOAWAY: nothing is begun any more, but receipts still come. Can transition to:
    /// disconnected, when the peer owes none.
    case leaving
  }

  let session: ID128
  var attemptTimeout: TimeSpan
  private(set) var jitter: SplitMix64
  var phase = Phase.disconnected
  var retryAt = Instant(nanoseconds: 0)
  var connectStartedAt = Instant(nanoseconds: 0)
  var failedConnects: UInt32 = 0
  var nextSequence: UInt64 = 1

  // The peer's terms, of the current connection.
  var frameBytesMax = 0
  var overhead = 0
  var limit = Cost.zero
  var sent = Cost.zero
  private(set) var floorTold: UInt64 = 1
  /// The RECLAIM that isn't answered yet.
  private var reclaimNumber: UInt32?

  /// After so much silence the peer sends PING; zero for never.
  private(set) var heartbeat = TimeSpan.zero
  /// When something was last heard, or messages were sent, which have a deadline of their own.
  var activeAt = Instant(nanoseconds: 0)

  // The chain of runs in flight.
  var first = none
  var last = none
  var nextToAdmit = none
  var nextToWrite = none
  /// Bytes of `nextToWrite`, with its ORIGIN, that are written.
  var written = 0
  /// The first run whose attempt isn't answered; runs before it are.
  var firstUnanswered = none

  /// The breaker's leave for the connect, kept for the first message when it is a probe.
  var connectToken: BreakerToken?
  /// Control frames to write.
  var control: [UInt8] = []
  /// A received frame that isn't whole.
  var stash: [UInt8] = []
  var hasOutputPending = false
  var isBusyWriting = false
  /// GOAWAY has come: the link is left then at the latest.
  private(set) var leaveBy: Instant?

  // The probe of a shut window.
  var shutSince: Instant?
  var probeInterval = PeerLink.probeIntervalMin
  static let probeIntervalMin = TimeSpan.milliseconds(200)
  static let probeIntervalMax = TimeSpan.seconds(5)
  /// From the start of a connect to the first WINDOW.
  static let handshakeTimeout = TimeSpan.seconds(5)
  /// Intervals without a PING: one can be late, two can be an unlucky pause.
  static let heartbeatsMissed: UInt64 = 3
  static let connectBackoffBase = TimeSpan.milliseconds(50)
  static let connectBackoffMax = TimeSpan.seconds(5)

  init(session: ID128, seed: UInt64, attemptTimeout: TimeSpan) {
    self.session = session
    self.attemptTimeout = attemptTimeout
    jitter = SplitMix64(seed: seed)
  }

  var isEmpty: Bool { first == none }
  var credit: Cost { limit.above(sent) }

  /// What sending a run takes of the peer's credit.
  func cost(bytes: Int, count: Int) -> Cost {
    Cost(
      bytes: UInt64(bytes + count * overhead + Origin.fixedBytes + overhead),
      messages: UInt64(count))
  }

  // MARK: Connection

  mutating func connected(floor: UInt64) {
    phase = .greeting
    leaveBy = nil
    floorTold = floor
    control = Hello(session: session, floor: floor, level: .received, isPeer: true).encoded()
    stash.removeAll(keepingCapacity: true)
  }

  mutating func welcomed(_ welcome: Welcome) {
    frameBytesMax = Int(welcome.frameBytesMax)
    overhead = Int(welcome.overhead)
    heartbeat = .milliseconds(UInt64(welcome.heartbeatMilliseconds))
    limit = .zero
    sent = .zero
    phase = .resuming(rangesLeft: welcome.ranges)
  }

  mutating func opened() {
    phase = leaveBy == nil ? .open : .leaving
    failedConnects = 0
    nextToAdmit = first
    nextToWrite = none
    written = 0
  }

  /// The peer has so long from its deadline on to close by itself, with the last receipts before that.
  private static let leavingGrace = TimeSpan.seconds(1)

  /// GOAWAY. True if the link was open: then what it has admitted isn't to be begun. Before the first
  /// window it is kept in mind.
  mutating func goAwayReceived(deadline: Instant) -> Bool {
    leaveBy = deadline + Self.leavingGrace
    // A client that leaves asks for nothing more.
    shutSince = nil
    guard phase == .open else { return false }
    phase = .leaving
    return true
  }

  /// When the peer, or what lies between, must be taken for dead. All that it has taken may wait for its
  /// own upstream for as long as that needs, so a missing answer alone says nothing.
  var silentAt: Instant? {
    heartbeat == .zero ? nil : activeAt + heartbeat * Self.heartbeatsMissed
  }

  mutating func disconnected(now: Instant) {
    phase = .disconnected
    limit = .zero
    sent = .zero
    control.removeAll(keepingCapacity: true)
    reclaimNumber = nil
    shutSince = nil
    nextToWrite = none
    nextToAdmit = none
    written = 0
    isBusyWriting = false
    let doubled = TimeSpan(
      nanoseconds: Self.connectBackoffBase.nanoseconds << UInt64(min(failedConnects, 10)))
    failedConnects += 1
    retryAt = now + jitter.span(below: min(doubled, Self.connectBackoffMax))
  }

  // MARK: Credit

  enum OnWindow: Equatable {
    case wider
    case unchanged
  }

  mutating func windowReceived(_ window: Window) -> OnWindow {
    let told = Cost(bytes: window.limitBytes, messages: window.limitMessages)
    let wider = limit.greater(told)
    guard wider != limit else { return .unchanged }
    limit = wider
    shutSince = nil
    probeInterval = Self.probeIntervalMin
    return .wider
  }

  /// Credit that isn't used is given back; what is sent is sent. What is admitted counts as sent, so
  /// the answer goes behind it.
  mutating func reclaimReceived(_ reclaim: Reclaim) {
    let asked = Cost(bytes: reclaim.limitBytes, messages: reclaim.limitMessages)
    limit = limit.lesser(asked).greater(sent)
    reclaimNumber = reclaim.number
  }

  /// Everything admitted is written and a RECLAIM waits for its answer.
  var owesReclaimed: Bool { reclaimNumber != nil && nextToWrite == none }

  mutating func answerReclaim() {
    guard owesReclaimed, let number = reclaimNumber else { return }
    reclaimNumber = nil
    Reclaimed(number: number).append(to: &control)
  }

  /// Something waits that the window doesn't let through. The first call starts the clock.
  mutating func blocked(now: Instant) {
    if shutSince == nil {
      shutSince = now
      probeInterval = Self.probeIntervalMin
    }
  }

  var probeDeadline: Instant? { shutSince.map { $0 + probeInterval } }

  mutating func probe(cost: UInt64, floor: UInt64, now: Instant) {
    Blocked(cost: UInt32(clamping: cost), floor: floor).append(to: &control)
    floorTold = floor
    shutSince = now
    probeInterval = min(probeInterval * 2, Self.probeIntervalMax)
  }

  /// Tells the peer what it may forget, once in a while: a quarter of what it keeps at least.
  mutating func tellFloor(_ floor: UInt64, isUrgent: Bool) {
    guard floor > floorTold, isUrgent || floor - floorTold >= Self.floorStep else { return }
    Seen(floor: floor).append(to: &control)
    floorTold = floor
  }
  static let floorStep: UInt64 = 256
}
