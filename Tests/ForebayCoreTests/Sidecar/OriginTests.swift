import ForebayWire
import Testing

@testable import ForebayCore

/// Whose messages come over a link: known per principal of the link, on all its links together.
@Suite struct OriginTests {
  /// The client of a first daemon sends; then it sends all of it again by a second daemon, which the
  /// far one knows as `user`. The first is known as 4000.
  private func sendTwice(
    secondUser user: UInt32, holding: Bool = false
  ) -> (first: TestClient, again: TestClient, far: SidecarHarness) {
    let first = Chain()
    if holding { first.far.upstream.manner = .hold }
    let client = first.client()
    client.join()
    client.offer(20)
    first.pass(.milliseconds(200))
    let second = Chain(beside: first, seed: 5, user: user)
    let again = second.client(session: client.session)
    again.ledger = client.ledger
    again.ledger.forgetReceipts()
    again.join()
    second.pass(.milliseconds(200))
    if holding {
      first.far.upstream.settleAll(.accepted)
      first.run()
      second.pass(.milliseconds(200))
    }
    first.expectNoProblems()
    second.expectNoProblems()
    return (client, again, first.far)
  }

  @Test func twoLinksOfOnePrincipalDeduplicateAgainstEachOther() {
    let (_, again, far) = sendTwice(secondUser: 4000)
    #expect(far.upstream.accepted.count == 20)
    #expect(far.totals.duplicate == 20)
    again.expectDelivered(1...20)
  }

  @Test func linksOfTwoPrincipalsDoNot() {
    let (first, again, far) = sendTwice(secondUser: 4001)
    #expect(far.upstream.accepted.count == 40)
    #expect(far.totals.duplicate == 0)
    first.expectDelivered(1...20)
    again.expectDelivered(1...20)
  }

  @Test func whatIsHeldForOnePrincipalGetsNoOthersReturnAddress() {
    let (first, again, far) = sendTwice(secondUser: 4001, holding: true)
    #expect(far.totals.duplicate == 0)
    first.expectDelivered(1...20)
    again.expectDelivered(1...20)
  }

  @Test func whatIsHeldForOnePrincipalGetsItsLatestReturnAddress() {
    let (first, again, far) = sendTwice(secondUser: 4000, holding: true)
    #expect(far.upstream.accepted.count == 20)
    #expect(far.totals.duplicate == 20)
    first.expectUnsettled(1...20)
    again.expectDelivered(1...20)
  }
}
