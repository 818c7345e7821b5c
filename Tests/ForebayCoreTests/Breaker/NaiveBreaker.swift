import ForebayCore

/// The transition table once more, as simply as it can be said: it keeps everything that happened
/// and looks through all of it for every answer. No counters, no accumulators, no stored deadlines.
///
/// It draws no waits: it is told how long the breaker chose to stay open, and says whether it might.
struct NaiveBreaker {
  struct Call {
    let startedAt: Instant
    let period: Int
    let isProbe: Bool
  }

  enum Entry {
    case result(at: Instant, isFailure: Bool, isSlow: Bool)
    case offered(at: Instant, count: UInt64)
    case probe(Probe)
    case quotaReturned
    case demanded(at: Instant)
  }

  enum ProbeFate { case inFlight, succeeded, neutral, returned }
  struct Probe {
    let placedAt: Instant
    let isFloor: Bool
    var fate: ProbeFate
  }

  enum Outcome: Equatable { case none, opened, closed, halfOpened, probeDue, stale }
  enum End { case unanswered, proven, exhausted }
  enum Permit: Equatable { case dispatch, quotaProbe, floorProbe, wait }

  let settings: BreakerSettings
  var phase: BreakerReport.Phase = .closed
  var since: Instant
  /// Counts the states entered; a call of an earlier one is stale.
  var period = 0
  /// What happened since the present state was entered.
  var log: [Entry] = []
  var isFloorAnnounced = true

  var level = 0
  var openUntil: Instant?
  var wait: TimeSpan = .zero
  /// Set when it opens: the wait must lie between these.
  var leastWait: TimeSpan = .zero
  var mostWait: TimeSpan = .zero
  var silenceUntil: Instant?
  /// Retry-After of each failure since the last success, or `nil` where there was none.
  var row: [Instant?] = []
  var rateBefore = OfferedRate.zero

  init(_ settings: BreakerSettings, now: Instant) {
    self.settings = settings
    since = now
  }

  // MARK: Closed

  /// The bucket of the window in which `at` lies; ten of them count.
  private func bucket(_ at: Instant) -> UInt64 {
    at.since(since).nanoseconds / (settings.window.nanoseconds / 10)
  }

  private func isInWindow(_ at: Instant, now: Instant) -> Bool { bucket(now) - bucket(at) < 10 }

  func window(now: Instant) -> (samples: Int, failures: Int, slow: Int, offered: UInt64) {
    var sum = (samples: 0, failures: 0, slow: 0, offered: UInt64(0))
    for entry in log {
      switch entry {
      case .result(let at, let isFailure, let isSlow) where isInWindow(at, now: now):
        sum.samples += 1
        if isFailure { sum.failures += 1 }
        if isSlow { sum.slow += 1 }
      case .offered(let at, let count) where isInWindow(at, now: now):
        sum.offered += count
      case .result, .offered, .probe, .quotaReturned, .demanded: break
      }
    }
    return sum
  }

  /// The level after the healthy time in this closed period: every whole interval between two
  /// failures takes one off.
  func decayedLevel(now: Instant) -> Int {
    var marks = [since]
    for entry in log {
      if case .result(let at, true, _) = entry { marks.append(at) }
    }
    marks.append(now)
    var level = self.level
    for (from, to) in zip(marks, marks.dropFirst()) {
      level -= min(level, Int(to.since(from).nanoseconds / settings.healthyInterval.nanoseconds))
    }
    return level
  }

  mutating func freeResult(_ call: Call, _ result: CallResult, now: Instant) -> Outcome {
    let isSlow = isSlow(call, now: now)
    switch result {
    case .throttled, .neutral: return .none
    case .success:
      row = []
      log.append(.result(at: now, isFailure: false, isSlow: isSlow))
      if !isSlow { return .none }
    case .failure(let retryAfter):
      row.append(retryAfter.map { now + min($0, settings.retryAfterMaximum) })
      log.append(.result(at: now, isFailure: true, isSlow: isSlow))
    }
    guard phase == .closed else { return .none }
    let sum = window(now: now)
    let isEnough = sum.samples >= settings.minimumSamples
    let isFailing =
      settings.failureRatePercent.map { sum.failures * 100 >= Int($0) * sum.samples } ?? false
    let isDragging = sum.slow * 100 >= Int(settings.slowRatePercent) * sum.samples
    let isRow = row.count >= settings.consecutiveFailures
    guard isRow || isEnough && (isFailing || isDragging) else { return .none }
    level = decayedLevel(now: now)
    open(previousWait: .zero, now: now)
    return .opened
  }

  private func isSlow(_ call: Call, now: Instant) -> Bool {
    settings.slowThreshold.map { now.since(call.startedAt) >= $0 } ?? false
  }

  // MARK: Half-open

  var probes: [Probe] {
    log.compactMap { if case .probe(let probe) = $0 { probe } else { nil } }
  }
  var probeInFlight: Probe? { probes.last { $0.fate == .inFlight } }
  var sentProbes: [Probe] { probes.filter { $0.fate != .returned } }
  var successes: Int { probes.count { $0.fate == .succeeded } }

  /// Whole probes that the quota allows: offers add hundredths, quota probes cost a whole one, and
  /// of two whole ones saved only one is kept.
  func quota() -> UInt64 {
    var hundredths: UInt64 = 0
    func keep(_ saved: UInt64) -> UInt64 { saved < 200 ? saved : 100 + saved % 100 }
    for entry in log {
      switch entry {
      case .offered(_, let count):
        hundredths = keep(hundredths + count * UInt64(settings.quotaPercent))
      case .quotaReturned: hundredths = keep(hundredths + 100)
      case .probe(let probe) where !probe.isFloor: hundredths -= 100
      case .demanded, .probe, .result: break
      }
    }
    return hundredths / 100
  }

  var floorInterval: TimeSpan {
    let most = settings.maximumHalfOpen / (2 * UInt64(settings.successesToClose))
    guard rateBefore.messages > 0 else { return most }
    let hundredth = rateBefore.span * 100
    let interval = hundredth / (rateBefore.messages * UInt64(settings.quotaPercent))
    return max(.milliseconds(500), min(interval, most))
  }

  func isFloorDue(now: Instant) -> Bool {
    guard let last = sentProbes.last else { return true }
    var isDemanded = false
    for entry in log {
      switch entry {
      case .probe(let probe) where probe.fate != .returned: isDemanded = false
      case .demanded(let at): isDemanded = isDemanded || now >= at
      case .probe, .offered, .quotaReturned, .result: break
      }
    }
    return isDemanded || now >= last.placedAt + floorInterval
  }

  /// The end that is due, the earliest first; at one instant an unanswered probe before closing.
  func endDue(now: Instant) -> End? {
    var ends: [(at: Instant, rank: Int, end: End)] = []
    if let probe = probeInFlight {
      ends.append((probe.placedAt + settings.probeDeadline, 0, .unanswered))
    }
    if successes >= settings.successesToClose {
      ends.append((since + settings.minimumHalfOpen, 1, .proven))
    }
    if successes == 0, let first = sentProbes.first {
      ends.append((first.placedAt + settings.maximumHalfOpen, 2, .exhausted))
    }
    return ends.filter { now >= $0.at }.min { ($0.at, $0.rank) < ($1.at, $1.rank) }?.end
  }

  mutating func probeResult(_ call: Call, _ result: CallResult, now: Instant) -> Outcome {
    if let end = endDue(now: now) { return leaveHalfOpen(end, now: now) }
    guard call.isProbe, probeInFlight != nil else { return .stale }
    switch result {
    case .success where !isSlow(call, now: now):
      row = []
      settleProbe(.succeeded)
      if endDue(now: now) == .proven { return leaveHalfOpen(.proven, now: now) }
      return .none
    case .neutral:
      settleProbe(.neutral)
      return .none
    case .success:
      row = []
    case .failure(let retryAfter), .throttled(let retryAfter):
      row.append(retryAfter.map { now + min($0, settings.retryAfterMaximum) })
    }
    open(previousWait: wait, now: now)
    return .opened
  }

  mutating func settleProbe(_ fate: ProbeFate) {
    let index = log.lastIndex { if case .probe = $0 { true } else { false } }!
    guard case .probe(var probe) = log[index] else { return }
    probe.fate = fate
    log[index] = .probe(probe)
    if fate != .succeeded, !probe.isFloor { log.append(.quotaReturned) }
  }

  mutating func leaveHalfOpen(_ end: End, now: Instant) -> Outcome {
    switch end {
    case .proven:
      enterFree(.closed, now: now)
      return .closed
    case .unanswered:
      row.append(nil)
    case .exhausted:
      break
    }
    open(previousWait: wait, now: now)
    return .opened
  }

  // MARK: Transitions

  mutating func open(previousWait: TimeSpan, now: Instant) {
    var levels: [TimeSpan] = [settings.baseWait]
    while levels.last! < settings.maximumWait {
      levels.append(min(settings.maximumWait, levels.last! * 2))
    }
    level = min(level + 1, levels.count)
    let full = levels[level - 1].nanoseconds
    let jitter = full / 100 * UInt64(settings.jitterPercent)
    leastWait = max(.nanoseconds(full - jitter), settings.baseWait, previousWait)
    mostWait = max(leastWait, min(.nanoseconds(full + jitter), settings.maximumWait))
    silenceUntil = row.compactMap { $0 }.max()
    enter(.open, now: now)
  }

  mutating func enterFree(_ next: BreakerReport.Phase, now: Instant) {
    enter(next, now: now)
    row = []
  }

  mutating func enter(_ next: BreakerReport.Phase, now: Instant) {
    if phase == .closed || phase == .forcedClosed {
      let width = settings.window.nanoseconds / 10
      let age = now.since(since).nanoseconds
      let covered = max(width, min(age, 9 * width + age % width))
      let rate = OfferedRate(messages: window(now: now).offered, span: .nanoseconds(covered))
      rateBefore = now.since(since) < settings.window ? max(rateBefore, rate) : rate
    }
    phase = next
    since = now
    period += 1
    log = []
    isFloorAnnounced = true
  }

  // MARK: Events

  mutating func offered(_ count: Int, now: Instant) {
    if phase != .open && phase != .forcedOpen {
      log.append(.offered(at: now, count: UInt64(count)))
    }
  }

  mutating func permitRequested(now: Instant) -> Permit {
    if phase == .open, now >= openUntil! { enter(.halfOpen, now: now) }
    switch phase {
    case .closed, .forcedClosed: return .dispatch
    case .open, .forcedOpen: return .wait
    case .halfOpen:
      guard endDue(now: now) == nil, probeInFlight == nil else { return .wait }
      let isFloor = quota() == 0
      guard !isFloor || isFloorDue(now: now) else { return .wait }
      log.append(.probe(Probe(placedAt: now, isFloor: isFloor, fate: .inFlight)))
      isFloorAnnounced = false
      return isFloor ? .floorProbe : .quotaProbe
    }
  }

  mutating func permitReturned(_ call: Call) {
    guard call.period == period, phase == .halfOpen, probeInFlight != nil else { return }
    settleProbe(.returned)
    isFloorAnnounced = true
  }

  mutating func callSettled(_ call: Call, _ result: CallResult, now: Instant) -> Outcome {
    guard call.period == period else { return .stale }
    return phase == .halfOpen
      ? probeResult(call, result, now: now) : freeResult(call, result, now: now)
  }

  mutating func deadlineReached(now: Instant) -> Outcome {
    switch phase {
    case .closed, .forcedOpen, .forcedClosed: return .none
    case .open:
      guard now >= openUntil! else { return .none }
      enter(.halfOpen, now: now)
      return .halfOpened
    case .halfOpen:
      if let end = endDue(now: now) { return leaveHalfOpen(end, now: now) }
      guard probeInFlight == nil, !isFloorAnnounced, isFloorDue(now: now) else { return .none }
      isFloorAnnounced = true
      return .probeDue
    }
  }

  mutating func commanded(_ command: Breaker.OperatorCommand, now: Instant) -> Outcome {
    switch (command, phase) {
    case (.forceOpen, .forcedOpen), (.forceClosed, .forcedClosed): return .none
    case (.automatic, .closed), (.automatic, .open), (.automatic, .halfOpen): return .none
    case (.probeNow, .closed), (.probeNow, .forcedOpen), (.probeNow, .forcedClosed): return .none
    case (.forceOpen, _):
      enter(.forcedOpen, now: now)
      return .opened
    case (.forceClosed, let before):
      enterFree(.forcedClosed, now: now)
      return before == .closed ? .none : .closed
    case (.automatic, .forcedOpen):
      level = 0
      wait = .zero
      enter(.halfOpen, now: now)
      return .halfOpened
    case (.automatic, .forcedClosed):
      level = 0
      enterFree(.closed, now: now)
      return .none
    case (.probeNow, .open):
      enter(.halfOpen, now: now)
      return .halfOpened
    case (.probeNow, .halfOpen):
      guard probeInFlight == nil else { return .none }
      log.append(.demanded(at: now))
      isFloorAnnounced = true
      return .probeDue
    }
  }
}
