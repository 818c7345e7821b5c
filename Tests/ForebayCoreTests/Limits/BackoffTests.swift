import ForebayCore
import Testing

@Suite struct BackoffTests {
  @Test func theCeilingDoublesUpToTheMaximum() {
    let backoff = Backoff()
    let ceilings = (1...10 as ClosedRange<UInt32>).map { backoff.ceiling(failures: $0) }
    let milliseconds: [UInt64] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]
    #expect(ceilings == milliseconds.map(TimeSpan.milliseconds))
    #expect(backoff.ceiling(failures: 0) == backoff.base)
    #expect(backoff.ceiling(failures: .max) == backoff.maximum)
  }

  @Test func jitterIsFull() {
    let backoff = Backoff()
    var random = SplitMix64(seed: 5)
    let waits = (0..<1_000).map { _ in backoff.wait(failures: 3, &random) }
    #expect(waits.allSatisfy { $0 <= .milliseconds(400) })
    // All of the range is used, evenly.
    for quarter in 0..<4 as Range<UInt64> {
      let range = TimeSpan.milliseconds(quarter * 100)..<(.milliseconds(quarter * 100 + 100))
      #expect((180...320).contains(waits.count { range.contains($0) }))
    }
  }

  @Test func retryAfterIsKeptAndJitteredUpward() {
    let backoff = Backoff()
    var random = SplitMix64(seed: 6)
    for _ in 0..<1_000 {
      let wait = backoff.wait(failures: 1, retryAfter: .seconds(20), &random)
      #expect(wait >= .seconds(20) && wait <= .milliseconds(20_100))
    }
    #expect(backoff.wait(failures: 1, retryAfter: .seconds(9_999), &random) <= .seconds(301))
  }

  @Test func equalSeedsGiveEqualWaits() {
    var first = SplitMix64(seed: 7)
    var second = SplitMix64(seed: 7)
    for failures in 1...20 as ClosedRange<UInt32> {
      #expect(
        Backoff().wait(failures: failures, &first) == Backoff().wait(failures: failures, &second))
    }
  }

  @Test(
    arguments: [
      .init("base") { $0.base = .zero },
      .init("maximum") { $0.maximum = .milliseconds(99) },
      .init("maximum") { $0.maximum = .seconds(86_401) },
      .init("retryAfterMaximum") { $0.retryAfterMaximum = .seconds(86_401) },
    ] as [SpoiledSetting<Backoff>])
  func impossibleSettingsAreNamed(spoiled: SpoiledSetting<Backoff>) {
    var backoff = Backoff()
    #expect(backoff.validate().isEmpty)
    spoiled.spoil(&backoff)
    #expect(backoff.validate().map(\.setting) == [spoiled.name])
  }
}
