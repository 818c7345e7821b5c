import ForebayClient
import ForebayWire
import Testing

/// Each test is a conversation about one rule.
@Suite struct ClientMachineTests {
  // MARK: Beginning

  @Test func saysHelloFirstAndNothingElseBeforeTheWindow() {
    let talk = Conversation()
    talk.submit("a")
    #expect(talk.said() == [])
    talk.connect()
    #expect(talk.said() == [.hello(floor: 1)])
    talk.hear(.welcome())
    #expect(talk.said() == [])
    talk.hear(.window(messages: 1))
    #expect(talk.said() == [.data(1, "a")])
  }

  @Test func tellsOfTheWelcomeAndKeepsItsMaximum() {
    let talk = Conversation()
    talk.connect()
    talk.hear(.welcome(frameBytesMax: 30))
    #expect(talk.events() == [.welcomed(isResumed: false, frameBytesMax: 30)])
    #expect(talk.submit("123456") == .accepted(sequence: 1))
    #expect(talk.submit("1234567") == .tooLarge(frameBytesMax: 30))
  }

  @Test func givesUpOnADaemonThatDoesNotAnswer() {
    let talk = Conversation()
    talk.connect()
    talk.wait(seconds: 4.9)
    #expect(talk.news() == [])
    talk.wait(seconds: 0.2)
    #expect(talk.news() == [.ended(.welcomeTimeout)])
  }

  // MARK: Credit

  @Test func sendsNoMessageAboveTheLimit() {
    let talk = Conversation.begun(messages: 2)
    for text in ["a", "b", "c"] { talk.submit(text) }
    #expect(talk.said() == [.data(1, "a"), .data(2, "b")])
    talk.hear(.window(messages: 3))
    #expect(talk.said() == [.data(3, "c")])
  }

  @Test func sendsNoByteAboveTheLimit() {
    // A one-byte message costs 24 + 1 + 100.
    let talk = Conversation.begun(bytes: 249)
    talk.submit("a")
    talk.submit("b")
    #expect(talk.said() == [.data(1, "a")])
    talk.hear(.window(messages: 100, bytes: 250))
    #expect(talk.said() == [.data(2, "b")])
    #expect(talk.machine.credit.openBytes == 0)
  }

  @Test func aLateWindowChangesNothing() {
    let talk = Conversation.begun(messages: 3)
    talk.hear(.window(messages: 1, bytes: 10))
    for text in ["a", "b", "c", "d"] { talk.submit(text) }
    #expect(talk.said().count == 3)
  }

  @Test func chargesAFrameWhenItsFirstByteGoes() {
    let talk = Conversation.begun(bytes: 160)
    talk.produceBytes = 10
    talk.submit("a message of some length")
    let first = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 8)
    defer { first.deallocate() }
    #expect(talk.machine.produce(into: first, now: talk.now) == 10)
    #expect(talk.machine.credit.openBytes == 160 - 148)
    // The reclaim can't take what is on its way, and its answer waits for the frame's end.
    talk.hear(.frame(Reclaim(number: 1, limitBytes: 0, limitMessages: 0)))
    let rest = Array(first) + talk.producedBytes()
    #expect(Conversation.read(rest) == [.data(1, "a message of some length"), .reclaimed(1)])
  }

  // MARK: A shut window

  @Test func saysBlockedAfter200MillisecondsAndThenMoreRarely() {
    let talk = Conversation.begun(messages: 0)
    talk.submit("ab")
    #expect(talk.said() == [])
    talk.wait(seconds: 0.19)
    #expect(talk.said() == [])
    talk.wait(seconds: 0.07)
    #expect(talk.said() == [.blocked(cost: 126, floor: 1)])
    talk.wait(seconds: 60)
    // 0.4 + 0.8 + 1.6 + 3.2 s, then every 5 s, each up to an eighth later.
    let count = talk.said().count
    #expect(count >= 13 && count <= 14)
  }

  @Test func stopsSayingBlockedWhenTheFrameFits() {
    let talk = Conversation.begun(messages: 0)
    talk.submit("a")
    _ = talk.said()
    talk.wait(seconds: 0.1)
    talk.hear(.window(messages: 1))
    #expect(talk.said() == [.data(1, "a")])
    talk.wait(seconds: 10)
    #expect(talk.said() == [])
    #expect(talk.machine.blockedTime(now: talk.now) == Conversation.second / 10)
  }

  @Test func tellsWhyTheWindowIsShut() {
    let talk = Conversation.begun(messages: 1)
    talk.submit("a")
    _ = talk.said()
    _ = talk.events()
    talk.hear(.window(messages: 1, state: .shut, reason: .breakerOpen))
    guard case .windowChanged(let view)? = talk.events().last else {
      Issue.record("no windowChanged")
      return
    }
    #expect(view.isShut && view.reason == .breakerOpen)
  }

  @Test func saysSeenAtOnceWhenReceiptsAreUnseen() {
    let talk = Conversation.begun()
    talk.submit("a")
    _ = talk.said()
    talk.hear(.delivered(1))
    #expect(talk.said() == [])
    talk.hear(.window(messages: 1, state: .shut, reason: .receiptsUnseen))
    #expect(talk.said() == [.seen(2)])
  }

  @Test func saysSeenEveryQuarterWindow() {
    let talk = Conversation.begun(messages: 100)
    for _ in 0..<60 { talk.submit("") }
    _ = talk.said()
    talk.hear(.delivered(1, count: 24))
    #expect(talk.said() == [])
    talk.hear(.delivered(25))
    #expect(talk.said() == [.seen(26)])
    // A gap holds the floor.
    talk.hear(.delivered(27, count: 30))
    #expect(talk.said() == [])
    talk.hear(.delivered(26))
    #expect(talk.said() == [.seen(57)])
  }

  // MARK: Reclaim

  @Test func givesBackUnusedCreditAndAnswers() {
    let talk = Conversation.begun(messages: 100)
    talk.submit("a")
    _ = talk.said()
    talk.hear(.frame(Reclaim(number: 5, limitBytes: 0, limitMessages: 0)))
    talk.submit("b")
    #expect(talk.said() == [.reclaimed(5)])
    talk.hear(.window(messages: 2))
    #expect(talk.said() == [.data(2, "b")])
  }

  @Test func aReclaimNeverGrants() {
    let talk = Conversation.begun(messages: 0)
    talk.hear(.frame(Reclaim(number: 5, limitBytes: 1_000, limitMessages: 10)))
    talk.submit("a")
    #expect(talk.said() == [.reclaimed(5)])
  }

  // MARK: Receipts

  @Test func reportsEachFinalOutcomeOnce() {
    let talk = Conversation.begun()
    for text in ["a", "b", "c"] { talk.submit(text) }
    _ = talk.said()
    talk.hear(
      .delivered(2),
      .receipt(
        ReceiptRange(
          first: 1, count: 1, outcome: .rejected, flags: .maybeDelivered, code: .upstreamRejected),
        ReceiptRange(first: 3, count: 1, outcome: .rejected)))
    #expect(
      talk.news() == [
        .delivered(2),
        .settled(
          first: 1, count: 1, outcome: .rejected, code: .upstreamRejected, flags: .maybeDelivered),
        .settled(first: 3, count: 1, outcome: .rejected, code: .none, flags: []),
      ])
    #expect(talk.machine.unsettledCount == 0)
    #expect(talk.machine.floor == 4)
  }

  @Test func joinsNeighboursWithTheSameOutcome() {
    let talk = Conversation.begun(messages: 1_000)
    for _ in 0..<600 { talk.submit("") }
    _ = talk.said()
    talk.hear(.delivered(1, count: 300), .delivered(301, count: 300))
    #expect(talk.news() == [.delivered(1, count: 600)])
  }

  @Test func receivedAnswersOnlyThoseWhoAskedForIt() {
    let talk = Conversation.begun()
    talk.submit("a", level: .received)
    talk.submit("b", level: .stored)
    talk.submit("c")
    _ = talk.said()
    #expect(talk.machine.unansweredCount == 3)
    talk.hear(.received(1, count: 3))
    #expect(talk.news() == [.answered(first: 1, count: 1, outcome: .received)])
    #expect(talk.machine.unansweredCount == 2)
    talk.hear(.receipt(ReceiptRange(first: 1, count: 3, outcome: .stored)))
    #expect(talk.news() == [.answered(first: 2, count: 1, outcome: .stored)])
    talk.hear(.delivered(1, count: 3))
    #expect(talk.news() == [.delivered(1, count: 3)])
    #expect(talk.machine.unansweredCount == 0)
  }

  @Test func ignoresReceiptsForWhatItDoesNotWaitFor() {
    let talk = Conversation.begun(messages: 1)
    for text in ["a", "b"] { talk.submit(text) }
    _ = talk.said()
    // 2 was never sent, and 3 to the end never submitted.
    talk.hear(.delivered(1, count: .max))
    #expect(talk.news() == [.delivered(1)])
    talk.hear(.receipt(ReceiptRange(first: 1, count: 1, outcome: .dropped)), .received(1))
    #expect(talk.news() == [])
    talk.hear(.window(messages: 2))
    #expect(talk.said() == [.seen(2), .data(2, "b")])
  }

  @Test func anOutcomeForAFrameThatIsHalfSentWaitsForTheOther() {
    let talk = Conversation.begun()
    talk.submit("abc")
    _ = talk.said()
    talk.lose()
    talk.connect()
    talk.hear(.welcome(), .window(messages: 9))
    _ = talk.events()
    let start = UnsafeMutableRawBufferPointer.allocate(byteCount: 44 + 20, alignment: 8)
    defer { start.deallocate() }
    #expect(talk.machine.produce(into: start, now: talk.now) == 64)
    talk.hear(.delivered(1))
    #expect(talk.news() == [])
    #expect(
      Conversation.read(Array(start) + talk.producedBytes())
        == [.hello(floor: 1), .data(1, "abc")])
    talk.hear(.delivered(1))
    #expect(talk.news() == [.delivered(1)])
  }

  // MARK: Resuming

  @Test func resendsWhatTheDaemonDoesNotHaveInOrder() {
    let talk = Conversation.begun()
    for text in ["a", "b", "c", "d", "e"] { talk.submit(text) }
    _ = talk.said()
    talk.hear(.delivered(1))
    talk.lose()
    talk.submit("f")
    talk.connect()
    #expect(talk.said() == [.hello(floor: 2)])
    // 2 is settled meanwhile, 4 is held; 3 and 5 never arrived.
    talk.hear(.welcome(ranges: 2, known: 4), .received(4), .delivered(2))
    talk.hear(.window(messages: 100))
    #expect(talk.said() == [.data(3, "c"), .data(5, "e"), .data(6, "f")])
    #expect(talk.news() == [.delivered(2)])
    talk.hear(.delivered(3, count: 4))
    #expect(talk.news() == [.delivered(3, count: 4)])
  }

  @Test func aForgetfulDaemonGetsEverythingAgain() {
    let talk = Conversation.begun()
    for text in ["a", "b"] { talk.submit(text) }
    _ = talk.said()
    talk.lose()
    talk.connect()
    talk.hear(.welcome(), .window(messages: 100))
    #expect(talk.said() == [.hello(floor: 1), .data(1, "a"), .data(2, "b")])
  }

  @Test func aListedOutcomeThatCameBeforeIsNotToldTwice() {
    let talk = Conversation.begun()
    for text in ["a", "b"] { talk.submit(text) }
    _ = talk.said()
    talk.hear(.delivered(2))
    #expect(talk.news() == [.delivered(2)])
    talk.lose()
    talk.connect()
    #expect(talk.said() == [.hello(floor: 1)])
    talk.hear(.welcome(ranges: 1, known: 2), .delivered(1, count: 2), .window(messages: 100))
    #expect(talk.news() == [.delivered(1)])
    #expect(talk.said() == [])
  }

  @Test func aCutFrameIsSentAgainWhole() {
    let talk = Conversation.begun()
    talk.submit("abc")
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 8)
    defer { buffer.deallocate() }
    #expect(talk.machine.produce(into: buffer, now: talk.now) == 20)
    talk.lose()
    talk.connect()
    talk.hear(.welcome(), .window(messages: 1))
    #expect(talk.said() == [.hello(floor: 1), .data(1, "abc")])
  }

  @Test func creditStartsAnewWithEachConnection() {
    let talk = Conversation.begun(messages: 10)
    talk.submit("a")
    _ = talk.said()
    talk.lose()
    talk.submit("b")
    talk.connect()
    talk.hear(.welcome(), .window(messages: 1))
    #expect(talk.said() == [.hello(floor: 1), .data(1, "a")])
  }

  @Test func aMessageForALargerFrameThanTheNewOneIsAbandoned() {
    let talk = Conversation.begun()
    talk.submit("12345678901234567890")
    _ = talk.said()
    talk.submit("12345678901234567890")
    talk.submit("ok")
    talk.lose()
    talk.connect()
    talk.hear(.welcome(frameBytesMax: 40), .window(messages: 9))
    #expect(talk.said() == [.hello(floor: 1), .data(3, "ok")])
    #expect(
      talk.news() == [
        .abandoned(first: 1, count: 1, certainty: .unknown, cause: .frameTooLarge),
        .abandoned(first: 2, count: 1, certainty: .notSent, cause: .frameTooLarge),
      ])
  }

  @Test func aContinuedSessionSkipsWhatTheDaemonKnows() {
    let talk = Conversation { $0.continuesSession = true }
    talk.submit("a")
    talk.connect()
    talk.hear(
      .welcome(ranges: 3, known: 9), .delivered(1, count: 2), .received(4, count: 2),
      .delivered(7), .window(messages: 100))
    for text in ["b", "c", "d", "e", "f", "g", "h"] { talk.submit(text) }
    #expect(
      talk.said() == [.hello(floor: 1), .data(3, "c"), .data(6, "f"), .data(8, "h")])
    #expect(talk.news() == [.delivered(1), .delivered(2), .delivered(7)])
    // Held messages settle on this connection, before they are submitted or after.
    talk.hear(.delivered(4))
    #expect(talk.news() == [.delivered(4)])
  }

  @Test func aContinuedSessionRemembersOutcomesOfWhatIsSubmittedLater() {
    let talk = Conversation { $0.continuesSession = true }
    talk.connect()
    talk.hear(.welcome(ranges: 1, known: 5), .received(1, count: 5), .window(messages: 100))
    talk.hear(.delivered(2, count: 3))
    for text in ["a", "b", "c", "d", "e", "f"] { talk.submit(text) }
    #expect(talk.news() == [.delivered(2, count: 3)])
    #expect(talk.said() == [.hello(floor: 1), .data(6, "f")])
    talk.hear(.delivered(1), .delivered(5, count: 2))
    #expect(talk.news() == [.delivered(1), .delivered(5, count: 2)])
  }

  // MARK: Liveness

  @Test func answersPings() {
    let talk = Conversation.begun()
    talk.hear(.frame(Ping(token: 5)), .frame(Ping(token: 6)))
    #expect(talk.said() == [.pong(5), .pong(6)])
  }

  @Test func leavesADaemonThatFallsSilent() {
    let talk = Conversation()
    talk.connect()
    talk.hear(.welcome(heartbeat: 1_000), .window(messages: 1))
    talk.wait(seconds: 2.9)
    talk.hear(.frame(Ping(token: 1)))
    talk.wait(seconds: 2.9)
    #expect(talk.news() == [])
    talk.wait(seconds: 0.2)
    #expect(talk.news() == [.ended(.heartbeatMissed)])
  }

  // MARK: Ends

  @Test func afterGoAwayNothingNewIsSentAndWhatIsOwedStillComes() {
    let talk = Conversation.begun()
    talk.submit("a")
    _ = talk.said()
    talk.hear(.frame(GoAway(.shuttingDown, deadlineMilliseconds: 5_000)))
    talk.submit("b")
    #expect(talk.said() == [])
    talk.hear(.delivered(1))
    #expect(talk.news() == [.delivered(1), .ended(.drained(.shuttingDown))])
    talk.lose()
    talk.connect()
    talk.hear(.welcome(known: 1), .window(messages: 1))
    #expect(talk.said() == [.hello(floor: 2), .data(2, "b")])
  }

  @Test func aDrainThatNeverEndsIsLeftAfterItsDeadline() {
    let talk = Conversation.begun()
    talk.submit("a")
    _ = talk.said()
    talk.hear(.frame(GoAway(.shuttingDown, deadlineMilliseconds: 5_000)))
    talk.wait(seconds: 5.9)
    #expect(talk.news() == [])
    talk.wait(seconds: 0.2)
    #expect(talk.news() == [.ended(.drained(.shuttingDown))])
  }

  @Test func aSurplusClientIsSentAwayBeforeTheWelcome() {
    let talk = Conversation()
    talk.connect()
    talk.hear(.frame(GoAway(.tooManyConnections, deadlineMilliseconds: 0)))
    #expect(talk.news() == [.ended(.drained(.tooManyConnections))])
  }

  @Test func anErrorEndsTheConnectionAndSaysWhetherToComeBack() {
    for (code, remedy) in [
      (ErrorCode.flowControl, Remedy.bug), (.sessionTaken, .stop), (.shuttingDown, .again),
      (.tooManyConnections, .again),
    ] {
      let talk = Conversation.begun()
      talk.hear(.frame(ErrorFrame(code, retryAfterMilliseconds: 70)))
      let end = ConnectionEnd.refused(code, retryAfterMilliseconds: 70)
      #expect(talk.news() == [.ended(end)])
      #expect(end.remedy == remedy)
      talk.submit("a")
      #expect(talk.said() == [])
    }
  }

  @Test func saysByeAfterTheLastFloor() {
    let talk = Conversation.begun()
    talk.submit("a")
    _ = talk.said()
    talk.hear(.delivered(1))
    talk.machine.sayBye()
    #expect(talk.said() == [.seen(2), .bye])
    #expect(talk.news() == [.delivered(1), .ended(.saidBye)])
  }

  @Test func abandonsWhatIsLeftAndSaysWhatIsKnownOfIt() {
    let talk = Conversation.begun(messages: 2)
    for text in ["a", "b", "c"] { talk.submit(text) }
    _ = talk.said()
    talk.hear(.delivered(1))
    _ = talk.news()
    talk.lose()
    talk.machine.abandonAll()
    #expect(
      talk.news() == [
        .abandoned(first: 2, count: 1, certainty: .unknown, cause: .closed),
        .abandoned(first: 3, count: 1, certainty: .notSent, cause: .closed),
      ])
    #expect(talk.machine.unsettledCount == 0)
  }

  // MARK: The queue

  @Test func takesNoMoreThanItsQueueHolds() {
    let talk = Conversation.begun(messages: 2) { $0.queueMessages = 3 }
    for text in ["a", "b", "c"] { #expect(talk.submit(text) != .full) }
    #expect(talk.submit("d") == .full)
    #expect(talk.said().count == 2)
    #expect(talk.submit("d") != .full)
    #expect(talk.submit("e") != .full)
    #expect(talk.submit("f") == .full)
    // What is out comes back into the queue when the connection is lost.
    talk.lose()
    talk.hear()
    #expect(talk.submit("f") == .full)
  }

  @Test func takesNoMoreThanItMayHoldUnsettled() {
    let talk = Conversation.begun { $0.unsettledMessages = 2 }
    talk.submit("a")
    talk.submit("b")
    _ = talk.said()
    #expect(talk.submit("c") == .full)
    talk.hear(.delivered(2))
    #expect(talk.submit("c") != .full)
  }
}
