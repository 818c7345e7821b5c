import Testing

@testable import ForebayClient
@testable import forebayctl

@Suite struct SendSummaryTests {
  private func report(
    _ messages: Range<UInt64>, _ outcome: MessageOutcome, code: UInt16 = 0, maybe: Bool = false
  ) -> OutcomeReport {
    OutcomeReport(
      messages: messages, outcome: outcome, code: code, isMaybeDelivered: maybe,
      isDuplicate: false)
  }

  private func summary(_ reports: [OutcomeReport]) -> SendSummary {
    var tally = OutcomeTally()
    for report in reports { tally.count(report) }
    return SendSummary(
      status: .bad, messages: 10, bytes: 123, elapsed: .milliseconds(2_045), tally: tally,
      statistics: ClientStatistics(
        status: .closed, submitted: 10, unsettled: 0, unsettledBytes: 0, queued: 0,
        windowMessages: 0, windowBytes: 0, blockedTime: .milliseconds(500), reconnects: 2),
      session: "ab", firstUnsettled: 7)
  }

  @Test func theTextNamesTheLinesThatFailed() {
    let text = summary([
      report(1..<6, .delivered), report(6..<7, .rejected, code: 3, maybe: true),
      report(8..<10, .rejected, code: 3), report(10..<11, .duplicate), report(7..<8, .unknown),
    ]).text
    #expect(
      text == """
        10 messages, 123 bytes in 2.045 s (4/s)
        delivered: 5
        rejected: 3 (UPSTREAM_REJECTED, lines 6, 8-9)
        duplicate: 1
        maybe delivered all the same: 1
        unsettled: 1 (not sent: 0, unknown: 1)

        """)
  }

  @Test func whoWasInterruptedHearsHowToGoOn() {
    var summary = summary([report(1..<11, .delivered)])
    summary.status = .interrupted
    #expect(summary.text.hasSuffix("with --session ab --from-line 7\n"))
  }

  @Test func theJSONHasEverything() {
    var summary = summary([report(1..<10, .delivered), report(10..<11, .expired, code: 1)])
    summary.problem = "a \"quoted\" problem"
    #expect(
      summary.json == """
        {"schema_version":1,"exit_code":1,"messages":10,"bytes":123,"seconds":2.045,\
        "outcomes":{"delivered":9,"dead_lettered":0,"rejected":0,"expired":1,"dropped":0,\
        "duplicate":0},"maybe_delivered":0,"unsettled":0,"not_sent":0,\
        "exceptions":[{"first_line":10,"last_line":10,"outcome":"expired","code":1,\
        "reason":"TTL_EXPIRED","maybe_delivered":false}],"exceptions_truncated":false,\
        "session":"ab","first_unsettled_line":7,"reconnects":2,"blocked_seconds":0.500,\
        "problem":"a \\"quoted\\" problem"}

        """)
  }

  @Test func whatWasReceivedIsNotUnsettledForWhoAskedForThat() {
    var summary = summary([report(1..<11, .unknown)])
    summary.atLevel = (.received, 10)
    #expect(summary.text.contains("received: 10 (no final outcome yet)"))
    #expect(!summary.text.contains("unsettled"))
    #expect(summary.json.contains(#""received":10"#))
  }

  @Test func exceptionsAreBounded() {
    var tally = OutcomeTally()
    for number in 0..<1_000 {
      tally.count(report(UInt64(2 * number)..<UInt64(2 * number + 1), .dropped))
    }
    #expect(tally.bad == 1_000 && tally.exceptions.count == OutcomeTally.exceptionsMax)
    #expect(tally.isTruncated)
  }

  @Test func neighboursAreOneException() {
    var tally = OutcomeTally()
    for number in 0..<1_000 { tally.count(report(UInt64(number)..<UInt64(number + 1), .dropped)) }
    #expect(tally.exceptions.count == 1 && tally.exceptions.first?.messages == 0..<1_000)
  }
}

@Suite struct ProgressLineTests {
  private func line(
    isAllSent: Bool = false, _ adjust: (inout ClientStatistics) -> Void
  ) -> String {
    var statistics = ClientStatistics(
      status: .ready, submitted: 10, unsettled: 0, unsettledBytes: 0, queued: 0,
      windowMessages: 876, windowBytes: 0, blockedTime: .zero, reconnects: 0)
    adjust(&statistics)
    let facts = ProgressLine.Facts(
      sent: 12_345, settled: 12_000, fraction: 0.5, isAllSent: isAllSent)
    return ProgressLine.line(facts, perSecond: 45_100, statistics)
  }

  @Test func saysHowFarItIsAndHowFast() {
    #expect(
      line { _ in } == """
        [##########..........] 50%  sent 12345  settled 12000  45.1k/s  window open (876)
        """)
  }

  @Test func saysWhyTheWindowIsShut() {
    #expect(
      line {
        $0.status = .blocked
        $0.windowReason = "BREAKER_OPEN"
        $0.retryAfter = .milliseconds(1_500)
      }.hasSuffix("window shut: BREAKER_OPEN, retry in 1.500 s"))
  }

  @Test func saysThatTheWindowIsUsedUp() {
    // It opens a little with every receipt; nobody gave a reason.
    #expect(line { $0.status = .blocked }.hasSuffix("  window used up"))
  }

  @Test func saysWhatItWaitsForInTheEnd() {
    #expect(line(isAllSent: true) { _ in }.hasSuffix("  waiting for 345"))
  }

  @Test func theRateIsRightFromTheStart() {
    var meter = RateMeter()
    let start = ContinuousClock.now
    #expect(meter.update(settled: 0, now: start) == 0)
    for tick in 1...50 {
      let rate = meter.update(settled: tick * 500, now: start + .milliseconds(100 * tick))
      #expect(abs(rate - 5_000) < 1)
    }
    // A second and a half later it has all but forgotten.
    var rate = 5_000.0
    for tick in 51...75 {
      rate = meter.update(settled: 25_000, now: start + .milliseconds(100 * tick))
    }
    #expect(rate < 500)
  }

  @Test func numbersAreShort() {
    #expect([0, 950, 12_340, 4_560_000].map(ProgressLine.short) == ["0", "950", "12.3k", "4.5M"])
  }
}

@Suite struct TimeTextTests {
  @Test func readsWhatPeopleWrite() {
    #expect(TimeText.parse("30s") == .seconds(30))
    #expect(TimeText.parse("500ms") == .milliseconds(500))
    #expect(TimeText.parse("5m") == .seconds(300))
    #expect(TimeText.parse("1h") == .seconds(3_600))
    for text in ["", "s", "30", "-1s", "+1s", "1.5s", "1d", "99999999999999999999s", "9999999999h"]
    {
      #expect(TimeText.parse(text) == nil, "\(text)")
    }
  }

  @Test func writesSecondsWithThreeDecimals() {
    #expect(TimeText.seconds(.milliseconds(1)) == "0.001")
    #expect(TimeText.seconds(.microseconds(12_345_678)) == "12.345")
  }
}
