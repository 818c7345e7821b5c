import Testing

@testable import ForebayCore

@Suite struct UpstreamConnectionTests {
  private let start = Instant(nanoseconds: 1_000_000_000)

  @Test func eachAddressHasItsShareOfTheTime() {
    var attempts = ConnectAttempts(addresses: 3, deadline: start + .seconds(9))
    #expect(attempts.nextStep(now: start) == .tryAddress(0, until: start + .seconds(3)))
    // The first one failed at once.
    let later = start + .seconds(1)
    #expect(attempts.nextStep(now: later) == .tryAddress(1, until: start + .seconds(5)))
    let last = start + .seconds(5)
    #expect(attempts.nextStep(now: last) == .tryAddress(2, until: start + .seconds(9)))
    #expect(attempts.nextStep(now: last) == .giveUp)
  }

  @Test func noAddressGetsTooLittle() {
    var attempts = ConnectAttempts(addresses: 100, deadline: start + .seconds(10))
    #expect(attempts.nextStep(now: start) == .tryAddress(0, until: start + .seconds(1)))
    #expect(attempts.nextStep(now: start + .seconds(10)) == .giveUp)
    var none = ConnectAttempts(addresses: 0, deadline: start + .seconds(10))
    #expect(none.nextStep(now: start) == .giveUp)
  }

  @Test func waitsBetweenConnectsGrowWithFullJitter() {
    var longest: [TimeSpan] = []
    for failures in 1...12 {
      var most = TimeSpan.zero
      var least = TimeSpan.seconds(100)
      for seed in 0..<200 {
        var connection = UpstreamConnection(seed: UInt64(seed))
        for _ in 0..<failures { connection.closed(retryAfter: nil, now: start) }
        most = max(most, connection.retryAt.since(start))
        least = min(least, connection.retryAt.since(start))
      }
      #expect(least < most / 4, "anything from nothing to the ceiling")
      longest.append(most)
    }
    #expect(longest[0] <= .milliseconds(50))
    #expect(longest.allSatisfy { $0 <= .seconds(5) })
    #expect(longest[11] > .seconds(4))
  }

  @Test func whatWasAskedForIsWaited() {
    var connection = UpstreamConnection(seed: 1)
    connection.closed(retryAfter: .seconds(3), now: start)
    #expect(connection.retryAt >= start + .seconds(3))
    #expect(connection.retryAt <= start + .milliseconds(3050))
  }

  @Test func severalCallsThatAreThrottledTogetherAreOneSign() {
    var throttle = Throttle()
    var random = SplitMix64(seed: 1)
    for _ in 0..<10 {
      _ = throttle.throttled(Backoff(), retryAfter: .seconds(1), now: start, &random)
    }
    #expect(throttle.count == 1)
    let end = throttle.until(start) ?? start
    #expect(end >= start + .seconds(1) && end <= start + .milliseconds(1100))
    #expect(!throttle.isOn(end))
    throttle.accepted()
    #expect(throttle.count == 0)
  }
}
