import ForebayWire
import Testing

@testable import ForebayCore

/// The peer link against a peer in the test's hands.
@Suite struct LinkTests {
  private func scene(
    _ change: (inout Settings) -> Void = { _ in }
  ) -> (SidecarHarness, ScriptedPeer, TestClient) {
    let harness = SidecarHarness { settings in
      settings.routes[0].upstream.kind = .peer
      settings.routes[0].upstream.inFlightMessagesMax = 10_000
      settings.routes[0].upstream.inFlightBytesMax = 64 << 20
      change(&settings)
    }
    let peer = ScriptedPeer(harness)
    let client = harness.join()
    return (harness, peer, client)
  }

  private func pass(_ harness: SidecarHarness, _ isMet: () -> Bool) -> Bool {
    harness.clock.pass(atMost: .seconds(120), until: isMet)
  }

  // MARK: Sending

  @Test func connectsWhenThereIsSomethingToSend() {
    let (harness, peer, client) = scene()
    harness.pass(.seconds(10))
    #expect(peer.connects == 0)
    client.offer(3)
    #expect(peer.connects == 1)
    peer.welcome()
    #expect(peer.hello?.isPeer == true)
    #expect(peer.hello?.level == .received)
    #expect(peer.runs.map(\.sequences) == [[1, 2, 3]])
    #expect(peer.runs[0].origin.linkSequence == 1)
    #expect(peer.runs[0].origin.tag == Session.tag(of: client.key, client.session))
    peer.receipt(1...3, .received)
    client.expectUnsettled(1...3)
    peer.receipt(1...3, .delivered)
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }

  @Test func originsCarryLaneTimeAndFloor() {
    let (harness, peer, client) = scene()
    client.offer(2)
    peer.welcome()
    peer.receipt(1...2, .delivered)
    client.write(Seen(floor: 3).encoded())
    client.offer(1, lane: 3, ttl: 5000)
    let origin = peer.runs[1].origin
    #expect(origin.lane == 3)
    #expect(origin.ttlMilliseconds == 5000)
    #expect(origin.floor == 3)
    #expect(origin.linkSequence == 3)
    harness.expectNoProblems()
  }

  @Test func keepsToThePeersCredit() {
    let (harness, peer, client) = scene()
    client.offer(10, payloadBytes: 100)
    // Room for two messages with their ORIGIN, to the byte, and not for a third.
    let each = UInt64(124 + 320)
    let origin = UInt64(64 + 320)
    peer.welcome(bytes: origin + 3 * each - 1, messages: 3)
    #expect(peer.linkSequences == [1, 2])
    peer.grant(bytes: origin + 3 * each, messages: 3)
    #expect(peer.linkSequences == [1, 2], "a third needs an ORIGIN of its own")
    peer.grant(bytes: 2 * origin + 3 * each, messages: 3)
    #expect(peer.linkSequences == [1, 2, 3])
    peer.grant(bytes: 1 << 20, messages: 5)
    #expect(peer.linkSequences == [1, 2, 3, 4, 5])
    peer.grant(bytes: 1 << 20, messages: 100)
    #expect(peer.linkSequences == Array(1...10))
    #expect(peer.received.messages == 10)
    harness.expectNoProblems()
  }

  @Test func probesAShutPeerWithWhatItsNextFrameCosts() {
    let (harness, peer, client) = scene()
    client.offer(1, payloadBytes: 1000)
    peer.welcome(bytes: 0, messages: 0)
    #expect(peer.runs.isEmpty)
    harness.pass(.milliseconds(200))
    #expect(peer.blocked == [Blocked(cost: 1024 + 320 + 64 + 320, floor: 1)])
    harness.pass(.milliseconds(400))
    #expect(peer.blocked.count == 2)
    harness.pass(.seconds(30))
    #expect(peer.blocked.count >= 6 && peer.blocked.count <= 11)
    #expect(harness.route.breaker.failures == 0, "a shut peer is no failure")
    peer.grant(bytes: 1 << 20, messages: 10)
    peer.receipt(1...1, .delivered)
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func answersReclaimAfterWhatItCountsAsSent() {
    let (harness, peer, client) = scene()
    client.offer(1, payloadBytes: 1000)
    peer.welcome()
    peer.room = 500
    client.offer(3, payloadBytes: 1000)
    client.offer(2, lane: 1)
    // The socket is full inside the second run; the third is admitted and not begun.
    #expect(peer.linkSequences == [1])
    peer.say(Reclaim(number: 1, limitBytes: 0, limitMessages: 0))
    #expect(peer.reclaimed.isEmpty)
    peer.makeRoom()
    #expect(peer.reclaimed == [1])
    #expect(peer.order == ["run", "run", "run", "reclaimed"])
    client.offer(1)
    #expect(peer.linkSequences.count == 6, "nothing above the lowered limit")
    peer.grant(bytes: 1 << 20, messages: 100)
    #expect(peer.linkSequences.count == 7)
    harness.expectNoProblems()
  }

  @Test func answersPings() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.welcome()
    peer.say(Ping(token: 42))
    #expect(peer.pongs == [42])
    harness.expectNoProblems()
  }

  @Test func aMessageAboveThePeersMaximumIsRejectedHere() {
    let (harness, peer, client) = scene()
    client.offer(2, payloadBytes: 100)
    client.offer(1, payloadBytes: 3000)
    client.offer(2, payloadBytes: 100)
    peer.frameBytesMax = 2000
    peer.welcome()
    client.expectOutcome(.rejected, of: 3...3)
    peer.receipt(1...4, .delivered)
    client.expectDelivered(1...2)
    client.expectDelivered(4...5)
    harness.expectNoProblems()
  }

  @Test func theFloorIsToldNowAndThen() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.welcome()
    var next: UInt64 = 1
    for _ in 0..<40 {
      peer.receipt(next...next, .delivered)
      next += 1
      client.offer(20)
      peer.receipt(next...(next + 18), .delivered)
      next += 19
    }
    #expect(!peer.seen.isEmpty && peer.seen.count <= 4)
    #expect(peer.seen == peer.seen.sorted())
    peer.grant(bytes: 1 << 24, messages: 10_000, reason: .receiptsUnseen)
    #expect(peer.seen.last == next - 0 || peer.seen.last == next)
    harness.expectNoProblems()
  }

  // MARK: Receipts

  @Test func receiptsInAnyOrderAndInsideRuns() {
    let (harness, peer, client) = scene()
    client.offer(10)
    peer.welcome()
    #expect(peer.runs.count == 1)
    peer.receipt(8...9, .delivered)
    peer.receipt(1...1, .received)
    peer.receipt(2...3, .rejected, code: MessageCode(rawValue: 500))
    client.expectDelivered(8...9)
    client.expectOutcome(.rejected, of: 2...3, code: MessageCode(rawValue: 500))
    client.expectUnsettled(4...7)
    peer.receipt(1...10, .delivered)
    client.expectDelivered(1...1)
    client.expectDelivered(4...7)
    client.expectDelivered(10...10)
    client.expectOutcome(.rejected, of: 2...3)
    harness.expectNoProblems()
  }

  @Test func aPeersOutcomeIsTakenOverAsItIs() {
    let (harness, peer, client) = scene()
    client.offer(5)
    peer.welcome()
    peer.say(
      Receipt.encoded([
        ReceiptRange(first: 1, count: 1, outcome: .deadLettered, code: MessageCode(rawValue: 9)),
        ReceiptRange(first: 2, count: 1, outcome: .expired, code: .ttlExpired),
        ReceiptRange(
          first: 3, count: 1, outcome: .dropped, flags: .maybeDelivered, code: .shuttingDown),
        ReceiptRange(first: 4, count: 1, outcome: .delivered, flags: .duplicate),
        ReceiptRange(first: 5, count: 1, outcome: .duplicate, flags: .duplicate),
      ]))
    client.expectOutcome(.deadLettered, of: 1...1, code: MessageCode(rawValue: 9), flags: [])
    client.expectOutcome(.expired, of: 2...2, code: .ttlExpired, flags: [])
    client.expectOutcome(.dropped, of: 3...3, code: .shuttingDown, flags: .maybeDelivered)
    client.expectOutcome(.delivered, of: 4...4, flags: [])
    client.expectOutcome(.duplicate, of: 5...5, flags: [])
    #expect(harness.route.breaker.failures == 0)
    harness.expectNoProblems()
  }

  @Test func receiptsForWhatWasNeverSentAreIgnored() {
    let (harness, peer, client) = scene()
    client.offer(2)
    peer.welcome()
    peer.receipt(3...500, .delivered)
    peer.receipt(1...2, .delivered)
    peer.receipt(1...2, .rejected)
    client.expectDelivered(1...2)
    harness.expectNoProblems()
  }

  @Test func nothingUnwrittenHasAVerdict() {
    let (harness, peer, client) = scene()
    client.offer(1, payloadBytes: 100)
    peer.welcome()
    peer.room = 0
    // The first of these is copied behind the full socket, the second isn't begun.
    client.offer(1, lane: 1)
    client.offer(1, lane: 2)
    peer.receipt(1...3, .delivered)
    client.expectDelivered(1...2)
    client.expectUnsettled(3...3)
    harness.expectNoProblems()
  }

  // MARK: Loss and resume

  @Test func afterALossEverythingIsSentAgainInLinkOrder() {
    let (harness, peer, client) = scene()
    client.offer(3)
    peer.welcome()
    client.offer(2, lane: 1)
    client.offer(1)
    #expect(peer.linkSequences == [1, 2, 3, 4, 5, 6])
    peer.receipt(2...2, .delivered)
    peer.close()
    client.offer(4)
    #expect(pass(harness) { peer.connects == 2 })
    let before = peer.runs.count
    peer.welcome()
    let again = peer.runs[before...].flatMap { run in
      (0..<UInt64(run.origin.count)).map { run.origin.linkSequence + $0 }
    }
    #expect(again == [1, 3, 4, 5, 6, 7, 8, 9, 10])
    #expect(peer.hello?.floor == 1)
    peer.receipt(1...10, .delivered)
    client.expectDelivered(1...10)
    harness.expectNoProblems()
  }

  @Test func whatThePeerListsIsNotSentAgain() {
    let (harness, peer, client) = scene()
    client.offer(10)
    peer.welcome()
    peer.receipt(1...10, .received)
    peer.close()
    #expect(pass(harness) { peer.connects == 2 })
    let before = peer.runs.count
    peer.welcome(listing: [
      ReceiptRange(first: 6, count: 2, outcome: .received),
      ReceiptRange(first: 1, count: 3, outcome: .received),
      ReceiptRange(first: 4, count: 1, outcome: .delivered),
      ReceiptRange(first: 9, count: 1, outcome: .rejected),
    ])
    client.expectDelivered(4...4)
    client.expectOutcome(.rejected, of: 9...9)
    let again = peer.runs[before...].flatMap(\.sequences)
    #expect(again == [5, 8, 10])
    peer.receipt(1...10, .delivered)
    client.expectDelivered(1...8)
    client.expectDelivered(10...10)
    harness.expectNoProblems()
  }

  @Test func aPeerThatWasRestartedGetsEverythingAgain() {
    let (harness, peer, client) = scene()
    client.offer(5)
    peer.welcome()
    peer.receipt(1...5, .received)
    peer.close()
    #expect(pass(harness) { peer.connects == 2 })
    peer.welcome()
    #expect(peer.runs.map(\.sequences) == [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]])
    #expect(peer.runs.map(\.origin.linkSequence) == [1, 1])
    harness.expectNoProblems()
  }

  @Test func whatComesNewWaitsBehindWhatIsSentAgain() {
    let (harness, peer, client) = scene()
    client.offer(4, payloadBytes: 100)
    peer.welcome()
    peer.close()
    client.offer(4, lane: 1)
    #expect(pass(harness) { peer.connects == 2 })
    let before = peer.runs.count
    // Credit for one message at a time.
    peer.welcome(bytes: 1 << 20, messages: 1)
    for messages in UInt64(2)...8 { peer.grant(bytes: 1 << 20, messages: messages) }
    let again = peer.runs[before...].map(\.origin.linkSequence)
    #expect(again == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(peer.runs.last?.origin.lane == 1)
    harness.expectNoProblems()
  }

  @Test func oneLostConnectionIsOneFailure() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.welcome()
    for lane in 1..<8 { client.offer(3, lane: UInt8(lane)) }
    #expect(peer.runs.count == 8)
    peer.close()
    #expect(harness.route.breaker.failures == 1)
    harness.expectNoProblems()
  }

  @Test func anAttemptWithoutAnswerEndsTheLink() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.welcome()
    harness.pass(.seconds(29))
    #expect(peer.isConnected)
    harness.pass(.seconds(1))
    #expect(!peer.isConnected)
    #expect(harness.route.breaker.failures == 1)
    harness.expectNoProblems()
  }

  @Test func whatThePeerHoldsIsNoUnansweredAttempt() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.welcome()
    peer.receipt(1...1, .received)
    harness.pass(.seconds(300))
    #expect(peer.isConnected)
    peer.receipt(1...1, .delivered)
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  /// What it holds may wait for ever, but a peer that lives sends PING.
  @Test func aPeerThatFallsSilentIsLeft() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.welcome(heartbeat: 10_000)
    peer.receipt(1...1, .received)
    for token in UInt64(1)...9 {
      harness.pass(.seconds(20))
      peer.say(Ping(token: token))
    }
    #expect(peer.isConnected && peer.pongs == Array(1...9))
    harness.pass(.milliseconds(29_999))
    #expect(peer.isConnected)
    harness.pass(.milliseconds(1))
    #expect(!peer.isConnected)
    #expect(pass(harness) { peer.connects == 2 })
    peer.welcome(listing: [ReceiptRange(first: 1, count: 1, outcome: .received)])
    peer.receipt(1...1, .delivered)
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func aHandshakeThatDoesNotEndIsGivenUp() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.accept()
    harness.pass(.seconds(5))
    #expect(!peer.isConnected)
    #expect(harness.route.breaker.failures == 1)
    harness.expectNoProblems()
  }

  @Test func onADeadLinkMessagesExpireAndMayHaveBeenDelivered() {
    let (harness, peer, client) = scene()
    client.offer(1, ttl: 2000)
    client.offer(1, lane: 1, ttl: 2000)
    peer.welcome()
    peer.receipt(2...2, .received)
    peer.close()
    client.offer(1, lane: 2, ttl: 2000)
    for _ in 0..<40 {
      harness.pass(.milliseconds(100))
      if peer.connects > 1 { peer.refuse() }
    }
    client.expectOutcome(.expired, of: 1...2, code: .ttlExpired, flags: .maybeDelivered)
    client.expectOutcome(.expired, of: 3...3, code: .ttlExpired, flags: [])
    harness.expectNoProblems()
  }

  @Test func goawayStopsWhatIsNewAndIsNoFailure() {
    let (harness, peer, client) = scene()
    client.offer(3)
    peer.welcome()
    peer.say(GoAway(.shuttingDown, deadlineMilliseconds: 5000))
    client.offer(2)
    #expect(peer.linkSequences == [1, 2, 3])
    peer.receipt(1...2, .delivered)
    client.expectDelivered(1...2)
    peer.close()
    #expect(harness.route.breaker.failures == 0)
    #expect(pass(harness) { peer.connects == 2 })
    peer.welcome()
    #expect(peer.linkSequences == [1, 2, 3, 3, 4, 5])
    harness.expectNoProblems()
  }

  // MARK: The peer's mistakes

  @Test func whatOnlyAClientSaysIsAViolation() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.welcome()
    let answer = harness.linkReceived(0, Seen(floor: 1).encoded())
    #expect(answer == .violation(.wrongDirection))
    harness.expectNoProblems()
  }

  @Test func aWindowBeforeTheListIsWholeIsAViolation() {
    let (harness, peer, client) = scene()
    client.offer(1)
    peer.accept()
    peer.say(Welcome(frameBytesMax: 1 << 20, overhead: 320, ranges: 2, isResumed: true))
    let answer = harness.linkReceived(0, Window(limitBytes: 1, limitMessages: 1).encoded())
    #expect(answer == .violation(.badField))
    harness.expectNoProblems()
  }

  @Test func framesCutAnywhereAreReadAllTheSame() {
    let (harness, peer, client) = scene()
    client.offer(3)
    peer.accept()
    var bytes = Welcome(frameBytesMax: 1 << 20, overhead: 320).encoded()
    bytes += Window(limitBytes: 1 << 20, limitMessages: 100).encoded()
    bytes += Receipt.encoded([ReceiptRange(first: 1, count: 3, outcome: .received)])
    bytes += Receipt.encoded([ReceiptRange(first: 1, count: 3, outcome: .delivered)])
    for byte in bytes { #expect(harness.linkReceived(0, [byte]) == .fine) }
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }

  // MARK: The breaker

  /// Refuses connects until the breaker is open.
  private func open(_ harness: SidecarHarness, _ peer: ScriptedPeer) {
    var refused = 0
    for _ in 0..<10_000 where harness.route.breaker.phase != .open {
      if peer.connects > refused {
        refused = peer.connects
        peer.refuse()
      }
      harness.pass(.milliseconds(10))
    }
    #expect(harness.route.breaker.phase == .open)
  }

  @Test func whileTheBreakerIsOpenNobodyConnectsAndNothingSpins() {
    let (harness, peer, client) = scene()
    client.offer(20)
    open(harness, peer)
    let connects = peer.connects
    #expect(connects == 5)
    let fired = harness.clock.fired
    harness.pass(.milliseconds(400))
    #expect(peer.connects == connects)
    #expect(harness.clock.fired - fired < 20)
    harness.expectNoProblems()
  }

  @Test func theProbeIsTheConnectWithOneMessage() {
    let (harness, peer, client) = scene()
    client.offer(20)
    open(harness, peer)
    let connects = peer.connects
    #expect(pass(harness) { peer.connects > connects })
    peer.welcome()
    #expect(peer.linkSequences == [1], "a probe has one message")
    peer.receipt(1...1, .received)
    for _ in 0..<20 where harness.route.breaker.phase != .closed {
      let before = peer.linkSequences.count
      #expect(
        pass(harness) {
          peer.linkSequences.count > before || harness.route.breaker.phase == .closed
        })
      let last = UInt64(peer.linkSequences.count)
      if harness.route.breaker.phase != .closed { peer.receipt(last...last, .received) }
    }
    #expect(harness.route.breaker.phase == .closed)
    for _ in 0..<100 where peer.linkSequences.count < 20 {
      peer.receipt(1...UInt64(peer.linkSequences.count), .delivered)
      harness.pass(.milliseconds(100))
    }
    #expect(peer.linkSequences == Array(1...20))
    harness.expectNoProblems()
  }

  @Test func aShutPeerIsNoFailedProbe() {
    let (harness, peer, client) = scene()
    client.offer(20)
    open(harness, peer)
    let connects = peer.connects
    #expect(pass(harness) { peer.connects > connects })
    peer.welcome(bytes: 0, messages: 0)
    harness.pass(.seconds(20))
    #expect(harness.route.breaker.phase == .halfOpen)
    peer.grant(bytes: 1 << 20, messages: 100)
    harness.pass(.seconds(2))
    #expect(!peer.linkSequences.isEmpty)
    harness.expectNoProblems()
  }

  @Test func aPeerThatHoldsEverythingIsNoFailedProbe() {
    let (harness, peer, client) = scene()
    client.offer(3)
    peer.welcome()
    peer.receipt(1...3, .received)
    peer.close()
    open(harness, peer)
    let connects = peer.connects
    #expect(pass(harness) { peer.connects > connects })
    peer.welcome(listing: [ReceiptRange(first: 1, count: 3, outcome: .received)])
    harness.pass(.seconds(20))
    #expect(harness.route.breaker.phase == .halfOpen)
    #expect(peer.isConnected)
    peer.receipt(1...3, .delivered)
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }

  @Test func aWelcomeThatComesTooLateIsNoLeaveToSend() {
    let (harness, peer, client) = scene { $0.routes[0].breaker.probeDeadline = .seconds(1) }
    client.offer(20)
    open(harness, peer)
    let connects = peer.connects
    #expect(pass(harness) { peer.connects > connects })
    peer.accept()
    harness.pass(.seconds(2))
    #expect(harness.route.breaker.phase == .open)
    peer.say(Welcome(frameBytesMax: 1 << 20, overhead: 320))
    peer.grant(bytes: 1 << 20, messages: 100)
    #expect(peer.linkSequences.isEmpty, "nothing goes while the breaker is open")
    harness.expectNoProblems()
  }

  // MARK: Drain

  @Test func atTheEndOfADrainNothingIsWrittenInsideAFrame() {
    let (harness, peer, client) = scene()
    client.level = .received
    client.hangUp()
    client.join()
    client.offer(1, payloadBytes: 200_000)
    client.offer(1)
    peer.accept()
    peer.room = 100_000
    peer.say(Welcome(frameBytesMax: 1 << 20, overhead: 320))
    peer.grant(bytes: 1 << 20, messages: 100)
    harness.event { harness.core.drain(until: harness.now + .seconds(1), now: harness.now) }
    harness.pass(.seconds(1))
    #expect(harness.isDrained)
    client.expectOutcome(.dropped, of: 1...2, code: .shuttingDown)
    peer.makeRoom()
    #expect(peer.runs.isEmpty)
    harness.expectNoProblems()
  }
}
