import ForebayWire
import Testing

@testable import ForebayCore

/// After a peer's GOAWAY nothing is begun any more, what was begun is finished, and nothing is lost or
/// blamed on anybody.
@Suite struct LinkLeavingTests {
  private let harness: SidecarHarness
  private let peer: ScriptedPeer
  private let client: TestClient

  init() {
    harness = SidecarHarness { settings in
      settings.routes[0].upstream.kind = .peer
      settings.routes[0].upstream.inFlightMessagesMax = 10_000
      settings.routes[0].upstream.inFlightBytesMax = 64 << 20
    }
    peer = ScriptedPeer(harness)
    client = TestClient(harness)
    client.join()
  }

  private func expectReconnected(_ at: SourceLocation = #_sourceLocation) {
    let before = peer.connects
    #expect(
      harness.clock.pass(atMost: .seconds(60)) { peer.connects > before }, sourceLocation: at)
  }

  private func sayGoAway() { peer.say(GoAway(.shuttingDown, deadlineMilliseconds: 5000)) }

  private func expectSentIsWhatThePeerGot(_ at: SourceLocation = #_sourceLocation) {
    let sent = harness.core.links[0].sent
    #expect(sent == peer.received, sourceLocation: at)
  }

  @Test func whatIsAdmittedAndNotBegunWaitsForTheNextLink() {
    client.offer(1)
    peer.welcome()
    peer.room = 0
    // The first of these is copied behind the full socket, the others are admitted only.
    for lane in UInt8(1)...4 { client.offer(1, lane: lane) }
    sayGoAway()
    peer.makeRoom()
    #expect(peer.linkSequences == [1, 2])
    expectSentIsWhatThePeerGot()
    peer.receipt(1...1, .delivered)
    #expect(peer.isConnected, "a receipt is still owed")
    peer.receipt(2...2, .delivered)
    #expect(!peer.isConnected)
    expectReconnected()
    peer.welcome()
    #expect(peer.linkSequences == [1, 2, 3, 4, 5])
    #expect(harness.totals.retried == 0, "nothing was tried twice")
    #expect(harness.route.breaker.failures == 0)
    peer.receipt(3...5, .delivered)
    client.expectDelivered(1...5)
    harness.expectNoProblems()
  }

  @Test func aFrameThatIsBegunIsFinished() {
    client.offer(1, payloadBytes: 200_000)
    client.offer(1, lane: 1)
    peer.accept()
    peer.room = 100_000
    peer.say(Welcome(frameBytesMax: 1 << 20, overhead: 320))
    peer.grant(bytes: 1 << 20, messages: 100)
    #expect(harness.core.links[0].written > 0)
    sayGoAway()
    peer.makeRoom()
    #expect(peer.linkSequences == [1])
    expectSentIsWhatThePeerGot()
    peer.receipt(1...1, .delivered)
    expectReconnected()
    peer.welcome()
    peer.receipt(2...2, .delivered)
    client.expectDelivered(1...2)
    harness.expectNoProblems()
  }

  @Test func whatIsWithdrawnMayBeDeliveredFromAnEarlierLinkOnly() {
    for lane in UInt8(0)...2 { client.offer(1, lane: lane, ttl: 3000) }
    peer.welcome()
    #expect(peer.linkSequences == [1, 2, 3])
    peer.close()
    expectReconnected()
    peer.room = 0
    client.offer(1, lane: 3, ttl: 3000)
    peer.welcome()
    sayGoAway()
    peer.close()
    for _ in 0..<60 {
      harness.pass(.milliseconds(100))
      if peer.connects > 2 { peer.refuse() }
    }
    client.expectOutcome(.expired, of: 1...3, flags: .maybeDelivered)
    client.expectOutcome(.expired, of: 4...4, flags: [])
    harness.expectNoProblems()
  }

  @Test func aLinkThatIsLostBeforeItWroteMakesNothingDoubtful() {
    client.offer(1)
    peer.welcome()
    peer.room = 0
    for lane in UInt8(1)...3 { client.offer(1, lane: lane, ttl: 2000) }
    peer.close()
    for _ in 0..<40 {
      harness.pass(.milliseconds(100))
      if peer.connects > 1 { peer.refuse() }
    }
    // The first was copied behind the full socket: nobody knows.
    client.expectOutcome(.expired, of: 2...2, flags: .maybeDelivered)
    client.expectOutcome(.expired, of: 3...4, flags: [])
    harness.expectNoProblems()
  }

  @Test func goawayBeforeTheFirstWindowIsKeptInMind() {
    client.offer(3)
    peer.accept()
    peer.say(Welcome(frameBytesMax: 1 << 20, overhead: 320))
    sayGoAway()
    peer.grant(bytes: 1 << 20, messages: 100)
    #expect(peer.runs.isEmpty)
    #expect(!peer.isConnected)
    expectReconnected()
    peer.welcome()
    #expect(peer.linkSequences == [1, 2, 3])
    harness.expectNoProblems()
  }

  @Test func whatThePeerHoldsKeepsTheLink() {
    client.offer(2)
    peer.welcome()
    peer.close()
    expectReconnected()
    client.offer(1, lane: 1)
    peer.accept()
    peer.say(Welcome(frameBytesMax: 1 << 20, overhead: 320, ranges: 1, isResumed: true))
    sayGoAway()
    peer.receipt(2...2, .received)
    peer.grant(bytes: 1 << 20, messages: 100)
    #expect(peer.linkSequences == [1, 2])
    #expect(peer.isConnected, "the receipt for what it holds is owed")
    peer.receipt(2...2, .delivered)
    client.expectDelivered(2...2)
    #expect(!peer.isConnected)
    harness.expectNoProblems()
  }

  @Test func aLinkThatLeavesAsksForNothing() {
    client.offer(2, payloadBytes: 1000)
    peer.welcome(bytes: 2500, messages: 1)
    #expect(peer.linkSequences == [1])
    sayGoAway()
    harness.pass(.seconds(4))
    #expect(peer.blocked.isEmpty)
    #expect(peer.isConnected)
    harness.expectNoProblems()
  }

  @Test func aPeerThatDoesNotCloseAtItsDeadlineIsLeft() {
    client.offer(2)
    peer.welcome()
    peer.receipt(1...2, .received)
    sayGoAway()
    harness.pass(.seconds(5))
    #expect(peer.isConnected, "it may still say how its last messages ended")
    client.offer(1)
    harness.pass(.seconds(1))
    #expect(!peer.isConnected)
    #expect(harness.route.breaker.failures == 0)
    expectReconnected()
    peer.welcome(listing: [ReceiptRange(first: 1, count: 2, outcome: .received)])
    #expect(peer.linkSequences == [1, 2, 3])
    peer.receipt(1...3, .delivered)
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }

  // MARK: Two cores

  @Test func aPeerThatDrainsGetsNothingThatWasNotBegun() {
    let chain = Chain()
    chain.far.upstream.manner = .hold
    let client = chain.client()
    client.join()
    client.offer(1)
    chain.pass(.milliseconds(100))
    chain.pipe.room = 2500
    for lane in 0..<20 { client.offer(1, payloadBytes: 1000, lane: UInt8(lane % 8)) }
    chain.far.event {
      chain.far.core.drain(until: chain.clock.now + .seconds(5), now: chain.clock.now)
    }
    chain.run()
    let received = chain.far.totals.received
    #expect((2...10).contains(received), "\(received) came, of 21")
    let counted = chain.far.core.clients[0].window.received
    #expect(chain.near.core.links[0].sent == counted)
    chain.far.upstream.settleAll(.accepted)
    chain.pass(.milliseconds(100))
    #expect(client.ledger.count(.delivered) == Int(received))
    #expect(chain.near.route.held.messages == 21 - received)
    #expect(chain.near.totals.retried == 0)
    chain.expectNoProblems()
  }
}
