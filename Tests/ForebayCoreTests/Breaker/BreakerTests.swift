import ForebayCore
import Testing

/// Closed and open: rows 1 to 6 of the transition table, and 22.
@Suite struct BreakerTests {
  @Test func row1_closedLetsCallsThrough() throws {
    var script = BreakerScript()
    let token = try script.expectDispatch()
    #expect(!token.isProbe)
    #expect(token.startedAt == script.now)
    #expect(script.breaker.phase == .closed)
    #expect(script.breaker.deadline == nil)
  }

  @Test func row1_tokenIsASmallPlainValue() {
    #expect(MemoryLayout<BreakerToken>.size == 16)
    #expect(_isPOD(BreakerToken.self))
  }

  @Test func row2_aSuccessEndsARowOfFailures() throws {
    var script = BreakerScript()
    for _ in 0..<10 {
      // More than half good, so that the rate opens nothing.
      for _ in 0..<5 { #expect(try script.call(.success) == .none) }
      #expect(script.report.consecutiveFailures == 0)
      for _ in 0..<4 { #expect(try script.call(.failure) == .none) }
      #expect(script.report.consecutiveFailures == 4)
    }
    #expect(script.breaker.phase == .closed)
  }

  @Test func row3_failuresBelowTheThresholdsOpenNothing() throws {
    var script = BreakerScript()
    for _ in 0..<4 { #expect(try script.call(.failure) == .none) }
    #expect(script.breaker.phase == .closed)
    #expect(script.report.consecutiveFailures == 4)
  }

  @Test func row4_opensAtConsecutiveFailures() throws {
    var script = BreakerScript()
    for _ in 0..<4 { #expect(try script.call(.failure) == .none) }
    guard case .opened(let until) = try script.call(.failure) else {
      throw Unexpected("it didn't open", #_sourceLocation)
    }
    #expect(script.breaker.phase == .open)
    #expect(script.breaker.deadline == until)
    // The first wait is jittered upward only.
    #expect(until >= script.now + .seconds(1) && until <= script.now + .milliseconds(1_500))
    #expect(script.report.openReason == .consecutiveFailures)
    #expect(script.counters.openings == 1)
  }

  @Test func row4_opensAtAFailureRateOnceEnoughCallsAreCounted() throws {
    var script = BreakerScript()
    // Alternating: never five in a row. With 19 calls no rate is believed.
    for index in 0..<19 {
      #expect(try script.call(index.isMultiple(of: 2) ? .failure : .success) == .none)
    }
    // The twentieth is good: a good call opens nothing.
    #expect(try script.call(.success) == .none)
    guard case .opened = try script.call(.failure) else {
      throw Unexpected("it didn't open", #_sourceLocation)
    }
    #expect(script.report.openReason == .failureRate)
  }

  @Test func row4_oldCallsLeaveTheRate() throws {
    var script = BreakerScript()
    for index in 0..<19 {
      #expect(try script.call(index.isMultiple(of: 2) ? .failure : .success) == .none)
    }
    script.pass(.seconds(10))
    #expect(try script.call(.failure) == .none)
    #expect(script.report.samples == 1)
    #expect(script.breaker.phase == .closed)
  }

  @Test func row4_withoutARateOnlyTheRowCounts() throws {
    var script = BreakerScript { $0.failureRatePercent = nil }
    for _ in 0..<100 {
      for _ in 0..<4 { #expect(try script.call(.failure) == .none) }
      #expect(try script.call(.success) == .none)
    }
    #expect(script.breaker.phase == .closed)
  }

  @Test func row2and4_opensWhenAllCallsAreSlow() throws {
    var script = BreakerScript { $0.slowThreshold = .milliseconds(100) }
    for _ in 0..<19 { #expect(try script.call(.success, after: .milliseconds(100)) == .none) }
    guard case .opened = try script.call(.success, after: .milliseconds(100)) else {
      throw Unexpected("it didn't open", #_sourceLocation)
    }
    #expect(script.report.openReason == .slowRate)
  }

  @Test func row2_oneFastCallAmongSlowOnesKeepsItClosed() throws {
    var script = BreakerScript { $0.slowThreshold = .milliseconds(100) }
    #expect(try script.call(.success, after: .milliseconds(99)) == .none)
    for _ in 0..<50 { #expect(try script.call(.success, after: .milliseconds(100)) == .none) }
    #expect(script.breaker.phase == .closed)
  }

  @Test func row4_noCallIsSlowUnlessConfigured() throws {
    var script = BreakerScript { $0.window = .seconds(3_600) }
    for _ in 0..<30 { #expect(try script.call(.success, after: .seconds(60)) == .none) }
    #expect(script.report.slow == 0)
  }

  @Test func row5_openLetsNothingThrough() throws {
    var script = BreakerScript()
    let until = try script.trip()
    script.expectWait(until: until)
    script.pass(until: Instant(nanoseconds: until.nanoseconds - 1))
    script.expectWait(until: until)
    #expect(script.breaker.deadlineReached(now: script.now) == .none)
    #expect(script.breaker.phase == .open)
  }

  @Test(arguments: [CallResult.success, .failure, .throttled, .neutral])
  func row6_lateResultsMoveNothingWhileOpen(_ result: CallResult) throws {
    var script = BreakerScript()
    let early = try (0..<10).map { _ in try script.expectDispatch() }
    let until = try script.trip()
    let before = script.report
    for token in early { #expect(script.settle(token, result) == .stale) }
    script.expectWait(until: until)
    var after = script.report
    #expect(after.counters.staleResults == 10)
    after.counters.staleResults = 0
    #expect(after == before)
  }

  @Test func row6_callsUnderWayWhenItOpenedOpenItOnlyOnce() throws {
    var script = BreakerScript()
    let tokens = try (0..<100).map { _ in try script.expectDispatch() }
    var openings = 0
    for token in tokens {
      if case .opened = script.settle(token, .failure) { openings += 1 }
    }
    #expect(openings == 1)
    #expect(script.report.level == 1)
    #expect(script.counters.staleResults == 95)
  }

  @Test(arguments: [CallResult.neutral, .throttled])
  func closedIgnoresWhatSaysNothing(_ result: CallResult) throws {
    var script = BreakerScript()
    for _ in 0..<4 { _ = try script.call(.failure) }
    for _ in 0..<100 { #expect(try script.call(result) == .none) }
    #expect(script.report.consecutiveFailures == 4)
    #expect(script.report.samples == 4)
    guard case .opened = try script.call(.failure) else {
      throw Unexpected("a neutral result ended the row", #_sourceLocation)
    }
  }

  @Test func row22_aResultReportedTwiceIsIgnoredAndCounted() throws {
    var script = BreakerScript()
    let token = try script.expectDispatch()
    #expect(script.settle(token, .failure) == .none)
    for _ in 0..<10 { #expect(script.settle(token, .failure) == .stale) }
    #expect(script.report.consecutiveFailures == 1)
    #expect(script.counters.strayResults == 10)
  }

  @Test func aReturnedPermitLeavesNoTrace() throws {
    var script = BreakerScript()
    let before = script.report
    script.breaker.permitReturned(try script.expectDispatch())
    #expect(script.report == before)
  }

  // MARK: Retry-After

  @Test func retryAfterExtendsTheWait() throws {
    var script = BreakerScript()
    let until = try script.trip(retryAfter: .seconds(30))
    #expect(until == script.now + .seconds(30))
    #expect(script.report.retryAfterRemaining == .seconds(30))
    script.pass(.seconds(10))
    #expect(script.report.retryAfterRemaining == .seconds(20))
  }

  @Test func retryAfterIsCapped() throws {
    var script = BreakerScript()
    let until = try script.trip(retryAfter: .seconds(86_400))
    #expect(until == script.now + .seconds(300))
  }

  @Test func retryAfterNeverShortensTheWait() throws {
    var script = BreakerScript()
    let until = try script.trip(retryAfter: .milliseconds(1))
    #expect(until >= script.now + .seconds(1))
    #expect(script.report.retryAfterRemaining == .milliseconds(1))
  }

  @Test func retryAfterOfAnyFailureInTheRowCounts() throws {
    var script = BreakerScript()
    _ = try script.call(.failure(retryAfter: .seconds(60)))
    script.pass(.seconds(5))
    #expect(try script.trip() == BreakerScript.start + .seconds(60))
  }

  @Test func aSuccessAnswersAnEarlierRetryAfter() throws {
    var script = BreakerScript()
    _ = try script.call(.failure(retryAfter: .seconds(60)))
    _ = try script.call(.success)
    #expect(try script.trip() <= script.now + .milliseconds(1_500))
  }
}
