import ForebayWire
import Testing

@testable import ForebayCore

@Suite struct SessionTests {
  private static let key = PrincipalKey(listener: 1, user: 4000)
  private static let id = ID128(high: 1, low: 2)

  /// Whoever chose a session's id like an origin's tag would have both taken for one, and what the next
  /// daemon holds of the first would never be answered.
  @Test func aSessionAndAnOriginOfOneNumberAreToldApart() {
    #expect(
      Session.tag(of: Self.key, Self.id) != Session.tag(of: Self.key, Self.id, isOrigin: true))
  }

  @Test func tagsTellPrincipalsAndNumbersApart() {
    let tag = Session.tag(of: Self.key, Self.id)
    #expect(tag == Session.tag(of: Self.key, Self.id))
    #expect(tag != Session.tag(of: Self.key, ID128(high: 2, low: 1)))
    #expect(tag != Session.tag(of: PrincipalKey(listener: 4000, user: 1), Self.id))
  }
}
