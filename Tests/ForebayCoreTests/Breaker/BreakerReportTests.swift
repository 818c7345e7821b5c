import ForebayCore
import Testing

@Suite struct BreakerReportTests {
  @Test func tellsTheWholeStoryOfAnOutage() throws {
    var script = BreakerScript { $0.jitterPercent = 0 }
    #expect(script.report.phase == .closed)
    #expect(script.report.openReason == nil)
    #expect(script.report.nextProbeAt == nil)

    _ = try script.call(.success)
    let until = try script.trip()
    #expect(script.report.phase == .open)
    #expect(script.report.since == script.now)
    #expect(script.report.consecutiveFailures == 5)
    #expect(script.report.samples == 6)
    #expect(script.report.failures == 5)
    #expect(script.report.level == 1)
    #expect(script.report.nextProbeAt == until)

    try script.becomeHalfOpen()
    let token = try script.expectProbe()
    #expect(script.report.nextProbeAt == nil)
    let placed = script.now
    _ = script.settle(token, .success, after: .milliseconds(1))
    #expect(script.report.successes == 1)
    #expect(script.report.consecutiveFailures == 0)
    #expect(script.report.nextProbeAt == placed + .seconds(6))
    script.offer(20)
    #expect(script.report.nextProbeAt.map { $0 <= script.now } == true)

    try script.becomeClosed()
    #expect(script.report.successes == 0)
    #expect(script.report.level == 1)
    let counters = script.counters
    #expect(counters.openings == 1 && counters.reopenings == 0 && counters.closings == 1)
    #expect(counters.quotaProbes + counters.floorProbes == 5 && counters.quotaProbes == 1)
    #expect(counters.neutralProbes + counters.staleResults + counters.strayResults == 0)
  }

  @Test func lookingChangesNothing() throws {
    var script = BreakerScript()
    _ = try script.call(.failure)
    let before = script.report
    script.pass(.seconds(60))
    #expect(script.report.samples == 0)
    script.now = BreakerScript.start
    #expect(script.report == before)
  }
}
