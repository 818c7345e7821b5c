import ForebayCore
import Testing

/// New numbers for a breaker in each of its states: the state stays, the next event is judged by them.
@Suite struct BreakerReloadTests {
  private func changed(_ change: (inout BreakerSettings) -> Void) -> BreakerSettings {
    var settings = BreakerSettings()
    change(&settings)
    return settings
  }

  @Test func aThresholdThatIsPassedAlreadyOpensWithTheNextFailure() throws {
    var script = BreakerScript()
    for _ in 0..<4 { #expect(try script.call(.failure) == .none) }
    script.breaker.settingsChanged(changed { $0.consecutiveFailures = 2 }, now: script.now)
    #expect(script.breaker.phase == .closed)
    #expect(try script.call(.success) == .none)
    #expect(try script.call(.failure) == .none)
    guard case .opened = try script.call(.failure) else {
      throw Unexpected("it didn't open", #_sourceLocation)
    }
  }

  @Test func whatWasCountedStillCountsInAnotherWindow() throws {
    var script = BreakerScript()
    for index in 0..<18 {
      #expect(try script.call(index.isMultiple(of: 2) ? .failure : .success) == .none)
    }
    script.breaker.settingsChanged(changed { $0.window = .seconds(30) }, now: script.now)
    #expect(script.report.samples == 18)
    #expect(script.report.failures == 9)
    #expect(try script.call(.success) == .none)
    guard case .opened = try script.call(.failure) else {
      throw Unexpected("it didn't open", #_sourceLocation)
    }
    #expect(script.report.openReason == .failureRate)
  }

  @Test func aWaitThatHasBegunEndsAsItBegan() throws {
    var script = BreakerScript()
    for _ in 0..<5 { _ = try script.call(.failure) }
    let until = script.breaker.deadline
    script.breaker.settingsChanged(
      changed {
        $0.baseWait = .milliseconds(10)
        $0.maximumWait = .milliseconds(20)
      }, now: script.now)
    #expect(script.breaker.phase == .open)
    #expect(script.breaker.deadline == until)
  }

  @Test func halfOpenWithEnoughSuccessesForTheNewNumberClosesAtItsDeadline() throws {
    var script = BreakerScript()
    for _ in 0..<5 { _ = try script.call(.failure) }
    script.pass(until: script.breaker.deadline!)
    _ = script.breaker.deadlineReached(now: script.now)
    #expect(script.breaker.phase == .halfOpen)
    for _ in 0..<2 {
      script.offer(100)
      let token = try script.expectProbe()
      #expect(script.settle(token, .success) == .none)
    }
    script.breaker.settingsChanged(changed { $0.successesToClose = 2 }, now: script.now)
    #expect(script.breaker.phase == .halfOpen)
    // The minimum duration is the one that it began with.
    script.pass(until: script.breaker.deadline!)
    #expect(script.breaker.deadlineReached(now: script.now) == .closed)
  }
}
