import ForebayCore
import Testing

@Suite struct RollingWindowTests {
  private let start = Instant(nanoseconds: 77_777)

  @Test func coversFromOneBucketToTheWholeSpan() {
    var window = RollingCounts(span: .seconds(10), now: start)
    #expect(window.covered(now: start) == .seconds(1))
    #expect(window.covered(now: start + .milliseconds(500)) == .seconds(1))
    window.advance(to: start + .milliseconds(2_500))
    #expect(window.covered(now: start + .milliseconds(2_500)) == .milliseconds(2_500))
    window.advance(to: start + .milliseconds(123_250))
    #expect(window.covered(now: start + .milliseconds(123_250)) == .milliseconds(9_250))
  }

  @Test func forgetsTheOldestBucketAsAWhole() {
    var window = RollingCounts(span: .seconds(10), now: start)
    for second in 0..<10 as Range<UInt64> {
      window.add(CallTally(samples: 1), now: start + .seconds(second))
    }
    #expect(window.sum.samples == 10)
    #expect(window.nextForgetting == start + .seconds(10))
    window.advance(to: start + .seconds(10))
    #expect(window.sum.samples == 9)
    window.advance(to: start + .seconds(1_000_000))
    #expect(window.sum == .zero)
  }

  @Test func restartForgetsEverything() {
    var window = RollingCounts(span: .seconds(10), now: start)
    window.add(CallTally(samples: 3), now: start + .seconds(5))
    window.restart(now: start + .seconds(6))
    #expect(window.sum == .zero)
    #expect(window.nextForgetting == start + .seconds(7))
  }

  @Test func theEndOfTimeIsHarmless() {
    var window = RollingCounts(span: .seconds(10), now: start)
    window.add(CallTally(samples: 1), now: .distantFuture)
    window.add(CallTally(samples: 1), now: .distantFuture)
    #expect(window.sum.samples == 2)
  }

  @Test func anotherSpanKeepsWhatLiesWithinIt() {
    var window = RollingCounts(span: .seconds(10), now: start)
    for second in 0..<30 as Range<UInt64> {
      window.add(CallTally(samples: 1), now: start + .seconds(second))
    }
    let now = start + .milliseconds(29_500)
    var shorter = window
    shorter.spanChanged(.seconds(5), now: now)
    #expect(shorter.span == .seconds(5))
    #expect((4...6).contains(shorter.sum.samples), "\(shorter.sum)")
    shorter.advance(to: now + .seconds(6))
    #expect(shorter.sum == .zero)
    var longer = window
    longer.spanChanged(.seconds(100), now: now)
    #expect(longer.sum.samples == window.sum.samples, "nothing older is known")
    longer.advance(to: now + .seconds(80))
    #expect(longer.sum.samples == window.sum.samples)
    longer.advance(to: now + .seconds(101))
    #expect(longer.sum == .zero)
    var same = window
    same.spanChanged(.seconds(10), now: now)
    #expect(same.sum == window.sum && same.nextForgetting == window.nextForgetting)
  }

  @Test func anotherSpanSoonAfterTheStartIsHarmless() {
    var window = RollingCounts(span: .seconds(10), now: Instant(nanoseconds: 5))
    window.add(CallTally(samples: 2), now: Instant(nanoseconds: 6))
    window.spanChanged(.seconds(3600), now: Instant(nanoseconds: 7))
    #expect(window.sum.samples == 2)
    #expect(window.covered(now: Instant(nanoseconds: 7)) == .seconds(360))
  }

  @Test func aClockThatStepsBackIsHarmless() {
    var window = RollingCounts(span: .seconds(10), now: start)
    window.add(CallTally(samples: 1), now: start + .seconds(5))
    window.add(CallTally(samples: 1), now: start)
    #expect(window.sum.samples == 2)
  }

  /// Against the whole history, counted anew each time.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func agreesWithTheWholeHistory(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let span = TimeSpan.nanoseconds(UInt64.random(in: 10...10_000, using: &random))
    let width = span.nanoseconds / 10
    var window = RollingCounts(span: span, now: start)
    var history: [(bucket: UInt64, tally: CallTally)] = []
    var now = start
    for step in 0..<2_000 {
      let isLeap = random.next() % 50 == 0
      now = now + random.span(below: isLeap ? span * 30 : span / 3)
      let bucket = now.since(start).nanoseconds / width
      let tally = CallTally(
        samples: random.next() % 9, failures: random.next() % 5, slow: random.next() % 3,
        offered: random.next() % 100)
      window.add(tally, now: now)
      history.append((bucket, tally))
      history.removeAll { bucket - $0.bucket >= 10 }
      let sum = history.reduce(into: CallTally.zero) { $0 += $1.tally }
      try #require(window.sum == sum, "seed \(seed), step \(step)")
    }
  }
}
