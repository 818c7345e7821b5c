import ForebayWire
import Testing

@testable import ForebayCore

/// A session outlives its connections: what the daemon knows is listed, what is sent again is known.
@Suite struct ResumeTests {
  @Test func whatIsHeldIsListedAndSettledOnTheNewConnection() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(10)
    client.hangUp()
    client.join()
    #expect(client.welcome?.isResumed == true)
    #expect(client.welcome?.known == 10)
    client.expectHeld(1...10)
    #expect(client.waiting.isEmpty, "nothing is to be sent again")
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...10)
    harness.expectNoProblems()
  }

  @Test func outcomesThatWereNotSeenAreSentAgain() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.room = 0
    client.offer(5)
    client.expectUnsettled(1...5)
    client.hangUp()
    client.room = .max
    client.join()
    client.expectDelivered(1...5)
    #expect(harness.upstream.accepted.count == 5)
    harness.expectNoProblems()
  }

  @Test func onlyWhatTheDaemonDoesNotKnowIsSentAgain() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(4)
    harness.upstream.settleNext(.accepted)
    client.offer(3)
    client.deliversAtOnce = false
    client.offer(3)
    client.hangUp()
    client.deliversAtOnce = true
    harness.upstream.manner = .accept
    client.join()
    client.expectHeld(5...7)
    #expect(harness.totals.received == 10, "8 to 10 came only now")
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...10)
    #expect(harness.totals.duplicate == 0)
    harness.expectNoProblems()
  }

  @Test func aResendOfWhatIsHeldIsDroppedWithoutAReceipt() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(5)
    client.hangUp()
    client.isEager = false
    client.join()
    client.write((1...5).flatMap { client.resent($0) })
    #expect(harness.totals.received == 10)
    #expect(harness.totals.duplicate == 5)
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...5)
    #expect(harness.upstream.accepted.count == 5)
    harness.expectNoProblems()
  }

  @Test func aResendOfWhatIsSettledGetsItsOutcomeFlaggedDuplicate() {
    let harness = SidecarHarness()
    harness.upstream.manner = .answer(.rejected(MessageCode(rawValue: 300)))
    let client = harness.join()
    client.room = 0
    client.offer(2)
    harness.upstream.manner = .accept
    client.offer(2)
    client.hangUp()
    client.room = .max
    client.isEager = false
    client.join()
    let before = client.frames.count
    client.write((1...4).flatMap { client.resent($0) })
    let ranges = client.frames[before...].flatMap { (frame: DaemonFrame) -> [ReceiptRange] in
      if case .receipt(let ranges) = frame { ranges } else { [] }
    }
    #expect(
      ranges == [
        ReceiptRange(
          first: 1, count: 2, outcome: .rejected, flags: .duplicate,
          code: MessageCode(rawValue: 300)),
        ReceiptRange(first: 3, count: 2, outcome: .delivered, flags: .duplicate),
      ])
    #expect(harness.upstream.accepted.count == 2)
    harness.expectNoProblems()
  }

  @Test func aResendBelowTheFloorIsADuplicate() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.offer(4)
    client.write(Seen(floor: 4).encoded())
    client.offer(1)
    client.hangUp()
    client.isEager = false
    client.join()
    client.write((1...5).flatMap { client.resent($0) })
    let last = client.frames.compactMap { frame -> [ReceiptRange]? in
      if case .receipt(let ranges) = frame { ranges } else { nil }
    }.last
    #expect(last?.first == ReceiptRange(first: 1, count: 5, outcome: .duplicate, flags: .duplicate))
    #expect(harness.upstream.accepted.count == 5)
    harness.expectNoProblems()
  }

  @Test func aRunOfOldAndNewIsSortedOut() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = harness.join()
    client.isEager = false
    client.offer(12)
    client.write([2, 3, 6, 7].flatMap { client.taken(UInt64($0)) })
    harness.upstream.manner = .accept
    harness.upstream.settleNext(.accepted)
    harness.upstream.manner = .hold
    client.write(client.taken(10))
    client.hangUp()
    client.join()
    // 2, 3 are settled; what was in the second call and 10 are held; the rest is new.
    client.write((1...12).flatMap { client.taken($0) })
    harness.upstream.manner = .accept
    harness.upstream.isOrdered = false
    harness.upstream.settleAll(.accepted)
    for sequence in 1...12 { client.expectDelivered(UInt64(sequence)...UInt64(sequence)) }
    #expect(harness.upstream.accepted.count == 12)
    harness.expectNoProblems()
  }

  @Test func refusedMessagesAreKnownWhenTheyComeAgain() {
    let harness = SidecarHarness { $0.classes[0].lanes = 1 }
    var critical: [UInt8] = []
    appendExtension(ExtensionType(rawValue: 200), [1], to: &critical)
    let client = harness.join()
    client.offer(1, extensions: critical)
    client.offer(1, lane: 3)
    client.offer(1, level: .stored)
    client.hangUp()
    client.isEager = false
    client.join()
    client.write((1...3).flatMap { client.resent($0) })
    client.expectOpen()
    client.expectOutcome(.rejected, of: 1...3)
    #expect(harness.totals.rejected == 3)
    #expect(harness.totals.duplicate == 3)
    harness.expectNoProblems()
  }

  // MARK: Takeover

  @Test func aTakeoverReadsTheOldConnectionOut() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let old = harness.join()
    old.offer(2)
    old.deliversAtOnce = false
    old.offer(3)
    let new = TestClient(harness, session: old.session)
    new.ledger = old.ledger
    new.join()
    old.expectClosed(.sessionTaken)
    #expect(harness.totals.received == 5, "what had arrived counts")
    new.expectHeld(1...5)
    harness.upstream.settleAll(.accepted)
    harness.upstream.settleAll(.accepted)
    new.expectDelivered(1...5)
    harness.expectNoProblems()
  }

  @Test func aSecondTakeoverClosesTheFirst() {
    let harness = SidecarHarness()
    let old = harness.join()
    let second = TestClient(harness, session: old.session)
    let third = TestClient(harness, session: old.session)
    harness.turn {
      second.join()
      third.join()
    }
    old.expectClosed(.sessionTaken)
    second.expectClosed(.sessionTaken)
    third.expectReady()
    harness.expectNoProblems()
  }

  @Test func whoTakesOverMayAlreadySpeak() {
    let harness = SidecarHarness()
    let old = harness.join()
    let new = TestClient(harness, session: old.session)
    new.connect()
    new.write(
      Hello(session: new.session).encoded() + Seen(floor: 1).encoded()
        + Blocked(cost: 400, floor: 1).encoded() + Backlog(bytes: .max, messages: .max).encoded())
    old.expectClosed(.sessionTaken)
    new.expectReady()
    harness.expectNoProblems()
  }

  @Test func whoTakesOverMayNotSendYet() {
    let harness = SidecarHarness()
    let old = harness.join()
    let new = TestClient(harness, session: old.session)
    new.connect()
    new.write(
      Hello(session: new.session).encoded() + TestMessage(sequence: 1).frame(of: new.session))
    new.expectClosed(.flowControl)
    harness.expectNoProblems()
  }

  @Test func theSameIdOfAnotherPrincipalIsAnotherSession() {
    let harness = SidecarHarness()
    let one = TestClient(harness, user: 1)
    let other = TestClient(harness, user: 2, session: one.session)
    one.join()
    one.offer(1)
    other.join()
    #expect(other.welcome?.isResumed == false)
    one.expectOpen()
    other.offer(1)
    other.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  // MARK: Forgetting

  @Test func byeWithNothingHeldOrUnseenForgetsAtOnce() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.offer(3)
    client.write(Seen(floor: 4).encoded() + Bye().encoded())
    client.expectClosed(nil)
    #expect(harness.core.sessionCount == 0)
    harness.expectNoProblems()
  }

  @Test func byeBringsTheReceiptsThatAreReady() {
    let harness = SidecarHarness()
    let client = harness.join()
    harness.turn {
      client.offer(3)
      client.bye()
    }
    client.expectClosed(nil)
    client.expectUnsettled(1...3)
    let second = harness.join()
    second.level = .received
    second.deliversAtOnce = false
    second.offer(2, level: .received)
    second.bye()
    second.deliver()
    second.expectClosed(nil)
    second.expectHeld(1...2)
    harness.expectNoProblems()
  }

  @Test func unseenReceiptsAreKeptForAQuarterOfAnHour() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.offer(3)
    client.hangUp()
    harness.pass(.seconds(899))
    #expect(harness.core.sessionCount == 1)
    harness.pass(.seconds(1))
    #expect(harness.core.sessionCount == 0)
    harness.expectNoProblems()
  }

  @Test func aSessionThatHoldsSomethingStays() {
    let harness = SidecarHarness { $0.routes[0].attemptTimeout = .seconds(86_400) }
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(3)
    client.hangUp()
    harness.pass(.seconds(2000))
    #expect(harness.core.sessionCount == 1)
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(899))
    #expect(harness.core.sessionCount == 1)
    harness.pass(.seconds(1))
    #expect(harness.core.sessionCount == 0)
    harness.expectNoProblems()
  }

  @Test func atThePrincipalsCapTheOldestIdleSessionGoes() {
    let harness = SidecarHarness {
      $0.limits.sessionsPerPrincipalMax = 3
      $0.limits.connectionsPerPrincipalMax = 3
    }
    harness.upstream.manner = .hold
    let holding = harness.join()
    holding.offer(1)
    holding.hangUp()
    harness.upstream.manner = .accept
    let idle = (0..<2).map { _ in TestClient(harness) }
    for client in idle {
      client.join()
      client.hangUp()
      harness.pass(.seconds(1))
    }
    // Nothing unseen: they are forgotten at once. With something unseen they stay.
    #expect(harness.core.sessionCount == 1)
    harness.upstream.settleAll(.accepted)
    for client in idle {
      client.join()
      client.offer(1)
      client.hangUp()
      harness.pass(.seconds(1))
    }
    #expect(harness.core.sessionCount == 3)
    let newcomer = harness.join()
    newcomer.expectReady()
    #expect(harness.core.sessionCount == 3)
    idle[1].join()
    #expect(idle[1].welcome?.isResumed == true)
    harness.expectNoProblems()
  }

  @Test func aPrincipalWhoseSessionsAllHoldHasNoRoomForMore() {
    let harness = SidecarHarness {
      $0.limits.sessionsPerPrincipalMax = 2
      $0.limits.connectionsPerPrincipalMax = 2
    }
    harness.upstream.manner = .hold
    let clients = (0..<3).map { _ in TestClient(harness) }
    for client in clients.prefix(2) {
      client.join()
      client.offer(1)
    }
    // Its connection is free again, its session isn't.
    clients[0].hangUp()
    clients[2].join()
    clients[2].expectClosed(.tooManySessions)
    let other = harness.join(user: 2)
    other.expectReady()
    harness.expectNoProblems()
  }

  // MARK: Levels

  @Test func aMessageReceiptedAsReceivedStillGetsItsFinalOutcome() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = TestClient(harness)
    client.level = .received
    client.join()
    client.offer(3)
    client.expectHeld(1...3)
    client.expectUnsettled(1...3)
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }

  @Test func theLevelOfAMessageOverridesThatOfItsConnection() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(1)
    client.offer(1, level: .received)
    client.offer(1)
    client.expectHeld(2...2)
    #expect(!client.ledger.entry(1).isHeld && !client.ledger.entry(3).isHeld)
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }
}
