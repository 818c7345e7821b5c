import ForebayCore
import ForebayWire
import Testing

@testable import ForebayUpstreams

/// What a server's words mean for the messages, without a server.
@Suite struct AMQPSessionTests {
  private typealias Event = SessionEvent

  private let origin = ID128(high: 0xabc, low: 0xdef)
  private func id(_ sequence: UInt64) -> String { "0000000000000abc0000000000000def-\(sequence)" }

  /// Hears everything, in pieces of `chunk` bytes, and what is answered.
  private func hear(
    _ bytes: [UInt8], chunk: Int = .max, _ session: inout AMQPSession, _ output: inout OutputQueue
  ) -> [Event] {
    var rest = bytes[...]
    while !rest.isEmpty {
      Array(rest.prefix(chunk)).withUnsafeBytes { session.received($0, &output) }
      rest = rest.dropFirst(chunk)
    }
    var events: [Event] = []
    session.takeEvents(&events)
    return events
  }

  private func events(
    calls: [Int], _ answers: [UInt8], chunk: Int = .max, _ options: AMQPOptions = AMQPOptions()
  ) -> [Event] {
    var session = AMQPSession(options, route: "main")
    var output = OutputQueue()
    session.opened(&output)
    let greeted = hear(RabbitBytes.greeting, chunk: chunk, &session, &output)
    #expect(greeted == [.ready])
    for (call, messages) in calls.enumerated() {
      session.confirms.began(UInt32(call), messages: messages)
      session.confirms.noteOrigin(origin, UInt64(call * 100), 0, messages)
      for _ in 0..<messages { session.confirms.published(bytes: 70_000) }
      session.confirms.ended()
    }
    return hear(answers, chunk: chunk, &session, &output)
  }

  private func reason(_ events: [Event]) -> String {
    if case .close(let reason, false) = events.last { reason } else { "" }
  }

  private func text(_ output: borrowing OutputQueue) -> String {
    String(decoding: output.waiting, as: UTF8.self)
  }

  // MARK: The greeting

  @Test func whoWeAreAndWhatWeUnderstandIsSaid() {
    var options = AMQPOptions()
    options.user = "app"
    options.password = "s3cret"
    options.virtualHost = "staging"
    var session = AMQPSession(options, route: "main")
    var output = OutputQueue()
    session.opened(&output)
    let magic = Array(output.waiting)
    #expect(magic == [0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1])
    output.removeAll()
    var events = hear(RabbitBytes.start(), &session, &output)
    #expect(events == [])
    let startOK = text(output)
    for part in ["PLAIN", "\0app\0s3cret", "connection.blocked", "basic.nack"] {
      #expect(startOK.contains(part), "\(part)")
    }
    let server = session.server
    #expect(server?.product == "RabbitMQ" && server?.productVersion == "3.10.8")
    output.removeAll()
    events = hear(RabbitBytes.tune(), &session, &output)
    #expect(events == [])
    // tune-ok, and connection.open.
    let tuneOK = Array(output.waiting.prefix(20))
    let open = text(output)
    #expect(
      tuneOK
        == RabbitBytes.method(
          0x000a_001f, channel: 0,
          RabbitBytes.big(2047 as UInt16) + RabbitBytes.big(131_072 as UInt32)
            + RabbitBytes.big(30 as UInt16)))
    let seconds = session.heartbeat.seconds
    #expect(open.contains("staging") && seconds == 30)
  }

  @Test(arguments: [(60, 30, 30), (10, 30, 10), (0, 30, 30), (60, 0, 0)] as [(UInt16, Int, Int)])
  func theShorterHeartbeatCounts(_ theirs: UInt16, _ ours: Int, _ agreed: Int) {
    var options = AMQPOptions()
    options.heartbeat = .seconds(UInt64(ours))
    var session = AMQPSession(options, route: "main")
    var output = OutputQueue()
    session.opened(&output)
    _ = hear(RabbitBytes.start() + RabbitBytes.tune(heartbeat: theirs), &session, &output)
    let seconds = session.heartbeat.seconds
    #expect(Int(seconds) == agreed)
  }

  @Test func smallFramesAreAgreedAndTooSmallOnesRefused() {
    var session = AMQPSession(AMQPOptions(), route: "main")
    var output = OutputQueue()
    session.opened(&output)
    _ = hear(RabbitBytes.start() + RabbitBytes.tune(frameBytes: 8_192), &session, &output)
    let agreed = session.frameBytesMax
    #expect(agreed == 8_192)
    session.opened(&output)
    let said = hear(RabbitBytes.start() + RabbitBytes.tune(frameBytes: 100), &session, &output)
    #expect(reason(said).contains("100 bytes"))
  }

  @Test func aCertificateSaysWhoWeAreWhereTheServerTakesThat() {
    var options = AMQPOptions()
    options.prefersCertificate = true
    for (mechanisms, chosen) in [("PLAIN EXTERNAL", "EXTERNAL"), ("PLAIN", "PLAIN")] {
      var session = AMQPSession(options, route: "main")
      var output = OutputQueue()
      session.opened(&output)
      _ = hear(RabbitBytes.start(mechanisms: mechanisms), &session, &output)
      let said = text(output)
      #expect(said.contains(chosen) && said.contains("guest") == (chosen == "PLAIN"))
    }
  }

  @Test(
    arguments: [
      (RabbitBytes.start(mechanisms: "GSSAPI"), "GSSAPI"),
      (RabbitBytes.start(minor: 10), "AMQP 0-10"),
      (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "no RabbitMQ server"),
      (Array("AMQP\0\u{1}\0\0".utf8), "AMQP 1-0-0"),
      (RabbitBytes.ack(1), "nobody asked"),
      (RabbitBytes.method(0x000a_000a, channel: 0, [0]), "read"),
      (RabbitBytes.frame(1, channel: 0, [1, 2]), "read"),
      (
        RabbitBytes.start()
          + RabbitBytes.connectionClosed(403, "ACCESS_REFUSED - Login was refused"),
        "user or password"
      ),
      (
        RabbitBytes.start() + RabbitBytes.tune()
          + RabbitBytes.connectionClosed(530, "NOT_ALLOWED - vhost x not found"), "virtual host"
      ),
      (
        RabbitBytes.start() + RabbitBytes.tune() + RabbitBytes.connectionOpened
          + RabbitBytes.channelOpened
          + RabbitBytes.channelClosed(404, "NOT_FOUND - no queue 'forebay' in vhost '/'"),
        "amqp.routing_key"
      ),
    ] as [([UInt8], String)])
  func aServerThatIsNotForUsIsLeft(_ bytes: [UInt8], _ part: String) {
    var session = AMQPSession(AMQPOptions(), route: "main")
    var output = OutputQueue()
    session.opened(&output)
    let said = hear(bytes, &session, &output)
    #expect(said.count == 1)
    #expect(reason(said).contains(part), "\(said)")
  }

  /// The exchange, or the one queue, is looked for before anything goes there; what names many isn't.
  @Test(
    arguments: [
      ("in", "{key}", 0x28), (nil, "orders", 0x32), (nil, "{route}", 0x32), (nil, "q{lane}", 0x55),
      (nil, "{key}", 0x55),
    ] as [(String?, String, UInt8)])
  func whatCanBeKnownIsLookedFor(_ exchange: String?, _ key: String, _ group: UInt8) {
    var options = AMQPOptions()
    options.exchange = exchange
    options.routingKey = key
    var session = AMQPSession(options, route: "main")
    var output = OutputQueue()
    session.opened(&output)
    _ = hear(
      RabbitBytes.start() + RabbitBytes.tune() + RabbitBytes.connectionOpened, &session, &output)
    output.removeAll()
    _ = hear(RabbitBytes.channelOpened, &session, &output)
    let asked = output.waiting[8]
    #expect(asked == group)
  }

  // MARK: Confirms

  @Test(arguments: [1, 2, 7, 1000])
  func confirmsSettleCalls(_ chunk: Int) {
    let answers =
      RabbitBytes.ack(1) + RabbitBytes.ack(5) + RabbitBytes.heartbeat
      + RabbitBytes.ack(4, multiple: true)
    let said = events(calls: [2, 2, 1], answers, chunk: chunk)
    let verdicts = said.filter { if case .call = $0 { true } else { false } }
    #expect(verdicts == [.call(2, .accepted), .call(0, .accepted), .call(1, .accepted)])
    // What is told of single messages depends on where the bytes were cut, what it means doesn't.
    let isTold = said.contains(.messages(call: 0, 0..<1, .accepted))
    #expect(isTold)
  }

  @Test func aQueueThatRefusesSlowsDown() {
    let said = events(calls: [3], RabbitBytes.nack(2) + RabbitBytes.ack(3, multiple: true))
    #expect(said.contains(.messages(call: 0, 0..<1, .accepted)))
    #expect(said.contains(.messages(call: 0, 2..<3, .accepted)))
    #expect(said.last == .call(0, .throttled(retryAfter: nil)))
    guard case .noticed(let text, true) = said[said.count - 2] else {
      Issue.record("\(said)")
      return
    }
    #expect(text.contains("reject-publish"))
  }

  @Test(arguments: [1, 3, 1000])
  func aMessageThatComesBackIsRejected(_ chunk: Int) {
    let answers =
      RabbitBytes.returned(id(1), bodyBytes: 250, chunk: 100)
      + RabbitBytes.returned(id(2), bodyBytes: 0)
      + RabbitBytes.ack(4, multiple: true)
    let said = events(calls: [4], answers, chunk: chunk)
    for index in [1, 2] {
      #expect(
        said.contains(
          .messages(call: 0, index..<(index + 1), .rejected(AMQPComplaint.unroutable))))
    }
    #expect(said.last == .call(0, .accepted))
    let notices = said.count { if case .noticed = $0 { true } else { false } }
    #expect(notices == 1, "a thousand of them are one line")
  }

  @Test(
    arguments: [
      (RabbitBytes.ack(3), "isn't out"), (RabbitBytes.ack(1) + RabbitBytes.ack(1), "isn't out"),
      (RabbitBytes.ack(9, multiple: true), "isn't out"),
      (RabbitBytes.method(0x003c_0050, [0, 0, 1]), "confirm of"),
      (RabbitBytes.method(0x003c_0032, [0]), "without saying why"),
      (RabbitBytes.returned("somebody else's"), "isn't out"),
      (RabbitBytes.returned("0000000000000abc0000000000000def-7"), "isn't out"),
      (RabbitBytes.frame(3, [1]), "nothing announced"),
      (RabbitBytes.frame(2, channel: 3, [1]), "isn't open"),
      (RabbitBytes.method(0x003c_003c), "method 60.60"),
      (RabbitBytes.confirmsSelected, "nobody asked"),
      (
        Array(RabbitBytes.returned("0000000000000abc0000000000000def-1").prefix(27))
          + RabbitBytes.ack(1), "without its content"
      ),
    ] as [([UInt8], String)])
  func whatMakesNoSenseEndsIt(_ bytes: [UInt8], _ part: String) {
    let said = events(calls: [2], bytes)
    #expect(reason(said).contains(part), "\(said)")
  }

  /// What is known before the end is told before it.
  @Test func theEndComesLast() {
    let said = events(
      calls: [1, 1], RabbitBytes.ack(1) + RabbitBytes.connectionClosed(320, "CONNECTION_FORCED"))
    #expect(said.first == .call(0, .accepted) && said.count == 2)
    #expect(reason(said).contains("CONNECTION_FORCED"))
  }

  @Test func theMessageThatIsTooLargeIsRejectedByItself() {
    let text =
      "PRECONDITION_FAILED - message size 70000 is larger than configured max size 65536"
    let said = events(calls: [2], RabbitBytes.ack(1) + RabbitBytes.channelClosed(406, text))
    #expect(said.contains(.messages(call: 0, 0..<1, .accepted)))
    #expect(said.contains(.messages(call: 0, 1..<2, .rejected(AMQPComplaint.tooLarge))))
    #expect(reason(said).contains("max_message_size"))
  }

  // MARK: Slow down, and heartbeats

  @Test func aServerThatIsNearlyFullPauses() {
    let said = events(calls: [1], RabbitBytes.blocked("low on memory") + RabbitBytes.unblocked)
    #expect(said.contains(.paused(true)) && said.last == .paused(false))
    let isTold = said.contains {
      if case .noticed(let text, true) = $0 { text.contains("low on memory") } else { false }
    }
    #expect(isTold)
  }

  @Test func oneThatWasFullFromTheStartPausesToo() {
    var session = AMQPSession(AMQPOptions(), route: "main")
    var output = OutputQueue()
    session.opened(&output)
    let greeting =
      RabbitBytes.start() + RabbitBytes.tune() + RabbitBytes.connectionOpened
      + RabbitBytes.blocked("low on disk") + RabbitBytes.channelOpened + RabbitBytes.queueFound
      + RabbitBytes.confirmsSelected
    let said = hear(greeting, &session, &output)
    #expect(said.suffix(2) == [.ready, .paused(true)])
  }

  @Test func aSilentServerIsLeft() {
    var session = AMQPSession(AMQPOptions(), route: "main")
    var output = OutputQueue()
    session.opened(&output)
    _ = hear(RabbitBytes.greeting, &session, &output)
    output.removeAll()
    session.ticked(hasRead: true, hasWritten: false, &output)
    let beat = Array(output.waiting)
    #expect(beat == RabbitBytes.heartbeat)
    output.removeAll()
    for _ in 0..<4 { session.ticked(hasRead: false, hasWritten: true, &output) }
    let said = hear([], &session, &output)
    #expect(reason(said).contains("no heartbeat"))
  }

  @Test func goodbyeIsSaidWhereItIsUnderstood() {
    var session = AMQPSession(AMQPOptions(), route: "main")
    var output = OutputQueue()
    session.opened(&output)
    output.removeAll()
    session.goodbye(&output)
    let isSilent = output.isEmpty
    #expect(isSilent)
    session.opened(&output)
    _ = hear(RabbitBytes.greeting, &session, &output)
    output.removeAll()
    session.goodbye(&output)
    let method = Array(output.waiting[7..<11])
    #expect(method == [0, 10, 0, 50])
  }
}
