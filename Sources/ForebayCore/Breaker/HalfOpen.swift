/// The half-open period: who may probe, what the probes said, and when it must end.
///
/// One probe is in flight at a time and carries one message. Probes come from two sources. The
/// *quota* is a share of the messages offered, kept exactly by an accumulator: nothing is random, so
/// nobody has bad luck. The *floor* is a probe every so often whatever the traffic: a full buffer
/// shuts every window, no messages arrive, and 5 % of none would never find out that the upstream
/// is back.
///
/// Nothing here is a transition: `Breaker` performs those.
struct HalfOpen: Sendable {
  struct Probe: Sendable {
    let serial: UInt16
    let deadline: Instant
    let isFloor: Bool
    /// To put back if nothing was sent after all.
    let floorDueBefore: Instant
    let isFirst: Bool
  }

  /// What makes the breaker leave half-open.
  enum End: Equatable {
    /// Enough successes, and the minimum duration has passed.
    case proven
    /// The probe in flight has had no verdict by its deadline.
    case probeUnanswered
    /// The maximum duration has passed without a single success.
    case exhausted
  }

  let since: Instant
  /// The wait before this period; the next of the same outage won't be shorter.
  let waited: TimeSpan
  private let minimumEnd: Instant
  private let floorInterval: TimeSpan

  private(set) var successes: UInt32 = 0
  private(set) var probe: Probe?
  /// Hundredths of a probe that the quota has saved up. Never two whole ones, so that a flood of
  /// arrivals isn't followed by a burst; but no fraction is ever lost, so the share is exact.
  private var quota: UInt64 = 0
  private var floorDueAt: Instant
  /// The floor's turn has been announced; it stays due, but once is enough to wake the dispatcher.
  private var isFloorAnnounced = true
  /// The maximum duration runs from the first probe, or from its last restart: without a message to
  /// probe with there is no evidence either way, and the first that comes must not find it open.
  private var maximumEnd: Instant?
  private var lastSerial: UInt16 = 0

  static let quotaOfOneProbe: UInt64 = 100

  init(waited: TimeSpan, floorInterval: TimeSpan, _ settings: BreakerSettings, now: Instant) {
    since = now
    self.waited = waited
    self.floorInterval = floorInterval
    minimumEnd = now + settings.minimumHalfOpen
    floorDueAt = now
  }

  // MARK: Placing probes

  mutating func messagesOffered(_ count: Int, _ settings: BreakerSettings) {
    // A billion at once is clamped, lest a product overflow.
    let counted = UInt64(min(max(0, count), 1_000_000_000))
    addQuota(counted * UInt64(settings.quotaPercent))
  }

  private mutating func addQuota(_ hundredths: UInt64) {
    quota += hundredths
    if quota >= 2 * Self.quotaOfOneProbe {
      quota = Self.quotaOfOneProbe + quota % Self.quotaOfOneProbe
    }
  }

  /// When a probe may go: from the first instant to just before the second. Not with one in flight,
  /// and not from the instant on at which an end is due: the timer has it in its hands.
  func probeMayGo(_ settings: BreakerSettings) -> (from: Instant, until: Instant) {
    guard probe == nil else { return (.distantFuture, .distantFuture) }
    let isDue = quota >= Self.quotaOfOneProbe || planted(.probeQuotaIgnored)
    let from = isDue ? since : planted(.livenessFloorRemoved) ? .distantFuture : floorDueAt
    if successes >= settings.successesToClose { return (from, minimumEnd) }
    return (from, successes == 0 ? maximumEnd ?? .distantFuture : .distantFuture)
  }

  /// Places a probe if one may go now.
  mutating func probeRequested(_ settings: BreakerSettings, now: Instant) -> Probe? {
    let (from, until) = probeMayGo(settings)
    guard now >= from, now < until else { return nil }
    let isFloor = quota < Self.quotaOfOneProbe
    if !isFloor { quota -= Self.quotaOfOneProbe }
    lastSerial &+= 1
    let placed = Probe(
      serial: lastSerial, deadline: now + settings.probeDeadline, isFloor: isFloor,
      floorDueBefore: floorDueAt, isFirst: maximumEnd == nil)
    probe = placed
    floorDueAt = now + floorInterval
    isFloorAnnounced = false
    if maximumEnd == nil { maximumEnd = now + settings.maximumHalfOpen }
    return placed
  }

  // MARK: Settling probes

  func isInFlight(_ token: BreakerToken) -> Bool {
    token.isProbe && probe?.serial == token.serial
  }

  mutating func probeSucceeded() {
    probe = nil
    successes += 1
  }

  /// Nothing was learned: the quota gets its probe back, the floor tries again in its own time.
  mutating func probeWasNeutral() {
    if let probe, !probe.isFloor { addQuota(Self.quotaOfOneProbe) }
    probe = nil
  }

  /// Nothing was sent: as if it had never been asked for. The dispatcher knows that it may ask
  /// again, so the floor isn't announced to it.
  mutating func probeReturned() {
    guard let probe else { return }
    probeWasNeutral()
    floorDueAt = probe.floorDueBefore
    if probe.isFirst { maximumEnd = nil }
    isFloorAnnounced = true
  }

  /// The operator wants to know now.
  mutating func probeDemanded(now: Instant) {
    floorDueAt = min(floorDueAt, now)
    isFloorAnnounced = true
  }

  // MARK: Ending

  /// The end that is due, if any: the earliest, whatever the order in which timers are looked at,
  /// so that a late timer changes no outcome. Of two at one instant the more careful wins.
  func end(_ settings: BreakerSettings, now: Instant) -> End? {
    var due: (at: Instant, end: End)?
    if let probe, now >= probe.deadline { due = (probe.deadline, .probeUnanswered) }
    let needed = planted(.closesAfterOneSuccess) ? 1 : settings.successesToClose
    if successes >= needed, now >= minimumEnd,
      minimumEnd < due?.at ?? .distantFuture
    {
      due = (minimumEnd, .proven)
    }
    if successes == 0, let maximumEnd, now >= maximumEnd, maximumEnd < due?.at ?? .distantFuture {
      due = (maximumEnd, .exhausted)
    }
    return due?.end
  }

  /// When `deadlineReached` has something to do next.
  func deadline(_ settings: BreakerSettings) -> Instant? {
    var earliest = maximumEnd
    if successes >= settings.successesToClose { earliest = min(earliest ?? minimumEnd, minimumEnd) }
    if let probe {
      earliest = min(earliest ?? probe.deadline, probe.deadline)
    } else if !isFloorAnnounced {
      earliest = min(earliest ?? floorDueAt, floorDueAt)
    }
    return earliest
  }

  /// Moves the timers that end nothing. True if the floor's turn has come and a probe may go.
  mutating func timersMoved(_ settings: BreakerSettings, now: Instant) -> Bool {
    if successes > 0, let end = maximumEnd, now >= end {
      maximumEnd = now + settings.maximumHalfOpen
    }
    guard probe == nil, !isFloorAnnounced, now >= floorDueAt else { return false }
    isFloorAnnounced = true
    return true
  }

  /// When the next probe may go (an instant that has passed: now); `nil` while one is in flight.
  func nextProbeAt(_ settings: BreakerSettings) -> Instant? {
    probe == nil ? probeMayGo(settings).from : nil
  }
}
