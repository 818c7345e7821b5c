import ForebayWire
import Testing

@testable import ForebayCore

/// Two real cores in a row: what is sent at one end comes out at the other, once and in order,
/// whatever happens to the link between them.
@Suite struct ChainTests {
  @Test func messagesAndOutcomesTravelThrough() {
    let chain = Chain()
    let client = chain.client()
    client.join()
    client.offer(300)
    chain.pass(.milliseconds(500))
    client.expectDelivered(1...300)
    #expect(chain.far.upstream.accepted.map(\.sequence) == Array(1...300))
    #expect(chain.near.totals.duplicate == 0)
    chain.expectNoProblems()
  }

  @Test func backpressureTravelsThrough() {
    let chain = Chain(far: { settings in
      settings.routes[0].bufferMessages = 200
      settings.routes[0].bufferBytes = 8 << 20
    })
    chain.far.upstream.manner = .hold
    let client = chain.client()
    client.join()
    client.offer(3000, payloadBytes: 100)
    chain.pass(.seconds(5))
    #expect(chain.far.route.held.fits(in: chain.far.route.capacity))
    #expect(chain.far.route.held.messages <= 200)
    #expect(chain.near.route.breaker.failures == 0)
    chain.far.upstream.manner = .accept
    chain.far.upstream.settleAll(.accepted)
    chain.pass(.seconds(10))
    client.expectDelivered(1...3000)
    chain.expectNoProblems()
  }

  @Test func aLinkCutAtAnyByteLosesAndDoublesNothing() {
    for cut in stride(from: 0, to: 1400, by: 37) {
      let chain = Chain(seed: UInt64(cut) + 1)
      let client = chain.client()
      client.join()
      chain.pipe.cutAfter = cut
      client.offer(4, payloadBytes: 50)
      client.offer(3, payloadBytes: 100, lane: 2)
      chain.pass(.seconds(3))
      client.expectDelivered(1...7)
      #expect(chain.far.upstream.accepted.count == 7, "cut after \(cut) bytes")
      chain.expectNoProblems()
    }
  }

  @Test func manyCutsUnderALoad() {
    let chain = Chain(seed: 9)
    chain.far.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(7)) }
    let clients = (0..<4).map { chain.client(user: 1000 + UInt32($0)) }
    for client in clients {
      client.join()
      client.offer(150, payloadBytes: 200)
    }
    var random = SplitMix64(seed: 3)
    for _ in 0..<15 {
      chain.pipe.cutAfter = Int(random.next() % 30_000)
      chain.pass(.milliseconds(300))
    }
    chain.pipe.cutAfter = nil
    chain.pass(.seconds(30))
    for client in clients { client.expectDelivered(1...150) }
    #expect(chain.far.upstream.accepted.count == 600)
    chain.expectNoProblems()
  }

  @Test func aSlowSocketCutsRunsAndLosesNothing() {
    let chain = Chain()
    chain.pipe.room = 1000
    let client = chain.client()
    client.join()
    client.offer(100, payloadBytes: 300)
    client.offer(1, payloadBytes: 200_000)
    client.offer(10, payloadBytes: 0)
    chain.pass(.seconds(1))
    client.expectDelivered(1...111)
    chain.expectNoProblems()
  }

  @Test func theLargestFrameGetsThroughATightPeer() {
    let chain = Chain(far: { settings in
      settings.limits.frameBytesMax = 262_144
      let r = settings.routes[0].reserve(settings.limits).bytes
      settings.routes[0].bufferBytes = 2 * r + settings.routes[0].controlReserveBytes
    })
    chain.far.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(50)) }
    let client = chain.client()
    let local = TestClient(chain.far, user: 7)
    client.join()
    local.join()
    client.offer(10, payloadBytes: 262_144 - 24)
    local.offer(10, payloadBytes: 262_144 - 24)
    chain.pass(.seconds(30), step: .milliseconds(20))
    client.expectDelivered(1...10)
    local.expectDelivered(1...10)
    chain.expectNoProblems()
  }

  // MARK: A restart of the near daemon

  @Test func aRestartOfTheNearDaemonIsDeduplicatedByOrigin() {
    let first = Chain()
    first.far.upstream.manner = .hold
    let client = first.client()
    client.level = .received
    client.join()
    client.offer(20, payloadBytes: 40)
    first.pass(.milliseconds(200))
    first.far.upstream.settleNext(.accepted)
    client.deliversAtOnce = false
    client.hangUp()
    #expect(first.far.upstream.accepted.count == 20)

    // The near daemon forgets all; its client sends everything that it has no final receipt for.
    let second = Chain(restarting: first, seed: 77)
    let again = second.client(user: 1000, session: client.session)
    again.ledger = client.ledger
    again.ledger.forgetReceipts()
    again.join()
    #expect(again.welcome?.isResumed == false)
    second.pass(.seconds(1))
    again.expectDelivered(1...20)
    #expect(second.far.upstream.accepted.count == 20, "nothing was delivered twice")
    #expect(second.far.totals.duplicate == 20)
    second.near.expectNoProblems()
    second.far.expectNoProblems()
  }

  @Test func whatIsHeldAtTheRestartGetsANewReturnAddress() {
    let first = Chain()
    first.far.upstream.manner = .hold
    let client = first.client()
    client.join()
    client.offer(30, payloadBytes: 40)
    first.pass(.milliseconds(200))
    client.hangUp()

    let second = Chain(restarting: first, seed: 78)
    let again = second.client(user: 1000, session: client.session)
    again.ledger = client.ledger
    again.join()
    second.pass(.seconds(1))
    again.expectUnsettled(1...30)
    #expect(second.far.route.held.messages == 30)
    #expect(second.far.totals.duplicate == 30)
    #expect(second.near.core.links[0].firstUnanswered == none, "each resend was answered")
    second.far.upstream.settleAll(.accepted)
    second.pass(.seconds(1))
    again.expectDelivered(1...30)
    #expect(second.far.upstream.accepted.count == 30)
    second.near.expectNoProblems()
    second.far.expectNoProblems()
  }

  @Test func aRestartWithPartsSettledAndPartsHeld() {
    let first = Chain(far: { $0.routes[0].upstream.batchMessagesMax = 7 })
    first.far.upstream.manner = .hold
    let client = first.client()
    client.join()
    client.offer(40, payloadBytes: 40)
    first.pass(.milliseconds(200))
    first.far.upstream.settleNext(.accepted)
    first.far.upstream.settleNext(.rejected(MessageCode(rawValue: 333)))
    client.hangUp()

    let second = Chain(restarting: first, seed: 79)
    let again = second.client(user: 1000, session: client.session)
    again.ledger = client.ledger
    again.ledger.forgetReceipts()
    again.join()
    again.offer(10)
    second.pass(.seconds(1))
    second.far.upstream.manner = .accept
    second.far.upstream.settleAll(.accepted)
    second.pass(.seconds(1))
    again.expectDelivered(1...7)
    again.expectOutcome(.rejected, of: 8...14, code: MessageCode(rawValue: 333))
    again.expectDelivered(15...50)
    #expect(second.far.upstream.accepted.count == 43)
    second.near.expectNoProblems()
    second.far.expectNoProblems()
  }

  @Test func aFloorAboveTheMessageIsNotBelieved() {
    let chain = Chain()
    let client = chain.client()
    client.join()
    chain.pipe.acceptsConnects = false
    client.offer(5)
    client.write(Seen(floor: .max).encoded())
    chain.pipe.acceptsConnects = true
    chain.pass(.seconds(2))
    client.expectDelivered(1...5)
    #expect(chain.far.upstream.accepted.count == 5)
    chain.expectNoProblems()
  }

  // MARK: Drain

  @Test func aDrainOfTheFarDaemonLosesNothing() {
    let chain = Chain()
    chain.far.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(30)) }
    let client = chain.client()
    client.join()
    client.offer(200, payloadBytes: 100)
    chain.pass(.milliseconds(50))
    chain.far.event {
      chain.far.core.drain(until: chain.clock.now + .seconds(5), now: chain.clock.now)
    }
    chain.pass(.seconds(5))
    #expect(chain.far.isDrained)
    let delivered = chain.far.upstream.accepted.count
    #expect(delivered == client.ledger.count(.delivered))
    #expect(chain.near.route.held.messages == 200 - UInt64(delivered))
    chain.expectNoProblems()
  }

  @Test func atThePeersDrainAPeersMessagesCountAsDeliveredLevel() {
    let chain = Chain()
    chain.far.upstream.manner = .hold
    let client = chain.client()
    client.level = .received
    client.join()
    client.offer(5)
    chain.pass(.milliseconds(100))
    chain.far.event {
      chain.far.core.drain(until: chain.clock.now + .seconds(1), now: chain.clock.now)
    }
    chain.pass(.seconds(2))
    #expect(chain.far.isDrained)
    #expect(chain.far.totals.dropped == 0)
    client.expectUnsettled(1...5)
    #expect(chain.near.route.held.messages == 5)
    chain.expectNoProblems()
  }
}
