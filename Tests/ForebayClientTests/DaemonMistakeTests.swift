import ForebayClient
import ForebayWire
import Testing

/// Whatever the daemon does against the protocol has a name and ends the connection.
@Suite struct DaemonMistakeTests {
  private func expectMistake(
    _ mistake: DaemonMistake, in talk: Conversation,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(talk.news() == [.ended(.mistake(mistake))], sourceLocation: sourceLocation)
    #expect(talk.said() == [], sourceLocation: sourceLocation)
  }

  private func greeted() -> Conversation {
    let talk = Conversation()
    talk.connect()
    _ = talk.said()
    return talk
  }

  @Test func framesBeforeTheWelcome() {
    for (type, line) in [
      (FrameType.window, DaemonLine.window(messages: 1)), (.receipt, .delivered(1)),
      (.reclaim, .frame(Reclaim(number: 1, limitBytes: 0, limitMessages: 0))),
    ] {
      let talk = greeted()
      talk.hear(line)
      expectMistake(.unexpectedFrame(type), in: talk)
    }
  }

  @Test func aSecondWelcome() {
    let talk = Conversation.begun()
    talk.hear(.welcome())
    expectMistake(.unexpectedFrame(.welcome), in: talk)
  }

  @Test func aWindowBeforeAllRanges() {
    let talk = greeted()
    talk.hear(.welcome(ranges: 2), .window(messages: 1))
    expectMistake(.rangesMissing(2), in: talk)
  }

  @Test func moreRangesThanAnnounced() {
    let talk = Conversation.begun()
    talk.submit("a")
    _ = talk.said()
    talk.lose()
    talk.connect()
    _ = talk.said()
    talk.hear(.welcome(ranges: 0, known: 1), .delivered(1))
    expectMistake(.tooManyRanges, in: talk)
  }

  @Test func framesThatOnlyClientsSend() {
    let talk = Conversation.begun()
    talk.hear(.frame(Pong(token: 1)))
    expectMistake(.unexpectedFrame(.pong), in: talk)
  }

  @Test func knowledgeOfASessionThatItDoesNotKnow() {
    let talk = greeted()
    talk.hear(.frame(Welcome(frameBytesMax: 100, overhead: 0, ranges: 1)))
    expectMistake(.malformedFrame(.badField), in: talk)
  }

  @Test func knowledgeOfWhatWasNeverSent() {
    let talk = greeted()
    talk.hear(.welcome(known: 3))
    expectMistake(.countsUnsent, in: talk)
  }

  @Test func aCountAboveWhatWasSent() {
    let talk = Conversation.begun()
    talk.hear(.window(messages: 9, received: (messages: 1, bytes: 1)))
    expectMistake(.countsUnsent, in: talk)
  }

  @Test func moreQuestionsThanItReadsAnswersTo() {
    let talk = Conversation.begun()
    for token in 0..<2_000 where talk.machine.isConnected {
      talk.hear(.frame(Ping(token: UInt64(token))))
    }
    expectMistake(.controlFlood, in: talk)
  }

  @Test func framesThatCanNotBeRead() {
    var reserved = Window(limitBytes: 1, limitMessages: 1).encoded()
    reserved[6] = 1
    for (bytes, code) in [
      ([0, 0, 0, 1, 0, 0, 0, 0], ErrorCode.frameTooShort),
      ([0, 0, 0, 4, 99, 0, 0, 0], .unknownFrameType),
      ([0xff, 0, 0, 4, 130, 0, 0, 0], .frameTooLarge), (reserved, .reservedBits),
    ] {
      let talk = Conversation.begun()
      talk.hear(DaemonLine(bytes: bytes))
      expectMistake(.malformedFrame(code), in: talk)
    }
  }

  @Test func aFrameCutAnywhereIsReadWhenItIsWhole() {
    let bytes = DaemonLine.welcome().bytes + DaemonLine.window(messages: 1).bytes
    for cut in 0...bytes.count {
      let talk = greeted()
      talk.submit("a")
      let used = bytes[..<cut].withUnsafeBytes { talk.machine.receive($0, now: talk.now) }
      _ = bytes[used...].withUnsafeBytes { talk.machine.receive($0, now: talk.now) }
      #expect(talk.said() == [.data(1, "a")])
    }
  }
}
