import ForebayCore
import ForebayWire
import Testing

@testable import ForebayUpstreams

@Suite struct HTTPVerdictTests {
  private let table = HTTPStatusTable()

  private func ofStatus(_ status: Int, _ retryAfter: TimeSpan? = nil) -> CallVerdict {
    HTTPVerdict.ofStatus(status, retryAfter: retryAfter, table).rest
  }

  @Test func aStatusIsForAll() {
    #expect(ofStatus(204) == .accepted)
    #expect(ofStatus(500, .seconds(3)) == .failed(retryAfter: .seconds(3)))
    #expect(ofStatus(429) == .throttled(retryAfter: nil))
    #expect(ofStatus(503, .seconds(2)) == .throttled(retryAfter: .seconds(2)))
    #expect(ofStatus(413) == .refused(MessageCode(rawValue: 613)), "whose fault it is isn't known")
  }

  private func ofResults(
    _ statuses: [UInt16], unfit: [Int] = [], retryAfter: TimeSpan? = nil
  ) -> HTTPVerdict {
    .ofResults(
      statuses, messages: statuses.count + unfit.count,
      unfit: unfit.map { .init(message: $0, code: HTTPStatusTable.formatUnfit) },
      retryAfter: retryAfter, table)
  }

  @Test func neighboursWithOneVerdictAreTold() {
    let verdict = ofResults([200, 201, 422, 422, 400, 200])
    let rejected = MessageVerdict.rejected(MessageCode(rawValue: 622))
    #expect(
      verdict.parts == [
        .init(messages: 0..<2, verdict: .accepted), .init(messages: 2..<4, verdict: rejected),
        .init(messages: 4..<5, verdict: .rejected(MessageCode(rawValue: 600))),
        .init(messages: 5..<6, verdict: .accepted),
      ])
    #expect(verdict.rest == .accepted)
  }

  @Test func theRestHasTheWorstVerdict() {
    #expect(ofResults([200, 500]).rest == .failed(retryAfter: nil))
    #expect(
      ofResults([429, 500], retryAfter: .seconds(1)).rest == .throttled(retryAfter: .seconds(1)))
    #expect(ofResults([500, 429]).rest == .throttled(retryAfter: nil))
    #expect(ofResults([422, 424, 424]).rest == .returned)
    #expect(ofResults([424, 500, 424]).rest == .failed(retryAfter: nil))
  }

  /// What wasn't in the body has no result.
  @Test func resultsAreCountedWithoutWhatWasKeptOut() {
    let verdict = ofResults([200, 422, 200], unfit: [0, 2])
    #expect(
      verdict.parts == [
        .init(messages: 1..<2, verdict: .accepted),
        .init(messages: 3..<4, verdict: .rejected(MessageCode(rawValue: 622))),
        .init(messages: 4..<5, verdict: .accepted),
      ])
  }
}
