import ForebayCore
import Testing

@Suite struct RetryBudgetTests {
  private let start = Instant(nanoseconds: 5_000_000_000)

  private func budget(_ change: (inout RetryBudgetSettings) -> Void = { _ in }) -> RetryBudget {
    var settings = RetryBudgetSettings()
    change(&settings)
    return RetryBudget(settings: settings, now: start)
  }

  @Test func aMinimumIsFree() {
    var budget = budget()
    #expect(budget.available(now: start) == 100)
    #expect(budget.retryRequested(100, now: start) == .retry)
    #expect(budget.retryRequested(1, now: start) == .wait(until: start + .seconds(1)))
    #expect(budget.available(now: start + .milliseconds(9_999)) == 0)
    #expect(budget.available(now: start + .seconds(10)) == 100)
  }

  @Test func firstAttemptsPayForAFifth() {
    var budget = budget { $0.minimumPerSecond = 0 }
    #expect(budget.available(now: start) == 0)
    budget.firstAttempted(4, now: start)
    #expect(budget.available(now: start) == 0)
    budget.firstAttempted(1, now: start)
    #expect(budget.retryRequested(1, now: start) == .retry)
    budget.firstAttempted(1_000, now: start)
    #expect(budget.available(now: start) == 200)
  }

  @Test func attemptsAreForgottenAfterTheirTime() {
    var budget = budget { $0.minimumPerSecond = 0 }
    budget.firstAttempted(1_000, now: start)
    #expect(budget.available(now: start + .milliseconds(9_999)) == 200)
    #expect(budget.available(now: start + .seconds(10)) == 0)
  }

  @Test func allOrNone() {
    var budget = budget()
    #expect(budget.retryRequested(101, now: start) != .retry)
    #expect(budget.available(now: start) == 100)
  }

  @Test func aFailingUpstreamSeesAtMostAFifthMore() {
    // Every message fails and would be retried at once, for a minute at 1000 a second.
    var budget = budget { $0.minimumPerSecond = 0 }
    var first = 0
    var again = 0
    for millisecond in 0..<60_000 as Range<UInt64> {
      let now = start + .milliseconds(millisecond)
      budget.firstAttempted(1, now: now)
      first += 1
      while budget.retryRequested(1, now: now) == .retry { again += 1 }
    }
    #expect(again * 100 <= first * 20 + 20)
    #expect(again * 100 >= first * 18)
  }

  /// Against the whole history, looked through anew for every answer.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func agreesWithTheWholeHistory(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var settings = RetryBudgetSettings()
    settings.percent = .random(in: 1...100, using: &random)
    settings.minimumPerSecond = .random(in: 0...5, using: &random)
    settings.timeToLive = .milliseconds(.random(in: 1_000...20_000, using: &random))
    var budget = RetryBudget(settings: settings, now: start)
    var history: [(bucket: UInt64, first: UInt64, again: UInt64)] = []
    let width = settings.timeToLive.nanoseconds / 10
    let free = settings.minimumPerSecond * settings.timeToLive.nanoseconds / 1_000_000_000
    var now = start
    for step in 0..<2_000 {
      now = now + random.span(below: settings.timeToLive / (random.next() % 30 == 0 ? 1 : 40))
      let bucket = now.since(start).nanoseconds / width
      history.removeAll { bucket - $0.bucket >= 10 }
      let first = history.reduce(0) { $0 + $1.first }
      let again = history.reduce(0) { $0 + $1.again }
      let allowed = first * settings.percent / 100 + free
      try #require(
        budget.available(now: now) == Int(allowed > again ? allowed - again : 0),
        "seed \(seed), step \(step)")
      let count = random.next() % 8
      if random.next() % 2 == 0 {
        budget.firstAttempted(Int(count), now: now)
        history.append((bucket, count, 0))
      } else {
        let answer = budget.retryRequested(Int(count), now: now)
        try #require((answer == .retry) == (again + count <= max(allowed, again)), "seed \(seed)")
        if answer == .retry { history.append((bucket, 0, count)) }
      }
    }
  }

  @Test(
    arguments: [
      .init("percent") { $0.percent = 1_001 },
      .init("minimumPerSecond") { $0.minimumPerSecond = 1_000_001 },
      .init("timeToLive") { $0.timeToLive = .milliseconds(9) },
      .init("timeToLive") { $0.timeToLive = .seconds(3_601) },
      .init("minimumPerSecond") {
        $0.percent = 0
        $0.minimumPerSecond = 0
      },
    ] as [SpoiledSetting<RetryBudgetSettings>])
  func impossibleSettingsAreNamed(spoiled: SpoiledSetting<RetryBudgetSettings>) {
    var settings = RetryBudgetSettings()
    #expect(settings.validate().isEmpty)
    spoiled.spoil(&settings)
    #expect(settings.validate().map(\.setting) == [spoiled.name])
  }
}
