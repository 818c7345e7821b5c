import ForebayCore
import Testing

/// The operator's commands: rows 17 to 19 and 21 of the transition table.
@Suite struct BreakerOperatorTests {
  private func script(_ phase: BreakerReport.Phase) throws -> BreakerScript {
    var script = BreakerScript { $0.jitterPercent = 0 }
    switch phase {
    case .closed: break
    case .open: _ = try script.trip()
    case .halfOpen: try script.becomeHalfOpen()
    case .forcedOpen: _ = script.command(.forceOpen)
    case .forcedClosed: _ = script.command(.forceClosed)
    }
    #expect(script.breaker.phase == phase)
    return script
  }

  @Test(arguments: [.closed, .open, .halfOpen, .forcedClosed] as [BreakerReport.Phase])
  func row17_forceOpenFromAnyState(_ phase: BreakerReport.Phase) throws {
    var script = try script(phase)
    #expect(script.command(.forceOpen) == .opened)
    script.expectWait(until: nil)
    #expect(script.breaker.deadline == nil)
    #expect(script.report.openReason == .operatorCommand)
  }

  @Test func row18_forcedOpenIgnoresTimersAndResults() throws {
    var script = try script(.halfOpen)
    let token = try script.expectProbe()
    _ = script.command(.forceOpen)
    script.pass(.seconds(100_000))
    #expect(script.breaker.deadlineReached(now: script.now) == .none)
    #expect(script.settle(token, .success) == .stale)
    script.offer(1_000_000)
    script.expectWait(until: nil)
    #expect(script.command(.probeNow) == .none)
    script.expectWait(until: nil)
  }

  @Test func row19_automaticAfterForcedOpenProbesFirst() throws {
    var script = try script(.open)
    _ = script.command(.forceOpen)
    #expect(script.command(.automatic) == .halfOpened)
    #expect(script.breaker.phase == .halfOpen)
    // What led to it is forgiven: the next wait is a first one.
    let token = try script.expectProbe()
    #expect(script.settle(token, .failure) == .opened(until: script.now + .seconds(1)))
  }

  @Test func row19_automaticAfterForcedClosedStartsAfresh() throws {
    var script = try script(.forcedClosed)
    for _ in 0..<100 { #expect(try script.call(.failure) == .none) }
    #expect(script.breaker.phase == .forcedClosed)
    #expect(script.report.failures == 100)
    #expect(script.command(.automatic) == .none)
    #expect(script.breaker.phase == .closed)
    for _ in 0..<4 { #expect(try script.call(.failure) == .none) }
    #expect(try script.call(.failure) == .opened(until: script.now + .seconds(1)))
  }

  @Test(arguments: [.open, .halfOpen, .forcedOpen] as [BreakerReport.Phase])
  func forceClosedLetsEverythingThrough(_ phase: BreakerReport.Phase) throws {
    var script = try script(phase)
    #expect(script.command(.forceClosed) == .closed)
    _ = try script.expectDispatch()
    _ = try script.expectDispatch()
    #expect(script.breaker.deadline == nil)
  }

  @Test(arguments: [.closed, .open, .halfOpen] as [BreakerReport.Phase])
  func row21_automaticChangesNothingWhereItIsAutomatic(_ phase: BreakerReport.Phase) throws {
    var script = try script(phase)
    let before = script.report
    #expect(script.command(.automatic) == .none)
    #expect(script.report == before)
  }

  @Test func row21_forcingTwiceIsForcingOnce() throws {
    var script = try script(.forcedOpen)
    let before = script.report
    script.pass(.seconds(1))
    #expect(script.command(.forceOpen) == .none)
    #expect(script.report.since == before.since)

    script = try self.script(.forcedClosed)
    let token = try script.expectDispatch()
    #expect(script.command(.forceClosed) == .none)
    // The same generation still.
    #expect(script.settle(token, .success) == .none)
  }

  @Test func row17_resultsOfBeforeAreStaleAfterEachCommand() throws {
    var script = try script(.closed)
    var tokens = [try script.expectDispatch()]
    _ = script.command(.forceClosed)
    tokens.append(try script.expectDispatch())
    _ = script.command(.automatic)
    tokens.append(try script.expectDispatch())
    _ = script.command(.forceOpen)
    for token in tokens { #expect(script.settle(token, .failure) == .stale) }
    #expect(script.counters.staleResults == 3)
  }

  @Test func probeNowEndsTheWaitEvenARequestedOne() throws {
    var script = try script(.closed)
    _ = try script.trip(retryAfter: .seconds(300))
    #expect(script.command(.probeNow) == .halfOpened)
    let token = try script.expectProbe()
    // It still can't go below what the upstream asked for, if the probe fails.
    #expect(
      script.settle(token, .failure, after: .seconds(1))
        == .opened(until: BreakerScript.start + .seconds(300)))
  }

  @Test func probeNowWhileHalfOpenNeedsNoQuota() throws {
    var script = try script(.halfOpen)
    try script.succeedProbe()
    script.expectWait(until: script.breaker.deadline)
    #expect(script.command(.probeNow) == .probeDue)
    let token = try script.expectProbe()
    // One in flight is enough.
    #expect(script.command(.probeNow) == .none)
    #expect(script.settle(token, .success) == .none)
  }

  @Test(arguments: [.closed, .forcedOpen, .forcedClosed] as [BreakerReport.Phase])
  func probeNowIsOfNoUseElsewhere(_ phase: BreakerReport.Phase) throws {
    var script = try script(phase)
    let before = script.report
    #expect(script.command(.probeNow) == .none)
    #expect(script.report == before)
  }
}

extension BreakerScript {
  mutating func command(_ command: Breaker.OperatorCommand) -> Breaker.OnOperatorCommand {
    breaker.operatorCommanded(command, now: now)
  }
}
