import ForebayCore
import Testing

/// The breaker against `NaiveBreaker`, over random events, and the promises of the design checked
/// beside both, from nothing but what went in and came out.
@Suite struct BreakerModelTests {
  static let seeds: [UInt64] = Array(1...24)
  static let stepCount = 4_000

  @Test(arguments: seeds) func agreesWithTheNaiveBreaker(seed: UInt64) throws {
    var run = BreakerRun(seed: seed)
    for step in 0..<Self.stepCount {
      do { try run.step() } catch {
        throw Unexpected("seed \(seed), step \(step): \(error)\n\(run.story)", #_sourceLocation)
      }
    }
  }

  /// A property test that never reaches the interesting states proves nothing.
  @Test func theRunsReachEverything() throws {
    var seen = BreakerRun.Seen()
    for seed in Self.seeds.prefix(12) {
      var run = BreakerRun(seed: seed)
      for _ in 0..<Self.stepCount { try run.step() }
      seen.add(run.seen)
    }
    #expect(seen.opened > 50 && seen.reopened > 50 && seen.closed > 50, "\(seen)")
    #expect(seen.stale > 50 && seen.quotaProbes > 50 && seen.floorProbes > 50, "\(seen)")
    #expect(seen.neutral > 50 && seen.returned > 50 && seen.forced > 50, "\(seen)")
    #expect(seen.reasons.count == 7, "\(seen)")
  }

  @Test func equalSeedsGiveEqualRuns() throws {
    var first = BreakerRun(seed: 7)
    var second = BreakerRun(seed: 7)
    for _ in 0..<1_000 {
      try first.step()
      try second.step()
      #expect(first.breaker.report(now: first.now) == second.breaker.report(now: second.now))
    }
  }
}

/// One random history, given to the breaker and to the naive one.
struct BreakerRun {
  struct Seen {
    var opened = 0
    var reopened = 0
    var closed = 0
    var stale = 0
    var quotaProbes = 0
    var floorProbes = 0
    var neutral = 0
    var returned = 0
    var forced = 0
    var reasons: [BreakerReport.OpenReason] = []

    mutating func add(_ other: Seen) {
      opened += other.opened
      reopened += other.reopened
      closed += other.closed
      stale += other.stale
      quotaProbes += other.quotaProbes
      floorProbes += other.floorProbes
      neutral += other.neutral
      returned += other.returned
      forced += other.forced
      for reason in other.reasons where !reasons.contains(reason) { reasons.append(reason) }
    }
  }

  var random: SplitMix64
  var now = BreakerScript.start
  var breaker: Breaker
  var naive: NaiveBreaker
  var calls: [(token: BreakerToken, call: NaiveBreaker.Call)] = []
  var seen = Seen()
  /// The last few events, for the person who has to find out.
  var recent: [String] = []
  /// How often, in percent, the upstream fails at present; it changes now and then.
  var failing: UInt64 = 0
  /// Results and offers of the present half-open period, for the promises.
  var streak = 0
  var offered: UInt64 = 0
  var quotaSpent: UInt64 = 0

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    let settings = Self.settings(&random)
    breaker = Breaker(settings: settings, seed: random.next(), now: now)
    naive = NaiveBreaker(settings, now: now)
  }

  static func settings(_ random: inout SplitMix64) -> BreakerSettings {
    var settings = BreakerSettings()
    settings.consecutiveFailures = .random(in: 1...6, using: &random)
    settings.failureRatePercent = [nil, 20, 50, 100].randomElement(using: &random)!
    settings.slowRatePercent = [10, 50, 100].randomElement(using: &random)!
    settings.slowThreshold = [nil, .milliseconds(50), .seconds(1)].randomElement(using: &random)!
    settings.window = [.milliseconds(500), .seconds(10)].randomElement(using: &random)!
    settings.minimumSamples = .random(in: 1...25, using: &random)
    settings.baseWait = [.milliseconds(100), .seconds(1), .seconds(60)].randomElement(
      using: &random)!
    settings.jitterPercent = [0, 50, 100].randomElement(using: &random)!
    settings.healthyInterval = [.milliseconds(300), .seconds(10)].randomElement(using: &random)!
    settings.successesToClose = .random(in: 1...5, using: &random)
    settings.quotaPercent = .random(in: 1...5, using: &random)
    settings.minimumHalfOpen = [.zero, .seconds(1), .seconds(5)].randomElement(using: &random)!
    settings.maximumHalfOpen = .seconds(UInt64.random(in: 5...60, using: &random))
    settings.probeDeadline = [.seconds(1), .seconds(5)].randomElement(using: &random)!
    return settings
  }

  var story: String { (recent + ["\(breaker.settings)"]).joined(separator: "\n") }

  // MARK: One event

  mutating func step() throws {
    passTime()
    let isForced = breaker.phase == .forcedOpen || breaker.phase == .forcedClosed
    switch isForced && random.next() % 10 == 0 ? 98 : random.next() % 100 {
    case 0..<30: try permit()
    case 30..<60: try settle()
    case 60..<75: offer()
    case 75..<95: try deadline()
    case 95..<97: try giveBack()
    case 97: failing = [0, 0, 0, 0, 0, 5, 20, 50, 100].randomElement(using: &random)!
    case 98: try command()
    default: try settleAStaleOne()
    }
    try compare()
  }

  private mutating func passTime() {
    // Mostly short while a probe is in flight, or few would be answered in time.
    let isShort = naive.phase == .halfOpen && naive.probeInFlight != nil && random.next() % 8 > 0
    switch random.next() % (isShort ? 12 : 16) {
    case 0..<6: break
    case 6..<12: now = now + random.span(below: .milliseconds(60))
    case 12..<14: now = now + random.span(below: .seconds(2))
    case 14: if let deadline = breaker.deadline { now = max(now, deadline) }
    default: if random.next() % 8 == 0 { now = now + random.span(below: .seconds(100)) }
    }
  }

  private mutating func permit() throws {
    let may = breaker.mayPermit(now: now)
    let wasHalfOpen = breaker.phase == .halfOpen
    let expected = naive.permitRequested(now: now)
    let answer = breaker.permitRequested(now: now)
    note("permit: \(answer)")
    if breaker.phase == .halfOpen, !wasHalfOpen { startHalfOpen() }
    switch (answer, expected) {
    case (.dispatch(let token), .dispatch):
      guard breaker.phase == .closed || breaker.phase == .forcedClosed else {
        throw Broken("a call went through while \(breaker.phase)")
      }
      remember(token)
    case (.probe(let token), .quotaProbe):
      quotaSpent += 1
      seen.quotaProbes += 1
      remember(token)
    case (.probe(let token), .floorProbe):
      seen.floorProbes += 1
      remember(token)
    case (.wait, .wait): break
    case (.dispatch, _), (.probe, _), (.wait, _):
      throw Broken("permit: \(answer), naive \(expected)")
    }
    guard may == (expected != .wait) else { throw Broken("mayPermit said \(may)") }
    guard quotaSpent * 100 <= offered * UInt64(breaker.settings.quotaPercent) else {
      throw Broken("\(quotaSpent) quota probes of \(offered) offered")
    }
  }

  private mutating func remember(_ token: BreakerToken) {
    calls.append(
      (
        token,
        NaiveBreaker.Call(startedAt: now, period: naive.period, isProbe: token.isProbe)
      ))
  }

  private mutating func settle() throws {
    // Mostly the newest, or old calls would keep probes from ever getting their results.
    let newest = random.next() % 4 == 0 ? nil : calls.indices.last
    guard let index = newest ?? calls.indices.randomElement(using: &random) else { return }
    let (token, call) = calls.remove(at: index)
    try settle(token, call, result())
  }

  private mutating func settle(
    _ token: BreakerToken, _ call: NaiveBreaker.Call, _ result: CallResult
  ) throws {
    let wasHalfOpen = breaker.phase == .halfOpen
    let isOfNow = call.period == naive.period
    let before = breaker.report(now: now)
    if wasHalfOpen, isOfNow, naive.endDue(now: now) == nil {
      if result == .success { streak += 1 }
      if case .neutral = result, naive.probeInFlight?.isFloor == false { quotaSpent -= 1 }
    }
    let expected = naive.callSettled(call, result, now: now)
    let answer = breaker.callSettled(token, result, now: now)
    note("settle \(token.generation) \(result): \(answer)")
    if !isOfNow {
      var after = breaker.report(now: now)
      after.counters.staleResults -= 1
      guard answer == .stale, after == before else { throw Broken("a stale result moved it") }
      seen.stale += 1
    }
    if case .neutral = result { seen.neutral += 1 }
    switch (answer, expected) {
    case (.none, .none), (.stale, .stale): break
    case (.opened(let until), .opened): try opened(until, from: before)
    case (.closed, .closed): try closed()
    case (.none, _), (.opened, _), (.closed, _), (.stale, _):
      throw Broken("settle: \(answer), naive \(expected)")
    }
  }

  /// Settled before, in a state that has passed: nothing may come of it however often it comes.
  private mutating func settleAStaleOne() throws {
    guard let (token, call) = calls.first(where: { $0.call.period != naive.period }) else { return }
    try settle(token, call, result())
  }

  private mutating func result() -> CallResult {
    let retryAfter: [TimeSpan?] = [nil, nil, nil, .milliseconds(10), .seconds(20), .seconds(900)]
    if random.next() % 100 < failing {
      return .failure(retryAfter: retryAfter.randomElement(using: &random)!)
    }
    switch random.next() % 40 {
    case 0: return .throttled(retryAfter: retryAfter.randomElement(using: &random)!)
    case 1..<4: return .neutral
    default: return .success
    }
  }

  private mutating func offer() {
    let count = [0, 1, 1, 3, 20, 500].randomElement(using: &random)!
    note("offer \(count)")
    naive.offered(count, now: now)
    breaker.messagesOffered(count, now: now)
    if breaker.phase == .halfOpen { offered += UInt64(count) }
  }

  private mutating func giveBack() throws {
    guard let index = calls.indices.randomElement(using: &random) else { return }
    let (token, call) = calls.remove(at: index)
    note("return \(token.generation)")
    if call.period == naive.period, naive.probeInFlight?.isFloor == false { quotaSpent -= 1 }
    naive.permitReturned(call)
    breaker.permitReturned(token)
    seen.returned += 1
  }

  private mutating func deadline() throws {
    let before = breaker.report(now: now)
    let expected = naive.deadlineReached(now: now)
    let answer = breaker.deadlineReached(now: now)
    note("deadline: \(answer)")
    switch (answer, expected) {
    case (.none, .none), (.probeDue, .probeDue): break
    case (.halfOpened, .halfOpened): startHalfOpen()
    case (.opened(let until), .opened): try opened(until, from: before)
    case (.closed, .closed): try closed()
    case (.none, _), (.probeDue, _), (.halfOpened, _), (.opened, _), (.closed, _):
      throw Broken("deadline: \(answer), naive \(expected)")
    }
    guard breaker.deadline.map({ $0 > now }) ?? true else {
      throw Broken("the deadline that was handled is due again: the timer would spin")
    }
  }

  private mutating func command() throws {
    let commands: [Breaker.OperatorCommand] = [
      .forceOpen, .forceClosed, .automatic, .automatic, .automatic, .probeNow, .probeNow,
    ]
    let command = commands.randomElement(using: &random)!
    let wasHalfOpen = breaker.phase == .halfOpen
    let expected = naive.commanded(command, now: now)
    let answer = breaker.operatorCommanded(command, now: now)
    note("\(command): \(answer)")
    switch (answer, expected) {
    case (.none, .none), (.opened, .opened), (.closed, .closed), (.probeDue, .probeDue): break
    case (.halfOpened, .halfOpened): break
    case (.none, _), (.opened, _), (.closed, _), (.halfOpened, _), (.probeDue, _):
      throw Broken("\(command): \(answer), naive \(expected)")
    }
    if breaker.phase == .halfOpen, !wasHalfOpen { startHalfOpen() }
    if command == .forceOpen { seen.reasons.append(.operatorCommand) }
    if answer != .none { seen.forced += 1 }
  }

  // MARK: Promises

  private mutating func startHalfOpen() {
    streak = 0
    offered = 0
    quotaSpent = 0
  }

  private mutating func opened(_ until: Instant, from before: BreakerReport) throws {
    let silence = naive.silenceUntil ?? now
    let range = max(now + naive.leastWait, silence)...max(now + naive.mostWait, silence)
    guard range.contains(until) else {
      throw Broken("open until \(until), not in \(range)")
    }
    // Where silence outlasts the wait, the wait isn't seen; then the least it can be is assumed.
    naive.wait = until > silence ? until.since(now) : naive.leastWait
    naive.openUntil = until
    if before.phase == .halfOpen { seen.reopened += 1 } else { seen.opened += 1 }
    if let reason = breaker.report(now: now).openReason, !seen.reasons.contains(reason) {
      seen.reasons.append(reason)
    }
  }

  private mutating func closed() throws {
    guard streak >= breaker.settings.successesToClose else {
      throw Broken("closed after \(streak) successes")
    }
    seen.closed += 1
  }

  private func compare() throws {
    let report = breaker.report(now: now)
    guard report.phase == naive.phase, report.since == naive.since else {
      throw Broken("\(report.phase) since \(report.since), naive \(naive.phase) \(naive.since)")
    }
    guard report.consecutiveFailures == naive.row.count else {
      throw Broken("\(report.consecutiveFailures) in a row, naive \(naive.row.count)")
    }
    guard breaker.rateBefore == naive.rateBefore else {
      throw Broken("rate \(breaker.rateBefore), naive \(naive.rateBefore)")
    }
    switch naive.phase {
    case .closed:
      guard report.level == naive.decayedLevel(now: now) else {
        throw Broken("level \(report.level), naive \(naive.decayedLevel(now: now))")
      }
      let sum = naive.window(now: now)
      guard report.samples == sum.samples, report.failures == sum.failures,
        report.slow == sum.slow
      else { throw Broken("\(report), naive \(sum)") }
    case .halfOpen:
      guard report.successes == naive.successes else {
        throw Broken("\(report.successes) successes, naive \(naive.successes)")
      }
      // Whatever ends it has a timer that is due by then.
      if naive.endDue(now: now) != nil, breaker.deadline.map({ $0 > now }) ?? true {
        throw Broken("an end is due and no timer for it")
      }
    case .open, .forcedOpen, .forcedClosed: break
    }
    guard report.counters.strayResults == 0 else { throw Broken("a stray") }
  }

  private mutating func note(_ what: String) {
    if recent.count >= 40 { recent.removeFirst() }
    recent.append("\(now.since(BreakerScript.start).nanoseconds) \(breaker.phase) \(what)")
  }
}

struct Broken: Error, CustomStringConvertible {
  let description: String
  init(_ what: String) { description = what }
}
