import Testing

@testable import ForebayCore

@Suite struct ArrivalPaceTests {
  private let start = Instant(nanoseconds: 5_000_000_000)
  private let rate = ArrivalPace.Rate(burst: 10, perSecond: 100)
  private let user = PrincipalKey(listener: 1, user: 1000)
  private let other = PrincipalKey(listener: 1, user: 1001)

  /// Its next connection would have to wait.
  private func exhausted() -> ArrivalPace {
    var pace = ArrivalPace()
    for _ in 0..<11 {
      #expect(pace.arrived(user, rate, now: start) == .admit)
      pace.ended(user, rate, now: start)
    }
    return pace
  }

  @Test func whoConnectsAndStaysNeverWaits() {
    var pace = ArrivalPace()
    for _ in 0..<10_000 { #expect(pace.arrived(user, rate, now: start) == .admit) }
    #expect(pace.count == 0)
  }

  @Test func afterABurstTheNextWaitOneAfterTheOther() {
    var pace = exhausted()
    #expect(pace.arrived(user, rate, now: start) == .wait(until: start + .milliseconds(10)))
    #expect(pace.arrived(user, rate, now: start) == .wait(until: start + .milliseconds(20)))
    #expect(
      pace.arrived(user, rate, now: start + .milliseconds(5))
        == .wait(until: start + .milliseconds(30)))
    #expect(pace.arrived(other, rate, now: start) == .admit)
  }

  @Test func whoWouldWaitForLongIsRefusedAndThatCostsNothing() {
    var pace = exhausted()
    var waiting = 0
    while case .wait = pace.arrived(user, rate, now: start) { waiting += 1 }
    #expect(waiting == 24)
    for _ in 0..<100 { #expect(pace.arrived(user, rate, now: start) == .refuse) }
    // One turn later there is one place more.
    let later = start + .milliseconds(10)
    #expect(pace.arrived(user, rate, now: later) == .wait(until: start + .milliseconds(250)))
    #expect(pace.arrived(user, rate, now: later) == .refuse)
  }

  /// A thousand end at once: their user is kept no longer for it than if fewer had.
  @Test func manyEndingsAreForgottenSoon() {
    var pace = ArrivalPace()
    for _ in 0..<1000 { pace.ended(user, rate, now: start) }
    #expect(pace.arrived(user, rate, now: start) == .refuse)
    let later = start + ArrivalPace.waitMax
    #expect(pace.arrived(user, rate, now: later) == .admit)
  }

  @Test func theRateIsKeptOverTime() {
    var pace = exhausted()
    var served = 0
    var now = start
    while now < start + .seconds(10) {
      if pace.arrived(user, rate, now: now) != .refuse { served += 1 }
      now = now + .milliseconds(1)
    }
    #expect((1000...1030).contains(served))
  }

  /// Users come and go; those that are due nothing aren't remembered.
  @Test func remembersFew() {
    var pace = ArrivalPace()
    var now = start
    for number in 0..<20_000 as Range<UInt32> {
      pace.ended(PrincipalKey(listener: 1, user: number), rate, now: now)
      now = now + .milliseconds(1)
    }
    #expect(pace.count < 50, "\(pace.count)")
  }
}
