import ForebayCore

/// The daemon's breaker under events from a file: the shell's part, and nothing that decides.
struct BreakerReplay {
  private let settings: BreakerSettings
  private let seed: UInt64
  private var time = ReplayTime()
  /// From the first event on: it begins closed, when the first thing happens.
  private var breaker: Breaker?
  /// Calls under way by id; nil for one that wasn't let through.
  private var calls: [String: BreakerToken?] = [:]
  /// Those without an id, oldest first. Ones that weren't let through have no result to wait for.
  private var nameless: [BreakerToken] = []

  init(settings: BreakerSettings, seed: UInt64) {
    self.settings = settings
    self.seed = seed
  }

  /// What is printed after an event.
  mutating func line(_ object: ReplayObject) throws(ReplayProblem) -> String {
    var object = object
    let at = try object.count("at_ms", "milliseconds")
    let event = try BreakerEvent(object)
    try check(event)
    let now = try time.advance(toMilliseconds: at)
    var breaker = self.breaker ?? Breaker(settings: settings, seed: seed, now: now)
    Self.timersMoved(&breaker, now: now)
    let isAdmitted = apply(event, &breaker, now: now)
    Self.timersMoved(&breaker, now: now)
    self.breaker = breaker
    return Self.printed(breaker, isAdmitted: isAdmitted, now: now)
  }

  /// A file that contradicts itself is refused before anything moves.
  private func check(_ event: BreakerEvent) throws(ReplayProblem) {
    guard let id = event.id else { return }
    switch event.kind {
    case .dispatch where calls[id] != nil:
      throw ReplayProblem("call \(id) was dispatched before, and has no result yet")
    case .result where calls[id] == nil:
      throw ReplayProblem("there is no dispatch with id \(id), or it has had its result")
    case .dispatch, .result, .tick, .command: break
    }
  }

  /// Every deadline at its own instant, as the daemon's timer has it.
  private static func timersMoved(_ breaker: inout Breaker, now: Instant) {
    while let deadline = breaker.deadline, deadline <= now {
      _ = breaker.deadlineReached(now: deadline)
    }
  }

  /// Whether the call that the event is about was let through; nil if it is about none.
  private mutating func apply(
    _ event: BreakerEvent, _ breaker: inout Breaker, now: Instant
  ) -> Bool? {
    if event.offered > 0 { breaker.messagesOffered(Int(event.offered), now: now) }
    switch event.kind {
    case .tick: return nil
    case .command(let command):
      _ = breaker.operatorCommanded(command, now: now)
      return nil
    case .dispatch:
      let token = Self.permit(&breaker, now: now)
      if let id = event.id {
        calls.updateValue(token, forKey: id)
      } else if let token {
        nameless.append(token)
      }
      return token != nil
    case .result(let result, let isSlow):
      guard let token = takeCall(event, &breaker, now: now) else { return false }
      var length = event.duration ?? now.since(token.startedAt)
      if isSlow { length = max(length, settings.slowThreshold ?? .zero) }
      // No call in a file is longer than a day, which lies before time zero.
      let began = Instant(nanoseconds: now.nanoseconds - min(now.nanoseconds, length.nanoseconds))
      _ = breaker.callSettled(token.started(at: began), result, now: now)
      return true
    }
  }

  /// The call that a result is about; nil if it wasn't let through.
  private mutating func takeCall(
    _ event: BreakerEvent, _ breaker: inout Breaker, now: Instant
  ) -> BreakerToken? {
    if let id = event.id { return calls.removeValue(forKey: id) ?? nil }
    if !nameless.isEmpty { return nameless.removeFirst() }
    // A call of its own: its message became ready, and was sent, at this instant.
    breaker.messagesOffered(1, now: now)
    return Self.permit(&breaker, now: now)
  }

  private static func permit(_ breaker: inout Breaker, now: Instant) -> BreakerToken? {
    switch breaker.permitRequested(now: now) {
    case .dispatch(let token), .probe(let token): token
    case .wait: nil
    }
  }

  private static func printed(_ breaker: Breaker, isAdmitted: Bool?, now: Instant) -> String {
    let report = breaker.report(now: now)
    let wait = wait(breaker, now: now).map(String.init) ?? "null"
    return
      "{\"at_ms\":\(now.since(ReplayTime.zero).nanoseconds / 1_000_000),\"state\":\"\(name(report.phase))\","
      + "\"admitted\":\(isAdmitted.map { $0 ? "true" : "false" } ?? "null"),"
      + "\"retry_after_ms\":\(wait),\"failures\":\(report.consecutiveFailures),"
      + "\"successes\":\(report.successes)}"
  }

  /// Milliseconds until it is worth asking again: none if a call would be let through now, nil if time
  /// alone changes nothing.
  private static func wait(_ breaker: Breaker, now: Instant) -> UInt64? {
    var asked = breaker
    switch asked.permitRequested(now: now) {
    case .dispatch, .probe: return 0
    case .wait(let until): return until.map { $0.since(now).millisecondsRoundedUp }
    }
  }

  private static func name(_ phase: BreakerReport.Phase) -> String {
    switch phase {
    case .closed: "closed"
    case .open: "open"
    case .halfOpen: "half_open"
    case .forcedOpen: "forced_open"
    case .forcedClosed: "forced_closed"
    }
  }
}
