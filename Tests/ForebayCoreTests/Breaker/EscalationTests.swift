import ForebayCore
import Testing

/// How long it stays open: doubling, jitter, decay (row 20).
@Suite struct EscalationTests {
  /// The waits of one outage: the first opening, then probes that fail.
  private func waits(
    _ count: Int, seed: UInt64 = 1, _ change: (inout BreakerSettings) -> Void = { _ in }
  ) throws -> [TimeSpan] {
    var script = BreakerScript(seed: seed, change)
    var waits = [try script.trip().since(script.now)]
    while waits.count < count {
      #expect(try script.passDeadline() == .halfOpened)
      guard case .opened(let until) = script.settle(try script.expectProbe(), .failure) else {
        throw Unexpected("it didn't open", #_sourceLocation)
      }
      waits.append(until.since(script.now))
    }
    return waits
  }

  @Test func theWaitDoublesUpToTheMaximum() throws {
    let waits = try waits(9) { $0.jitterPercent = 0 }
    #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60].map(TimeSpan.seconds))
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func jitterStaysWithinItsBounds(seed: UInt64) throws {
    let waits = try waits(10, seed: seed)
    let full: [UInt64] = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    for (wait, full) in zip(waits, full) {
      let least = max(.seconds(1), TimeSpan.milliseconds(full * 500))
      let most = min(.seconds(60), TimeSpan.milliseconds(full * 1_500))
      #expect(wait >= least && wait <= most, "seed \(seed): \(waits)")
    }
    // Jitter never undoes the doubling.
    #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 <= $1 }, "seed \(seed): \(waits)")
  }

  @Test func jitterSpreadsTheFirstWait() throws {
    let waits = try (1...200 as ClosedRange<UInt64>).map { try self.waits(1, seed: $0)[0] }
    #expect(waits.min()! < .milliseconds(1_050))
    #expect(waits.max()! > .milliseconds(1_450))
  }

  @Test func baseEqualToMaximumIsTheClassicFixedTimeout() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let waits = try waits(5, seed: seed) { $0.baseWait = .seconds(60) }
      #expect(waits == Array(repeating: .seconds(60), count: 5), "seed \(seed)")
    }
  }

  @Test func row20_closingForgivesNothingAtOnce() throws {
    var script = BreakerScript { $0.jitterPercent = 0 }
    for level in 1...7 as ClosedRange<UInt32> {
      _ = try script.trip()
      #expect(script.report.level == level)
      try script.becomeHalfOpen()
      try script.becomeClosed()
    }
    // It flapped: the next outage starts where the last one ended.
    #expect(try script.trip() == script.now + .seconds(60))
  }

  @Test func row20_healthyTimeTakesALevelEveryTenSeconds() throws {
    var script = BreakerScript { $0.jitterPercent = 0 }
    for _ in 0..<3 {
      _ = try script.trip()
      try script.becomeHalfOpen()
      try script.becomeClosed()
    }
    #expect(script.report.level == 3)
    #expect(script.breaker.deadline == script.now + .seconds(10))
    for level in [2, 1, 0] as [UInt32] {
      #expect(try script.passDeadline() == .none)
      #expect(script.report.level == level)
    }
    #expect(script.breaker.deadline == nil)
  }

  @Test func row20_aFailureStartsTheHealthyTimeOver() throws {
    var script = BreakerScript()
    _ = try script.trip()
    try script.becomeHalfOpen()
    try script.becomeClosed()
    for _ in 0..<10 {
      script.pass(.milliseconds(9_999))
      _ = try script.call(.failure)
      _ = try script.call(.success)
    }
    #expect(script.report.level == 1)
    script.pass(.seconds(10))
    #expect(script.report.level == 0)
  }

  @Test func row20_aLateTimerCountsAllTheHealthyTime() throws {
    var script = BreakerScript { $0.jitterPercent = 0 }
    for _ in 0..<3 {
      _ = try script.trip()
      try script.becomeHalfOpen()
      try script.becomeClosed()
    }
    script.pass(.seconds(25))
    // No timer ran; the next opening knows all the same.
    #expect(script.report.level == 1)
    #expect(try script.trip() == script.now + .seconds(2))
  }

  @Test func timeOpenIsNoHealthyTime() throws {
    var script = BreakerScript()
    _ = try script.trip()
    script.pass(.seconds(1_000))
    try script.becomeHalfOpen()
    script.pass(.seconds(1_000))
    #expect(script.report.level == 1)
  }
}
