import ForebayWire

/// The recovery governor: what keeps an upstream that has just come back from being knocked over by
/// everything that waited for it.
///
/// Two limits start when the breaker closes, and each goes away when it has done its work: the
/// messages in flight (`ConcurrencyRamp`), and the rate at which the backlog joins the live traffic
/// (`BacklogBudget`). Opening ends both; the next closing starts them afresh. Otherwise nothing here
/// limits anything.
package struct RecoveryRamp: Sendable {
  package private(set) var settings: RecoverySettings
  private var ramp: ConcurrencyRamp?
  private var budget: BacklogBudget?

  package init(settings: RecoverySettings) {
    let problems = settings.validate()
    invariant(problems.isEmpty, "recovery settings are validated at start: \(problems)")
    self.settings = settings
  }

  /// Counts from the next closing on; a recovery under way ends as it began.
  package mutating func settingsChanged(_ new: RecoverySettings) { settings = new }

  /// Whether it still limits anything: the one question to ask while all is well.
  package var isActive: Bool { ramp != nil || budget != nil }

  /// The messages that may be in flight, while that is limited here.
  package var limit: Int? { ramp?.limit }

  /// The breaker closed with so many messages waiting. `fullLimit` is the most messages in flight
  /// when all is well, `rateBefore` what was offered then.
  package mutating func breakerClosed(
    waiting: Int, fullLimit: Int, rateBefore: OfferedRate, now: Instant
  ) {
    if planted(.recoveryUnlimited) { return }
    ramp = ConcurrencyRamp(settings, fullLimit: max(1, fullLimit), now: now)
    budget = BacklogBudget(settings, waiting: waiting, rateBefore: rateBefore, now: now)
    dismissWhatIsDone()
  }

  /// The breaker opened, by whatever way.
  package mutating func breakerOpened() {
    ramp = nil
    budget = nil
  }

  /// So many messages have become eligible for dispatch for the first time.
  package mutating func messagesOffered(_ count: Int) {
    budget?.messagesArrived(count)
  }

  /// So many were handed to the upstream, for the first time or again.
  package mutating func messagesDispatched(_ count: Int) {
    budget?.messagesDispatched(count)
    dismissWhatIsDone()
  }

  /// Nothing waits any more: what waited has gone, or expired.
  package mutating func queueEmptied() { budget = nil }

  /// A call of so many messages succeeded. Not to be told of calls made before the closing (their
  /// results are stale to the breaker): they say nothing about the load of now.
  package mutating func callSucceeded(messages count: Int, now: Instant) {
    ramp?.messagesSucceeded(count, now: now)
    dismissWhatIsDone()
  }

  /// A call, of after the closing, failed or was throttled.
  package mutating func callFailed(now: Instant) {
    ramp?.callFailed(now: now)
  }

  /// The upstream said "slow down" with so many still in flight: half of what may be goes on, less if
  /// it says so again, and then it grows as after an outage.
  package mutating func callThrottled(fullLimit: Int, inFlight: Int, now: Instant) {
    guard ramp == nil else { return }
    let full = max(1, fullLimit)
    ramp = ConcurrencyRamp(
      settings, fullLimit: full, limit: min(full, max(1, inFlight)) / 2, now: now)
  }

  /// How many more messages may be dispatched now, with so many in flight.
  package func allowance(inFlight: Int, now: Instant) -> Int {
    let room = ramp.map { max(0, $0.limit - inFlight) } ?? .max
    return min(room, budget?.allowance(now: now) ?? .max)
  }

  /// When time alone lets the next message go; `nil` if one may go now, or only a result lets it.
  package func nextAllowanceAt(inFlight: Int, now: Instant) -> Instant? {
    if let ramp, inFlight >= ramp.limit { return nil }
    guard let budget, budget.allowance(now: now) == 0 else { return nil }
    return budget.nextAllowanceAt
  }

  private mutating func dismissWhatIsDone() {
    if ramp?.isFull == true { ramp = nil }
    if budget?.isDrained == true { budget = nil }
  }
}
