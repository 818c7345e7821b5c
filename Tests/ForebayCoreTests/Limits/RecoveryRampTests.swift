import ForebayCore
import Testing

@Suite struct RecoveryRampTests {
  private static let start = Instant(nanoseconds: 42_000_000_000)
  private let thousandPerSecond = OfferedRate(messages: 1_000, span: .seconds(1))

  /// Closed with so many waiting; by default nothing waits, so that only the ramp limits.
  private func ramp(
    waiting: Int = 0, fullLimit: Int = 1_000, _ change: (inout RecoverySettings) -> Void = { _ in }
  ) -> RecoveryRamp {
    var settings = RecoverySettings()
    change(&settings)
    var ramp = RecoveryRamp(settings: settings)
    ramp.breakerClosed(
      waiting: waiting, fullLimit: fullLimit, rateBefore: thousandPerSecond, now: Self.start)
    return ramp
  }

  // MARK: The concurrency limit

  @Test func limitsNothingUntilABreakerCloses() {
    let ramp = RecoveryRamp(settings: RecoverySettings())
    #expect(!ramp.isActive)
    #expect(ramp.allowance(inFlight: 1_000_000, now: Self.start) == .max)
    #expect(ramp.nextAllowanceAt(inFlight: 0, now: Self.start) == nil)
  }

  @Test func startsLow() {
    let ramp = ramp()
    #expect(ramp.limit == 8)
    #expect(ramp.allowance(inFlight: 0, now: Self.start) == 8)
    #expect(ramp.allowance(inFlight: 7, now: Self.start) == 1)
    // Calls of before the opening may be in flight still.
    #expect(ramp.allowance(inFlight: 100, now: Self.start) == 0)
    #expect(ramp.nextAllowanceAt(inFlight: 100, now: Self.start) == nil)
  }

  @Test func doublesWithEveryIntervalOfSuccessesAndGetsOutOfTheWay() {
    var ramp = ramp()
    var now = Self.start
    var limits: [Int?] = [ramp.limit]
    while ramp.isActive {
      now = now + .milliseconds(500)
      ramp.callSucceeded(messages: 1_000, now: now)
      limits.append(ramp.limit)
    }
    #expect(limits == [8, 16, 32, 64, 128, 256, 512, nil])
    #expect(ramp.allowance(inFlight: 1_000_000, now: now) == .max)
  }

  @Test func neverDoublesFasterThanTheInterval() {
    var ramp = ramp()
    for millisecond in 0..<500 as Range<UInt64> {
      ramp.callSucceeded(messages: 1_000, now: Self.start + .milliseconds(millisecond))
    }
    #expect(ramp.limit == 8)
    ramp.callSucceeded(messages: 1, now: Self.start + .milliseconds(500))
    #expect(ramp.limit == 16)
    ramp.callSucceeded(messages: 1_000, now: Self.start + .milliseconds(999))
    #expect(ramp.limit == 16)
  }

  @Test func aLimitThatIsNotUsedGrowsSlowly() {
    var ramp = ramp()
    ramp.callSucceeded(messages: 7, now: Self.start + .seconds(1))
    #expect(ramp.limit == 8)
    ramp.callSucceeded(messages: 1, now: Self.start + .seconds(2))
    #expect(ramp.limit == 16)
    // A message a second never fills it: ten clean intervals will do.
    for second in 3..<7 as Range<UInt64> {
      ramp.callSucceeded(messages: 1, now: Self.start + .seconds(second))
      #expect(ramp.limit == 16)
    }
    ramp.callSucceeded(messages: 1, now: Self.start + .seconds(7))
    #expect(ramp.limit == 32)
  }

  @Test func timeAloneProvesNothing() {
    let ramp = ramp()
    #expect(ramp.allowance(inFlight: 0, now: Self.start + .seconds(100_000)) == 8)
  }

  @Test func aFailureHalvesItOnceAnInterval() {
    var ramp = ramp()
    var now = Self.start
    for _ in 0..<4 {
      now = now + .milliseconds(500)
      ramp.callSucceeded(messages: 1_000, now: now)
    }
    #expect(ramp.limit == 128)
    // Just doubled: it only starts over.
    ramp.callFailed(now: now + .milliseconds(1))
    #expect(ramp.limit == 128)
    now = now + .milliseconds(500)
    for _ in 0..<100 { ramp.callFailed(now: now) }
    #expect(ramp.limit == 64)
    ramp.callSucceeded(messages: 1_000, now: now + .milliseconds(499))
    #expect(ramp.limit == 64)
    ramp.callSucceeded(messages: 1_000, now: now + .milliseconds(500))
    #expect(ramp.limit == 128)
  }

  @Test func failuresNeverTakeItBelowTheStart() {
    var ramp = ramp()
    for second in 1..<100 as Range<UInt64> { ramp.callFailed(now: Self.start + .seconds(second)) }
    #expect(ramp.limit == 8)
  }

  @Test func aSmallFullLimitNeedsNoRamp() {
    #expect(ramp(fullLimit: 8).limit == nil)
    #expect(ramp(fullLimit: 1).limit == nil)
    #expect(!ramp(fullLimit: 0).isActive)
    var ramp = ramp(fullLimit: 12)
    ramp.callSucceeded(messages: 8, now: Self.start + .seconds(1))
    #expect(ramp.limit == nil)
  }

  @Test func openingResetsAndTheNextClosingStartsAfresh() {
    var ramp = ramp(waiting: 5_000)
    ramp.callSucceeded(messages: 100, now: Self.start + .seconds(1))
    #expect(ramp.limit == 16)
    ramp.breakerOpened()
    #expect(!ramp.isActive)
    ramp.callSucceeded(messages: 100, now: Self.start + .seconds(2))
    ramp.callFailed(now: Self.start + .seconds(2))
    #expect(!ramp.isActive)
    ramp.breakerClosed(
      waiting: 5_000, fullLimit: 1_000, rateBefore: thousandPerSecond,
      now: Self.start + .seconds(3))
    #expect(ramp.limit == 8)
  }

  // MARK: The backlog

  /// A ramp that limits nothing but the rate.
  private func drain(
    waiting: Int, _ change: (inout RecoverySettings) -> Void = { _ in }
  ) -> RecoveryRamp {
    ramp(waiting: waiting, fullLimit: 1, change)
  }

  @Test func theBacklogGoesAtTheLiveRate() {
    var ramp = drain(waiting: 10_000)
    // No arrivals: the rate before, 1000 a second, and 8 to begin with.
    #expect(ramp.allowance(inFlight: 0, now: Self.start) == 8)
    ramp.messagesDispatched(8)
    #expect(ramp.allowance(inFlight: 0, now: Self.start) == 0)
    let next = ramp.nextAllowanceAt(inFlight: 0, now: Self.start)
    #expect(next == Self.start + .milliseconds(1))
    // One may go then: no timer is needed for it.
    #expect(ramp.nextAllowanceAt(inFlight: 0, now: Self.start + .milliseconds(1)) == nil)
    #expect(ramp.allowance(inFlight: 0, now: Self.start + .milliseconds(1)) == 1)
    #expect(ramp.allowance(inFlight: 0, now: Self.start + .seconds(2)) == 2_000)
  }

  @Test(arguments: [10, 50, 100, 250] as [UInt64])
  func theShareOfTheLiveRateIsKept(percent: UInt64) {
    var ramp = drain(waiting: 1_000_000) { $0.backlogPercent = percent }
    var dispatched = 0
    // Live traffic of 3000 a second, more than before; everything allowed is sent.
    for millisecond in 1...1_000 as ClosedRange<UInt64> {
      ramp.messagesOffered(3)
      let count = ramp.allowance(inFlight: 0, now: Self.start + .milliseconds(millisecond))
      ramp.messagesDispatched(count)
      dispatched += count
    }
    #expect(dispatched == 8 + 3_000 + 3_000 * Int(percent) / 100)
  }

  @Test func liveTrafficIsNeverHeldUp() {
    var ramp = drain(waiting: 1_000_000)
    var random = SplitMix64(seed: 1)
    for millisecond in 0..<1_000 as Range<UInt64> {
      let now = Self.start + .milliseconds(millisecond)
      ramp.messagesDispatched(ramp.allowance(inFlight: 0, now: now))
      let count = Int(random.next() % 100)
      ramp.messagesOffered(count)
      #expect(ramp.allowance(inFlight: 0, now: now) >= count)
    }
  }

  @Test func aQuietRouteDrainsToo() {
    var settings = RecoverySettings()
    settings.liveRateMinimum = 100
    var ramp = RecoveryRamp(settings: settings)
    ramp.breakerClosed(waiting: 1_008, fullLimit: 1, rateBefore: .zero, now: Self.start)
    var now = Self.start
    var seconds = 0
    while ramp.isActive {
      ramp.messagesDispatched(ramp.allowance(inFlight: 0, now: now))
      now = now + .seconds(1)
      seconds += 1
    }
    #expect(seconds == 11)
  }

  @Test func endsWhenAsManyHaveGoneAsWaitedAndCame() {
    var ramp = drain(waiting: 100)
    ramp.messagesOffered(50)
    ramp.messagesDispatched(149)
    #expect(ramp.isActive)
    ramp.messagesDispatched(1)
    #expect(!ramp.isActive)
  }

  @Test func endsWhenNothingWaits() {
    var ramp = drain(waiting: 100)
    ramp.queueEmptied()
    #expect(!ramp.isActive)
    #expect(ramp.allowance(inFlight: 0, now: Self.start) == .max)
  }

  @Test func extremesOverflowNothing() {
    var settings = RecoverySettings()
    settings.backlogPercent = 10_000
    var ramp = RecoveryRamp(settings: settings)
    ramp.breakerClosed(
      waiting: .max / 4, fullLimit: 1,
      rateBefore: OfferedRate(messages: .max, span: .nanoseconds(1)), now: Self.start)
    ramp.messagesOffered(.max / 4)
    #expect(ramp.allowance(inFlight: 0, now: .distantFuture) > 0)
  }

  /// Random traffic and results: the promise over the whole run, and what waits always goes.
  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func keepsToItsShareAndDrains(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var settings = RecoverySettings()
    settings.backlogPercent = .random(in: 20...300, using: &random)
    settings.startLimit = .random(in: 1...20, using: &random)
    settings.liveRateMinimum = .random(in: 1...500, using: &random)
    let before = OfferedRate(messages: random.next() % 5_000, span: .seconds(3))
    var ramp = RecoveryRamp(settings: settings)
    var waiting = UInt64.random(in: 0...3_000, using: &random)
    ramp.breakerClosed(
      waiting: Int(waiting), fullLimit: 500, rateBefore: before, now: Self.start)
    var now = Self.start
    var arrived: UInt64 = 0
    var dispatched: UInt64 = 0
    var inFlight = 0
    var steps = 0
    while ramp.isActive, steps < 100_000 {
      steps += 1
      now = now + random.span(below: .milliseconds(20))
      let count = random.next() % 4
      arrived += count
      waiting += count
      ramp.messagesOffered(Int(count))
      let allowance = ramp.allowance(inFlight: inFlight, now: now)
      if let limit = ramp.limit { #expect(allowance <= max(0, limit - inFlight)) }
      let sent = min(UInt64(allowance), waiting)
      waiting -= sent
      dispatched += sent
      inFlight += Int(sent)
      ramp.messagesDispatched(Int(sent))
      let done = Int.random(in: 0...inFlight, using: &random)
      inFlight -= done
      if done > 0 { ramp.callSucceeded(messages: done, now: now) }
      if waiting == 0 { ramp.queueEmptied() }
      let live = max(
        Double(arrived),
        max(Double(before.messages) / 3, Double(settings.liveRateMinimum))
          * Double(now.since(Self.start).nanoseconds) / 1e9)
      let bound =
        Double(settings.startLimit) + Double(arrived) + live * Double(settings.backlogPercent) / 100
      if waiting > 0, ramp.isActive, Double(dispatched) > bound + 0.001 {
        Issue.record("seed \(seed), step \(steps): \(dispatched) sent, \(bound) allowed")
        return
      }
    }
    #expect(!ramp.isActive, "seed \(seed)")
  }

  @Test(
    arguments: [
      .init("startLimit") { $0.startLimit = 0 },
      .init("interval") { $0.interval = .zero },
      .init("backlogPercent") { $0.backlogPercent = 0 },
      .init("liveRateMinimum") { $0.liveRateMinimum = 0 },
    ] as [SpoiledSetting<RecoverySettings>])
  func impossibleSettingsAreNamed(spoiled: SpoiledSetting<RecoverySettings>) {
    var settings = RecoverySettings()
    #expect(settings.validate().isEmpty)
    spoiled.spoil(&settings)
    #expect(settings.validate().map(\.setting) == [spoiled.name])
  }
}
