import ForebayCore
import Testing

@Suite struct RateLimiterTests {
  private let start = Instant(nanoseconds: 987_654_321)

  private func perSecond(_ messages: UInt64, burst: UInt64) -> RateLimiter {
    RateLimiter(RateLimit(messages: messages, per: .seconds(1), burst: burst), now: start)
  }

  @Test func startsWithAFullBucket() {
    var limiter = perSecond(1_000, burst: 2_000)
    #expect(limiter.available(now: start) == 2_000)
    #expect(limiter.take(2_000, now: start) == .none)
    #expect(limiter.available(now: start) == 0)
    #expect(limiter.take(1, now: start) == .atLeast(.milliseconds(1)))
  }

  @Test func refillsAtTheRateAndNoHigherThanTheBurst() {
    var limiter = perSecond(1_000, burst: 20)
    #expect(limiter.take(20, now: start) == .none)
    #expect(limiter.available(now: start + .microseconds(999)) == 0)
    #expect(limiter.available(now: start + .milliseconds(1)) == 1)
    #expect(limiter.available(now: start + .milliseconds(15)) == 15)
    #expect(limiter.available(now: start + .seconds(3_600)) == 20)
  }

  @Test func takesAllOrNone() {
    var limiter = perSecond(10, burst: 10)
    #expect(limiter.take(7, now: start) == .none)
    #expect(limiter.take(4, now: start) == .atLeast(.milliseconds(100)))
    #expect(limiter.available(now: start) == 3)
    #expect(limiter.take(3, now: start) == .none)
  }

  @Test func moreThanTheBurstIsRefusedForEver() {
    var limiter = perSecond(10, burst: 10)
    #expect(limiter.take(11, now: start) == .forever)
    #expect(limiter.wait(for: .max, now: start) == .forever)
    #expect(limiter.available(now: start) == 10)
    #expect(limiter.take(0, now: start) == .none)
  }

  @Test func askingTakesNothing() {
    let limiter = perSecond(10, burst: 1)
    for _ in 0..<10 { #expect(limiter.wait(for: 1, now: start) == .none) }
    #expect(limiter.available(now: start) == 1)
  }

  @Test func waitingAsLongAsToldIsEnoughAndNoLongerThanNeeded() throws {
    var random = SplitMix64(seed: 3)
    for _ in 0..<2_000 {
      let limit = RateLimit(
        messages: .random(in: 1...1_000, using: &random),
        per: .milliseconds(.random(in: 1...10_000, using: &random)),
        burst: .random(in: 1...50, using: &random))
      var limiter = RateLimiter(limit, now: start)
      #expect(limiter.take(Int(limit.burst), now: start) == .none)
      let count = Int.random(in: 1...Int(limit.burst), using: &random)
      guard case .atLeast(let wait) = limiter.wait(for: count, now: start) else {
        throw Unexpected("\(limit) gave \(count) from an empty bucket", #_sourceLocation)
      }
      #expect(limiter.available(now: start + .nanoseconds(wait.nanoseconds - 1)) < count)
      #expect(limiter.take(count, now: start + wait) == .none)
    }
  }

  @Test func whatIsRefundedCanBeTakenAgain() {
    var limiter = perSecond(10, burst: 10)
    #expect(limiter.take(10, now: start) == .none)
    limiter.refund(4)
    #expect(limiter.available(now: start) == 4)
    limiter.refund(.max)
    #expect(limiter.available(now: start) == 10)
    limiter.refund(1)
    #expect(limiter.available(now: start) == 10)
  }

  @Test func aLongIdleTimeOverflowsNothing() {
    var limiter = RateLimiter(
      RateLimit(messages: 1_000_000_000_000, per: .seconds(86_400), burst: 50_000), now: start)
    #expect(limiter.take(50_000, now: start) == .none)
    #expect(limiter.available(now: .distantFuture) == 50_000)
    #expect(limiter.take(50_000, now: .distantFuture) == .none)
    #expect(limiter.available(now: .distantFuture) == 0)
  }

  @Test func aClockThatStepsBackGivesNoTokens() {
    var limiter = perSecond(10, burst: 10)
    let later = start + .seconds(10)
    #expect(limiter.take(10, now: later) == .none)
    #expect(limiter.take(1, now: start) == .atLeast(.milliseconds(100)))
    // The time between counts once, when it passes for the second time.
    #expect(limiter.available(now: later) == 0)
    #expect(limiter.available(now: later + .milliseconds(100)) == 1)
  }

  /// A third of a second a token is no whole number of nanoseconds. A million tokens taken as early
  /// as can be take exactly a million thirds.
  @Test(arguments: [3, 7, 999_983] as [UInt64])
  func noFractionIsLostInAMillionSteps(messages: UInt64) {
    // A burst of two: with one, what a wait is rounded up by comes on top of a full bucket.
    var limiter = perSecond(messages, burst: 2)
    var now = start
    for _ in 0..<1_000_000 {
      if case .atLeast(let wait) = limiter.wait(for: 1, now: now) { now = now + wait }
      guard case .none = limiter.take(1, now: now) else {
        Issue.record("refused after the wait it asked for")
        return
      }
    }
    // The first two came from the full bucket.
    let exact = (UInt64(999_998) * 1_000_000_000 + messages - 1) / messages
    #expect(now.since(start).nanoseconds == exact)
  }

  @Test func beingAskedOftenSlowsNothingDown() {
    // Steps far shorter than a token's time: a limiter that rounds on each would never refill.
    var limiter = RateLimiter(RateLimit(messages: 3, per: .seconds(1), burst: 3), now: start)
    var taken = 0
    for step in 0..<1_000_000 as Range<UInt64> {
      if limiter.take(1, now: start + .microseconds(step * 10)) == .none { taken += 1 }
    }
    // Ten seconds less one step: 3 at once and 29.99997 since.
    #expect(taken == 3 + 29)
  }

  @Test func aChangedLimitKeepsWhatWasTaken() {
    var limiter = perSecond(10, burst: 100)
    #expect(limiter.take(60, now: start) == .none)
    limiter.limitChanged(RateLimit(messages: 7, per: .milliseconds(300), burst: 80), now: start)
    #expect(limiter.available(now: start) == 20)
    limiter.limitChanged(RateLimit(messages: 10, per: .seconds(1), burst: 50), now: start)
    #expect(limiter.available(now: start) == 0)
    #expect(limiter.available(now: start + .seconds(5)) == 50)
  }

  @Test(arguments: [
    ("messages", RateLimit(messages: 0, per: .seconds(1), burst: 1)),
    ("messages", RateLimit(messages: 1_000_000_000_001, per: .seconds(1), burst: 1)),
    ("period", RateLimit(messages: 1, per: .microseconds(999), burst: 1)),
    ("period", RateLimit(messages: 1, per: .seconds(86_401), burst: 1)),
    ("burst", RateLimit(messages: 1, per: .seconds(1), burst: 0)),
    ("burst", RateLimit(messages: 1, per: .seconds(1), burst: 1 << 33)),
  ])
  func impossibleLimitsAreNamed(setting: String, limit: RateLimit) {
    #expect(limit.validate().map(\.setting) == [setting])
  }

  @Test func usualLimitsAreValid() {
    #expect(RateLimit(messages: 1_000, per: .seconds(1), burst: 2_000).validate().isEmpty)
    #expect(
      RateLimit(messages: 1_000_000_000, per: .seconds(1), burst: 1_000_000_000).validate().isEmpty)
    #expect(RateLimit(messages: 1, per: .seconds(86_400), burst: 1).validate().isEmpty)
  }

  /// Against a bucket in exact fractions, and against the promise itself over every pair of instants
  /// of the run: never more than the burst and the rate times the time between.
  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func agreesWithAnExactBucket(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let limit = RateLimit(
      messages: .random(in: 1...100_000, using: &random),
      per: .milliseconds(.random(in: 1...100_000, using: &random)),
      burst: .random(in: 1...1_000, using: &random))
    var limiter = RateLimiter(limit, now: start)
    var exact = ExactBucket(limit, now: start)
    var now = start
    var taken: [(at: Instant, count: UInt64)] = []
    let token = TimeSpan.nanoseconds(limit.period.nanoseconds / limit.messages + 1)
    for step in 0..<600 {
      let isPause = random.next() % 64 == 0
      now = now + random.span(below: isPause ? token * (2 * limit.burst) : token * 3)
      let count = UInt64.random(in: 0...min(limit.burst + 1, 9), using: &random)
      let isTaken = limiter.take(Int(count), now: now) == .none
      try #require(isTaken == exact.take(count, now: now), "seed \(seed), step \(step)")
      if isTaken { taken.append((now, count)) }
    }
    for first in taken.indices {
      var sum: UInt64 = 0
      for last in first..<taken.count {
        sum += taken[last].count
        let time = taken[last].at.since(taken[first].at).nanoseconds
        let isKept =
          sum <= limit.burst
          || Int128(sum - limit.burst) * Int128(limit.period.nanoseconds)
            <= Int128(time) * Int128(limit.messages)
        if !isKept {
          Issue.record("seed \(seed): \(sum) in \(time) ns of \(limit)")
          return
        }
      }
    }
  }
}

/// A token bucket as the textbook has it, its level an exact fraction: tokens times the period.
private struct ExactBucket {
  let limit: RateLimit
  var level: Int128
  var filledAt: Instant

  init(_ limit: RateLimit, now: Instant) {
    self.limit = limit
    level = Int128(limit.burst) * Int128(limit.period.nanoseconds)
    filledAt = now
  }

  mutating func take(_ count: UInt64, now: Instant) -> Bool {
    let full = Int128(limit.burst) * Int128(limit.period.nanoseconds)
    level = min(full, level + Int128(now.since(filledAt).nanoseconds) * Int128(limit.messages))
    filledAt = now
    let price = Int128(count) * Int128(limit.period.nanoseconds)
    guard level >= price else { return false }
    level -= price
    return true
  }
}
