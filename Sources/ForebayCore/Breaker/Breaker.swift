import ForebayWire

/// Decides whether calls to one upstream may be made. It counts calls, not messages.
///
///             F failures in a row, or a rate
///     closed ────────────────────────────────▶ open ◀────────────┐
///       ▲                                       │ the wait is    │ a probe failed, or
///       │ N successes in a row, and             │ over, or       │ none succeeded in
///       │ the minimum duration                  ▼ "probe now"    │ the maximum duration
///       └─────────────────────────────────── half-open ──────────┘
///
/// The operator can hold it forced open or forced closed, whatever results say.
///
/// Every transition starts a new generation. A result names the generation in which its call was
/// let through; one of an earlier generation is stale and never moves anything. So the calls that
/// were under way when the breaker opened can neither close it nor open it a second time.
package struct Breaker: Sendable {
  enum State: Sendable {
    /// Calls pass and are counted. Entered at start, from half-open when proven, by `automatic`.
    /// Can transition to: open, forcedOpen, forcedClosed.
    case closed
    /// No call passes. Entered from closed at a threshold, from half-open at a failure.
    /// Can transition to: halfOpen, forcedOpen, forcedClosed.
    case open(Opening)
    /// One message at a time passes. Entered from open when the wait is over, by `automatic` from
    /// forcedOpen. Can transition to: closed, open, forcedOpen, forcedClosed.
    case halfOpen(HalfOpen)
    /// No call passes, no timer runs. Can transition to: halfOpen, forcedClosed.
    case forcedOpen
    /// Calls pass, are counted, and trip nothing. Can transition to: closed, forcedOpen.
    case forcedClosed
  }

  struct Opening: Sendable {
    let until: Instant
    let wait: TimeSpan
  }

  package private(set) var settings: BreakerSettings

  // Everything below is for the breaker's own files only.

  /// Changes from case to case in Breaker+Transitions.swift alone.
  var state: State = .closed {
    didSet { stateChanged() }
  }
  // What `state` says, for the questions that every call or turn asks: to ask the state itself means
  // to load all of it, since a case without a payload is told from the others by the bytes of theirs.

  package private(set) var phase: BreakerReport.Phase = .closed
  /// Whether it is closed or forced closed.
  private(set) var isFree = true
  /// When `state` has something to do next, decay apart.
  private(set) var stateDeadline: Instant?
  /// When a permit would be given, if not free: from the first instant to just before the second.
  private var permitFrom: Instant = .distantFuture
  private var permitUntil: Instant = .distantFuture
  var generation: UInt32 = 0
  var since: Instant
  var random: SplitMix64

  // Counted while closed. They live beside the state, not in it: changing a payload of an enum in
  // place copies it, and these change with every call.

  /// Calls let through in this generation and not settled: a result beyond these is a stray.
  var callsInFlight: UInt64 = 0
  var consecutiveFailures: UInt32 = 0
  var counts: RollingCounts
  /// `.max` if no call counts as slow, so that the test is one comparison.
  private(set) var slowThreshold: TimeSpan

  var escalation: Escalation
  /// The end of the longest silence that failures asked for; see `requestedSilenceEnd`.
  var retryAfterEnd = Instant(nanoseconds: 0)
  /// What was offered while calls last flowed freely; floor probes and the recovery are sized by it.
  package internal(set) var rateBefore: OfferedRate = .zero
  var openReason: BreakerReport.OpenReason?
  var counters = BreakerReport.Counters()

  /// A closed breaker. `settings` must be valid; equal seeds give equal waits.
  package init(settings: BreakerSettings, seed: UInt64, now: Instant) {
    let problems = settings.validate()
    invariant(problems.isEmpty, "breaker settings are validated at start: \(problems)")
    self.settings = settings
    since = now
    random = SplitMix64(seed: seed)
    counts = RollingCounts(span: settings.window, now: now)
    slowThreshold = settings.slowThreshold ?? .nanoseconds(.max)
    escalation = Escalation(settings)
  }

  /// New numbers for the breaker as it stands: its state, its level, what it has counted, and every
  /// instant that is set stay. So nothing opens or closes by this alone: a threshold that is passed
  /// already is noticed with the next result or at the next deadline.
  package mutating func settingsChanged(_ new: BreakerSettings, now: Instant) {
    let problems = new.validate()
    invariant(problems.isEmpty, "breaker settings are validated before: \(problems)")
    settings = new
    slowThreshold = new.slowThreshold ?? .nanoseconds(.max)
    escalation.settingsChanged(new)
    counts.spanChanged(new.window, now: now)
    stateChanged()
  }

  // MARK: Letting calls through

  /// So many messages have become eligible for dispatch for the first time. While closed this
  /// measures the rate; while half-open it feeds the quota.
  package mutating func messagesOffered(_ count: Int, now: Instant) {
    if isFree {
      counts.add(CallTally(offered: UInt64(max(0, count))), now: now)
    } else if case .halfOpen(var halfOpen) = state {
      halfOpen.messagesOffered(count, settings)
      state = .halfOpen(halfOpen)
    }
  }

  package enum OnPermitRequest: Equatable, Sendable {
    /// Make one call, of any number of messages.
    case dispatch(BreakerToken)
    /// Make one call of exactly one message.
    case probe(BreakerToken)
    /// Make none. Ask again when something happens, at the latest then; `nil`: time changes nothing.
    case wait(until: Instant?)
  }

  /// Whether `permitRequested` would let a call through now.
  package func mayPermit(now: Instant) -> Bool {
    isFree || now >= permitFrom && now < permitUntil
  }

  private mutating func stateChanged() {
    (permitFrom, permitUntil) = (.distantFuture, .distantFuture)
    stateDeadline = nil
    switch state {
    case .closed: phase = .closed
    case .forcedClosed: phase = .forcedClosed
    case .forcedOpen: phase = .forcedOpen
    case .open(let opening):
      phase = .open
      permitFrom = opening.until
      stateDeadline = opening.until
    case .halfOpen(let halfOpen):
      phase = .halfOpen
      (permitFrom, permitUntil) = halfOpen.probeMayGo(settings)
      stateDeadline = halfOpen.deadline(settings)
    }
    isFree = phase == .closed || phase == .forcedClosed
  }

  /// Asks to make one call. What is let through is reported with `callSettled`, exactly once, or
  /// handed back with `permitReturned`. Turns half-open by itself when the wait is over.
  package mutating func permitRequested(now: Instant) -> OnPermitRequest {
    guard isFree || planted(.openBreakerDispatches) && phase == .open else {
      return probeRequested(now: now)
    }
    callsInFlight &+= 1
    return .dispatch(
      BreakerToken(generation: generation, serial: 0, isProbe: false, startedAt: now))
  }

  /// Nothing was sent after all: as if the permit had never been asked for.
  package mutating func permitReturned(_ token: BreakerToken) {
    guard token.generation == generation else { return }
    if isFree {
      _ = takeCallInFlight()
    } else {
      probeReturned(token)
    }
  }

  /// Whether a result for `token` would still count: no transition since it was given.
  package func awaits(_ token: BreakerToken) -> Bool { token.generation == generation }

  // MARK: Results

  package enum OnCallSettled: Equatable, Sendable {
    case none
    /// It opened: make no call before then.
    case opened(until: Instant)
    /// It closed: start the recovery.
    case closed
    /// The result belongs to an earlier state, or was reported before. It moved nothing.
    case stale
  }

  /// A call let through with `token` has its result. Whatever this returns, the call's messages are
  /// settled by their own verdicts.
  package mutating func callSettled(
    _ token: BreakerToken, _ result: CallResult, now: Instant
  ) -> OnCallSettled {
    guard token.generation == generation || planted(.staleResultCounts) else {
      counters.staleResults += 1
      return .stale
    }
    guard isFree else { return probeSettled(token, result, now: now) }
    guard takeCallInFlight() else { return .stale }
    return freeCallSettled(token, result, now: now)
  }

  /// A result while calls flow freely.
  @inline(__always)
  private mutating func freeCallSettled(
    _ token: BreakerToken, _ result: CallResult, now: Instant
  ) -> OnCallSettled {
    let isSlow = now.since(token.startedAt) >= slowThreshold
    switch result {
    case .success where !isSlow:
      consecutiveFailures = 0
      counts.add(CallTally(samples: 1), now: now)
      return .none
    case .success:
      consecutiveFailures = 0
      counts.add(CallTally(samples: 1, slow: 1), now: now)
      return tripIfDue(now: now)
    case .failure(let retryAfter):
      noteFailure(retryAfter, now: now)
      counts.add(CallTally(samples: 1, failures: 1, slow: isSlow ? 1 : 0), now: now)
      return tripIfDue(now: now)
    case .throttled, .neutral:
      return .none
    }
  }

  mutating func noteFailure(_ retryAfter: TimeSpan?, now: Instant) {
    let asked = retryAfter.map { now + min($0, settings.retryAfterMaximum) }
    retryAfterEnd = max(requestedSilenceEnd, asked ?? requestedSilenceEnd)
    if consecutiveFailures < .max { consecutiveFailures += 1 }
  }

  /// The end of the longest silence that the failures since the last success have asked for: a
  /// success has answered what was asked for before.
  var requestedSilenceEnd: Instant {
    consecutiveFailures == 0 ? Instant(nanoseconds: 0) : retryAfterEnd
  }

  /// Opens at a threshold. Only failures and slow calls lead here: a good call opens nothing, even
  /// if it is the one that makes a rate believable.
  @inline(never)
  private mutating func tripIfDue(now: Instant) -> OnCallSettled {
    guard case .closed = state else { return .none }
    escalation.decay(settings, now: now)
    if consecutiveFailures > 0 { escalation.healthStarted(settings, now: now) }
    if consecutiveFailures >= settings.consecutiveFailures {
      return .opened(until: open(.consecutiveFailures, now: now))
    }
    guard let reason = counts.tripReason(settings) else { return .none }
    return .opened(until: open(reason, now: now))
  }

  /// Takes a call of this generation off those let through; if there is none, it counts a stray.
  @inline(__always)
  private mutating func takeCallInFlight() -> Bool {
    guard callsInFlight > 0 else {
      counters.strayResults += 1
      return false
    }
    callsInFlight -= 1
    return true
  }
}
