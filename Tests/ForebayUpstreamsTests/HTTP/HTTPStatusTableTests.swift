import ForebayWire
import Testing

@testable import ForebayUpstreams

@Suite struct HTTPStatusTableTests {
  private let standard = HTTPStatusTable()

  @Test(arguments: [200, 201, 202, 204, 299])
  func twoHundredsAreAccepted(_ status: Int) {
    #expect(standard.meaning(of: status, hasRetryAfter: false) == .accepted)
  }

  @Test(arguments: [
    301, 307, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 415, 421, 425, 426, 428, 451,
    500,
    502, 504, 501, 100, 0,
  ])
  func whatPassesOrCanBeRepairedKeepsMessages(_ status: Int) {
    #expect(standard.meaning(of: status, hasRetryAfter: false) == .failed)
  }

  @Test(arguments: [400, 412, 413, 414, 416, 417, 418, 422, 423, 431, 499])
  func otherFourHundredsAreTheMessagesOwnFault(_ status: Int) {
    #expect(standard.meaning(of: status, hasRetryAfter: false) == .rejected)
  }

  @Test func slowDown() {
    #expect(standard.meaning(of: 429, hasRetryAfter: false) == .throttled)
    #expect(standard.meaning(of: 503, hasRetryAfter: true) == .throttled)
    #expect(standard.meaning(of: 503, hasRetryAfter: false) == .failed)
  }

  @Test func operatorsDecideOtherwise() {
    let table = HTTPStatusTable([
      .init(503...503, .failed), .init(404...404, .rejected), .init(400...499, .throttled),
      .init(404...404, .accepted),
    ])
    #expect(table.meaning(of: 503, hasRetryAfter: true) == .failed)
    #expect(table.meaning(of: 404, hasRetryAfter: false) == .accepted, "the later rule")
    #expect(table.meaning(of: 401, hasRetryAfter: false) == .throttled)
    #expect(table.meaning(of: 500, hasRetryAfter: false) == .failed)
    #expect(table.meaning(ofResult: 424) == .throttled)
    #expect(standard.meaning(ofResult: 424) == .returned)
  }

  @Test func codesAreTheUpstreamsOwn() {
    #expect(HTTPStatusTable.code(of: 400) == MessageCode(rawValue: 600))
    #expect(HTTPStatusTable.code(of: 422) == MessageCode(rawValue: 622))
    for status in [300, 490, 499, 500, 599] {
      #expect(HTTPStatusTable.code(of: status) == MessageCode(rawValue: 699))
    }
  }
}
