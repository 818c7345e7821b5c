import ForebayCore
import ForebayUpstreams
import Testing

@Suite struct RetryAfterTests {
  /// Tue, 24 Nov 2026 12:00:00 GMT
  private let now: Int64 = 1_795_521_600

  @Test(arguments: [("0", 0), ("1", 1), (" 120 ", 120), ("99999999999999999999", 86_400)])
  func seconds(_ text: String, _ seconds: UInt64) {
    #expect(RetryAfter.span(text, now: now) == .seconds(seconds))
  }

  @Test(arguments: [
    "Tue, 24 Nov 2026 12:00:30 GMT", "Tuesday, 24-Nov-26 12:00:30 GMT", "Tue Nov 24 12:00:30 2026",
  ])
  func datesInTheirThreeForms(_ text: String) {
    #expect(RetryAfter.span(text, now: now) == .seconds(30))
  }

  @Test func datesThatHavePassedOrAreFarAway() {
    #expect(RetryAfter.span("Tue, 24 Nov 2026 11:59:00 GMT", now: now) == .zero)
    #expect(RetryAfter.span("Tue, 24 Nov 2037 11:59:00 GMT", now: now) == .seconds(86_400))
  }

  @Test(arguments: ["", " ", "soon", "-1", "1.5", "1 s", "12:00 or so it is, they say", "é"])
  func whatIsNeither(_ text: String) { #expect(RetryAfter.span(text, now: now) == nil) }
}
