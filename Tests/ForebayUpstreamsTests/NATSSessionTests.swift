import ForebayWire
import Testing

@testable import ForebayCore
@testable import ForebayUpstreams

/// What a server's answers mean for the messages, without a server.
@Suite struct NATSSessionTests {
  private typealias Event = SessionEvent

  private static let info =
    #"INFO {"version":"2.9.10","headers":true,"max_payload":1000,"jetstream":true}"# + "\r\n"

  /// A session with everything around it that a socket and a core would be.
  private final class Stage {
    var session: NATSSession
    var output = OutputQueue()
    private var serial: UInt32 = 0

    init(ordered: Bool = true, _ change: (inout NATSOptions) -> Void = { _ in }) {
      var options = NATSOptions()
      change(&options)
      session = NATSSession(options, route: "main", isOrdered: ordered, name: "n")
      session.opened()
    }

    func greet() -> Stage {
      hear(NATSSessionTests.info + "PONG\r\n")
      _ = takeEvents()
      _ = takeOutput()
      return self
    }

    func hear(_ text: String, chunk: Int = .max) {
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        Array(rest.prefix(chunk)).withUnsafeBytes { session.received($0, &output) }
        rest = rest.dropFirst(chunk)
      }
    }

    /// Sends a call of some sessions' messages: the tag, the first sequence, how many.
    func call(
      _ call: UInt32, _ runs: [(tag: UInt64, first: UInt64, count: Int)], payload: String = "hello",
      extensions: [UInt8] = []
    ) {
      serial += 1
      session.begin(call, messages: runs.reduce(0) { $0 + $1.count })
      for run in runs {
        let frames = (0..<run.count).flatMap { index in
          NATSSessionTests.frame(run.first + UInt64(index), Array(payload.utf8), extensions)
        }
        frames.withUnsafeBytes { bytes in
          session.append(
            Sidecar.Stretch(
              tag: ID128(high: 0, low: run.tag), firstSequence: run.first, count: run.count,
              lane: 0, bytes: bytes), &output)
        }
      }
      session.end()
    }

    /// Answers the message at `index` of the last call, or of an earlier one.
    func answer(_ index: Int, _ payload: String, call number: UInt32? = nil, chunk: Int = .max) {
      hear(
        "MSG \(subject(index, number)) 1 \(payload.utf8.count)\r\n\(payload)\r\n", chunk: chunk)
    }

    func answerStatus(_ index: Int) {
      hear("HMSG \(subject(index, nil)) 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
    }

    private func subject(_ index: Int, _ number: UInt32?) -> String {
      func hex(_ value: Int, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: digits - text.utf8.count) + text
      }
      return "_INBOX.n.\(hex(Int(number ?? serial), 8))\(hex(index, 4))"
    }

    func takeEvents() -> [Event] {
      var events: [Event] = []
      session.takeEvents(&events)
      return events
    }

    func takeOutput() -> String {
      defer { output.removeAll() }
      return String(decoding: output.waiting, as: UTF8.self)
    }
  }

  private static func frame(
    _ sequence: UInt64, _ payload: [UInt8], _ extensions: [UInt8] = []
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: WireLimits.dataFixedBytes)
    bytes.withUnsafeMutableBytes {
      DataHeader(sequence: sequence, extensionBytes: extensions.count).write(
        to: $0.baseAddress!, payloadBytes: payload.count)
    }
    return bytes + extensions + payload
  }

  private func refusal(_ code: Int, _ text: String) -> String {
    #"{"error":{"code":400,"err_code":\#(code),"description":"\#(text)"},"stream":"S","seq":0}"#
  }
  private let taken = #"{"stream":"S", "seq":1}"#
  private let again = #"{"stream":"S", "seq":1,"duplicate": true}"#
  private func complaint(_ complaint: NATSComplaint) -> Event {
    .noticed(complaint.said(by: "nats"), isProblem: true)
  }
  private func broken() -> String { refusal(10070, "wrong last msg ID: x") }
  private func full() -> String { refusal(10077, "maximum messages exceeded") }

  // MARK: The greeting

  @Test(arguments: [1, 3, 1000])
  func whoWeAreIsSaidBehindTheServersInfo(_ chunk: Int) {
    let stage = Stage { $0.login = .user("app", password: "s\"3") }
    #expect(stage.takeOutput() == "")
    stage.hear(Self.info, chunk: chunk)
    let said = stage.takeOutput()
    #expect(said.hasPrefix("CONNECT {") && said.hasSuffix("}\r\nSUB _INBOX.n.* 1\r\nPING\r\n"))
    #expect(said.contains(#""user":"app","pass":"s\"3""#))
    #expect(said.contains(#""no_responders":true"#) && said.contains(#""headers":true"#))
    #expect(stage.takeEvents() == [])
    stage.hear("PING\r\nPONG\r\n", chunk: chunk)
    #expect(stage.takeEvents() == [.ready])
    #expect(stage.takeOutput() == "PONG\r\n")
  }

  @Test(arguments: [
    (false, #""headers":true,"tls_required":true"#, "nats+tls://"),
    (true, #""headers":true"#, "no TLS"),
    (false, #""headers":false"#, "no headers"),
  ])
  func aServerThatCanNotServeIsLeft(_ isEncrypted: Bool, _ members: String, _ reason: String) {
    let stage = Stage { $0.isEncrypted = isEncrypted }
    stage.hear(#"INFO {"max_payload":1000,\#(members)}"# + "\r\n")
    guard case .close(let said, false) = stage.takeEvents().first else {
      Issue.record("it isn't left")
      return
    }
    #expect(said.contains(reason), "\(said)")
    #expect(stage.takeOutput() == "")
  }

  @Test func tlsBeginsBehindInfoAndNothingElseIsBelieved() {
    let info = #"INFO {"headers":true,"max_payload":1000,"tls_required":true}"# + "\r\n"
    let stage = Stage { $0.isEncrypted = true }
    stage.hear(info)
    #expect(stage.takeEvents() == [.secure])
    #expect(stage.takeOutput() == "")
    stage.session.secured(&stage.output)
    #expect(stage.takeOutput().hasPrefix("CONNECT {"))
    let other = Stage { $0.isEncrypted = true }
    other.hear(info + "PONG\r\n")
    #expect(
      other.takeEvents() == [.secure, .close("it said more before TLS began", isThrottle: false)])
  }

  @Test(arguments: [
    ("Authorization Violation", false), ("maximum connections exceeded", true),
    ("Permissions Violation for Publish to \"forebay\"", false), ("Stale Connection", false),
  ])
  func anErrorEndsIt(_ text: String, _ isThrottle: Bool) {
    let stage = Stage().greet()
    stage.hear("-ERR '\(text)'\r\n")
    #expect(
      stage.takeEvents() == [
        complaint(.error(text)), .close("it says: \(text)", isThrottle: isThrottle),
      ])
  }

  @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", "INFO hello\r\n", "INFO {}\r\n"])
  func somethingElseThanNATSIsLeft(_ text: String) {
    let stage = Stage()
    stage.hear(text)
    let said = stage.takeEvents()
    #expect(said.count == 1)
    guard case .close(_, false) = said.first else { return #expect(Bool(false)) }
  }

  @Test func clustersAndTheirEndAreTold() {
    let stage = Stage().greet()
    stage.hear(
      #"INFO {"headers":true,"max_payload":500,"connect_urls":["a:1","b:2"],"ldm":true}"# + "\r\n")
    let said = stage.takeEvents()
    #expect(said.first == .others(["a:1", "b:2"]) && said.last == .leaving)
  }

  // MARK: Messages

  @Test func aMessageIsPublishedWithItsIDAndPredecessor() {
    let stage = Stage().greet()
    stage.call(7, [(0xab, 9, 2), (0xcd, 1, 1)], payload: "hi")
    let tag = "000000000000000000000000000000"
    let first = "NATS/1.0\r\nNats-Msg-Id: \(tag)ab-9\r\n\r\n"
    let second =
      "NATS/1.0\r\nNats-Msg-Id: \(tag)ab-10\r\nNats-Expected-Last-Msg-Id: \(tag)ab-9\r\n\r\n"
    let third = "NATS/1.0\r\nNats-Msg-Id: \(tag)cd-1\r\n\r\n"
    let expected = [first, second, third].enumerated().map { index, header in
      "HPUB forebay _INBOX.n.00000001000\(index) \(header.utf8.count) \(header.utf8.count + 2)\r\n"
        + "\(header)hi\r\n"
    }
    #expect(stage.takeOutput() == expected.joined())
  }

  @Test func whatTheSenderGaveBecomesHeaders() {
    var extensions: [UInt8] = []
    appendExtension(.key, Array("k 1\r%".utf8), to: &extensions)
    appendExtension(.key, Array("k2".utf8), to: &extensions)
    appendExtension(.traceparent, Array("00-ab-cd-01".utf8), to: &extensions)
    appendExtension(.contentType, Array("text/plain".utf8), to: &extensions)
    for (name, value) in [("A", "b"), ("nAts-Rollup", "all"), ("B:", "x"), ("C", "x\r\nD: y")] {
      appendExtension(
        .header, [UInt8(name.utf8.count)] + Array(name.utf8) + Array(value.utf8), to: &extensions)
    }
    let stage = Stage(ordered: false).greet()
    stage.call(1, [(1, 1, 1)], extensions: extensions)
    let said = stage.takeOutput()
    #expect(
      said.contains(
        "-1\r\nForebay-Key: k%201%0D%25\r\ntraceparent: 00-ab-cd-01\r\nContent-Type: text/plain\r\n"
          + "A: b\r\n\r\nhello\r\n"), "\(said)")
  }

  @Test(arguments: [1, 7, 1000])
  func aCallIsTakenAsAWhole(_ chunk: Int) {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 3)])
    for index in 0..<3 { stage.answer(index, index == 1 ? again : taken, chunk: chunk) }
    let said = stage.takeEvents()
    #expect(said.last == .call(7, .accepted))
  }

  @Test func whatIsTakenIsToldTogether() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 4)])
    let answers = (0..<3).map { "MSG _INBOX.n.00000001000\($0) 1 23\r\n\(taken)\r\n" }
    stage.hear(answers.joined())
    #expect(stage.takeEvents() == [.messages(call: 7, 0..<3, .accepted)])
    stage.answer(3, taken)
    #expect(
      stage.takeEvents() == [.messages(call: 7, 3..<4, .accepted), .call(7, .accepted)])
  }

  @Test func aStrangersMessageInBetweenBreaksTheChain() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 3)])
    stage.answer(0, taken)
    stage.answer(1, broken())
    stage.answer(2, broken())
    #expect(
      stage.takeEvents() == [.messages(call: 7, 0..<1, .accepted), .call(7, .returned)])
    #expect(stage.session.chainMax == 256, "chains get shorter")
    stage.call(8, [(1, 2, 1)])
    stage.answer(0, taken)
    #expect(stage.session.chainMax == 288, "and grow again")
  }

  /// A message that was there already isn't the stream's last one: nobody is in the way.
  @Test func whatWasThereAlreadyBreaksNoChainForLong() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 3)])
    stage.answer(0, again)
    stage.answer(1, broken())
    stage.answer(2, broken())
    #expect(stage.takeEvents().last == .call(7, .returned))
    #expect(stage.session.chainMax == 512)
  }

  @Test func chainsAreNoLongerThanConfigured() {
    let stage = Stage { $0.chainMax = 2 }.greet()
    stage.call(7, [(1, 1, 5), (2, 1, 1)])
    #expect(stage.takeOutput().split(separator: "HPUB").count == 3)
    stage.answer(0, taken)
    stage.answer(1, taken)
    stage.answer(5, taken)
    #expect(
      stage.takeEvents().last == .call(7, .returned), "what wasn't sent comes again at once")
  }

  /// Behind somebody else's message of the same call its predecessor wouldn't be the stream's last.
  @Test func aFlowThatComesAgainInACallWaits() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 2, 1)])
    #expect(stage.takeOutput().split(separator: "HPUB").count == 2)
    let free = Stage(ordered: false).greet()
    free.call(7, [(1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 2, 1)])
    let said = free.takeOutput()
    #expect(said.split(separator: "HPUB").count == 4 && !said.contains("Expected"))
  }

  @Test func aFullStreamThrottles() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 3)])
    stage.answer(0, taken)
    stage.answer(1, full())
    stage.answer(2, broken())
    let said = stage.takeEvents()
    #expect(
      said == [
        .messages(call: 7, 0..<1, .accepted),
        complaint(NATSComplaint(code: 10077, "maximum messages exceeded")),
        .call(7, .throttled(retryAfter: nil)),
      ])
    #expect(stage.session.chainMax == 512, "nobody was in the way")
  }

  @Test func aMessageThatTheStreamNeverTakesIsRejected() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 3)])
    stage.answer(0, taken)
    stage.answer(1, refusal(10054, "message size exceeds maximum allowed"))
    stage.answer(2, broken())
    let said = stage.takeEvents()
    #expect(said.contains(.messages(call: 7, 1..<2, .rejected(MessageCode(rawValue: 901)))))
    #expect(said.last == .call(7, .returned))
  }

  @Test func aMessageThatTheServerNeverTakesIsNotSent() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 1)], payload: String(repeating: "x", count: 1_000))
    #expect(stage.takeOutput() == "")
    let said = stage.takeEvents()
    #expect(said.contains(.messages(call: 7, 0..<1, .rejected(MessageCode(rawValue: 900)))))
    #expect(said.last == .call(7, .rejected(MessageCode(rawValue: 900))))
  }

  @Test func aSubjectThatNobodyTakesKeepsTheMessages() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 1)])
    stage.answerStatus(0)
    let said = stage.takeEvents()
    #expect(said.last == .call(7, .failed(retryAfter: nil)))
    guard case .noticed(let text, true) = said.first else { return #expect(Bool(false)) }
    #expect(text.contains("no stream takes 'forebay'") && text.contains("nats.subject"))
  }

  @Test func withoutOrderEachMessageIsByItself() {
    let stage = Stage(ordered: false).greet()
    stage.call(7, [(1, 1, 4)])
    stage.answer(3, taken)
    stage.answer(0, taken)
    stage.answer(1, full())
    stage.answer(2, full())
    let said = stage.takeEvents()
    #expect(said.contains(.messages(call: 7, 3..<4, .accepted)))
    #expect(said.contains(.messages(call: 7, 0..<1, .accepted)))
    #expect(said.last == .call(7, .throttled(retryAfter: nil)))
  }

  @Test func answersThatNobodyWaitsForMeanNothing() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 2)])
    stage.answer(0, taken)
    stage.answer(0, full())
    stage.answer(5, taken)
    stage.answer(1, taken, call: 99)
    stage.hear("MSG _INBOX.m.000000010001 1 23\r\n\(taken)\r\n")
    stage.hear("MSG _INBOX.n.0000000x0001 1 23\r\n\(taken)\r\n")
    #expect(stage.takeEvents() == [.messages(call: 7, 0..<1, .accepted)])
    stage.session.closed()
    stage.session.opened()
    _ = stage.greet()
    stage.call(8, [(1, 2, 1)])
    stage.answer(1, taken, call: 1)
    #expect(stage.takeEvents() == [], "an old connection's answers are nobody's")
  }

  @Test func somebodyElsesAnswerIsNone() {
    let stage = Stage().greet()
    stage.call(7, [(1, 1, 1)])
    stage.answer(0, "thanks")
    #expect(stage.takeEvents().last == .call(7, .failed(retryAfter: nil)))
  }

  @Test func manyCallsAreOutAndEndInAnyOrder() {
    let stage = Stage().greet()
    for round in 0..<200 as Range<UInt32> {
      stage.call(1, [(1, 1, 1)])
      stage.call(2, [(2, 1, 1)])
      stage.answer(0, taken)
      #expect(stage.takeEvents().last == .call(2, .accepted))
      stage.answer(0, taken, call: round * 2 + 1)
      #expect(stage.takeEvents().last == .call(1, .accepted))
    }
  }
}
