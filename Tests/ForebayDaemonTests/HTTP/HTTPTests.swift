import ForebayWire
import Glibc
import Testing

/// What is special about HTTP servers, besides what `UpstreamTests` try with one.
@Suite(.fewAtOnce) struct HTTPTests {
  private let place = Workplace()

  private func daemon(
    _ port: UInt16, _ settings: String = "format: ndjson", options: [String] = []
  ) async throws -> DaemonProcess {
    try await place.daemon(
      ["upstream: http://127.0.0.1:\(port)/in"] + Workplace.quickRecovery() + httpLines(settings),
      options)
  }

  // MARK: All is well

  @Test func oneMessageARequest() async throws {
    let server = try await NginxServer.ready(in: place)
    let daemon = try await daemon(server.port, "format: message\nmethod: PUT")
    let producers = makeProducers(daemon, 8, offer: 2_500)
    try await turnUntilSettled(producers)
    let requests = server.requests()
    #expect(requests.count == 20_000 && requests.allSatisfy { $0.lines.count == 1 })
    #expect(Set(requests.map(\.id)).count == requests.count)
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// Every byte of what goes out, as the server saw it.
  @Test func pathHeadersAndFormatsAreConfigured() async throws {
    let server = try await ScriptedServer.ready(in: place)
    let url = "http://user:pa%20ss@127.0.0.1:\(server.port)/x/{route}/{lane}/{key}?k={key}"
    let daemon = try await place.daemon(
      ["upstream: \(url)"] + httpLines("method: PATCH\nheaders: ['X-Test: one']"))
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(
      encodedData(
        1, Array("hello".utf8), lane: 3,
        extensions: encodedExtension(.key, Array("a/b ä".utf8))
          + encodedExtension(.contentType, Array("text/plain".utf8))
          + encodedExtension(.traceparent, Array("00-11-22-01".utf8)))
        + encodedData(2, Array("no key".utf8)))
    try await client.expectOutcome(.delivered, of: 1...1)
    try await client.expectOutcome(.rejected, of: 2...2)
    #expect(client.codes(of: 2) == [MessageCode(rawValue: 691)])
    let message = try #require(server.messages().first)
    #expect(message.path == "/x/main/3/a%2Fb%20%C3%A4?k=a%2Fb%20%C3%A4" && message.text == "hello")
    // It answers before it writes that down.
    let request = try await eventually("the request") { server.requests().first }
    #expect(
      request
        == "200 PATCH \(message.path) \(message.id) text/plain - one 00-11-22-01 Basic dXNlcjpwYSBzcw=="
    )
    #expect(message.id.hasSuffix("-1") && message.id.utf8.count == 34)
    #expect(try await daemon.admin("show config")?.contains("pa ss") == false)
    #expect(try await daemon.admin("show config")?.contains("X-Test: one") == false)
    #expect(!daemon.errors.contains("pa ss") && !daemon.errors.contains("k={key}"))
    #expect(try await daemon.stop() == 0)
  }

  @Test func arraysAndEnvelopesAreJSONAndCompressed() async throws {
    let server = try await ScriptedServer.ready(in: place)
    let daemon = try await daemon(
      server.port, "format: json_array\nenvelope: true\ncompression: gzip")
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(
      (1...5).flatMap { encodedData($0, Array($0 == 3 ? "{}, 4".utf8 : "{\"n\": \($0)}".utf8)) })
    try await client.expectOutcome(.delivered, of: 1...2)
    try await client.expectOutcome(.delivered, of: 4...5)
    try await client.expectOutcome(.rejected, of: 3...3)
    #expect(client.codes(of: 3) == [MessageCode(rawValue: 690)])
    #expect(
      server.messages().map { $0.text.suffix(17) }
        == [1, 2, 4, 5].map { "\"data\": {\"n\": \($0)}}" })
    #expect(server.messages().allSatisfy { $0.text.hasPrefix("{\"id\": \"") })
    #expect(server.requests().allSatisfy { $0.contains(" application/json gzip ") })
    #expect(try await daemon.stop() == 0)
  }

  @Test func lengthsComeBeforeMessages() async throws {
    let server = try await ScriptedServer.ready(in: place)
    let daemon = try await daemon(
      server.port, "format: length_prefixed\ncontent_type: application/x-lengths\ncompression: gzip"
    )
    let producers = makeProducers(daemon, 2, offer: 2_000)
    try await turnUntilSettled(producers)
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  // MARK: The server fails

  /// What was taken and not answered comes again with the same key, unless its company changed.
  @Test func connectionsThatAreResetBeforeTheAnswerLoseNothing() async throws {
    let server = try await ScriptedServer.ready(in: place)
    server.say(#"{"do": "reset", "every": 7}"#)
    let daemon = try await daemon(server.port, "format: message")
    let producers = makeProducers(daemon, 4, offer: 500)
    try await turn(producers, until: "resets") {
      server.requests().count { $0.hasPrefix("0 ") } > 20
    }
    server.say()
    try await turnUntilSettled(producers)
    let messages = server.messages()
    let ids = Dictionary(grouping: messages, by: \.text).mapValues { Set($0.map(\.id)) }
    #expect(
      ids.values.allSatisfy { $0.count == 1 }, "a message has one key, however often it comes")
    #expect(messages.count > 2_000, "some came twice")
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }

  @Test func resetsInsideBatchesLoseNothing() async throws {
    let server = try await ScriptedServer.ready(in: place)
    server.say(#"{"do": "reset", "every": 9}"#)
    let daemon = try await daemon(server.port)
    let producers = makeProducers(daemon, 4, offer: 4_000)
    try await turnUntilSettled(producers)
    #expect(server.requests().contains { $0.hasPrefix("0 ") })
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }

  @Test func errorsOfTheServerOpenTheBreaker() async throws {
    let server = try await ScriptedServer.ready(in: place)
    let daemon = try await daemon(server.port)
    let producers = makeProducers(daemon, 2, offer: 1_000)
    server.say(#"{"do": "status", "status": 500}"#)
    try await turn(producers, until: "an open breaker") {
      try await daemon.state().breaker == "open"
    }
    #expect(daemon.errors.contains("http upstream: says 500"))
    server.say()
    try await turnUntilSettled(producers)
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  // MARK: It says "slow down"

  @Test(arguments: [
    #"{"do": "status", "status": 429}"#,
    #"{"do": "status", "status": 429, "headers": {"Retry-After": "1"}}"#,
    #"{"do": "status", "status": 503, "headers": {"Retry-After": "1"}}"#,
    #"{"do": "later", "seconds": 2}"#,
  ])
  func slowDownNarrowsWindowsAndNoBreakerOpens(_ script: String) async throws {
    let server = try await ScriptedServer.ready(in: place)
    let daemon = try await daemon(server.port, options: ["--buffer-messages", "500"])
    let producers = makeProducers(daemon, 3, offer: 1_500)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 100 }
    }
    server.say(script)
    try await turn(producers, until: "full windows") {
      producers.allSatisfy { $0.reasons.contains(.bufferFull) || $0.reasons.contains(.fairShare) }
        && server.requests().contains { $0.hasPrefix("429 ") || $0.hasPrefix("503 ") }
    }
    let full = try await daemon.state()
    #expect(full.heldMessages <= 500 && full.isBalanced)
    #expect(full.breaker == "closed", "it isn't down")
    let asked = server.requests().count
    try await turn(producers, until: "it asks again") { server.requests().count > asked }
    #expect(server.requests().count - asked < 40, "it is left alone meanwhile")
    server.say()
    try await turnUntilSettled(producers)
    #expect(try await daemon.state().breaker == "closed")
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  // MARK: Somebody has to repair it

  @Test func anOperatorSaysWhatAStatusMeans() async throws {
    let server = try await ScriptedServer.ready(in: place)
    server.say(#"{"do": "status", "status": 404}"#)
    let daemon = try await daemon(
      server.port, "format: ndjson\nstatuses: ['4xx=failed', '404=rejected']")
    let producers = makeProducers(daemon, 1, offer: 20)
    try await turnUntilSettled(producers)
    #expect(producers[0].count(.rejected) == 20)
    #expect(producers[0].outcomes.values.allSatisfy { $0.code == MessageCode(rawValue: 604) })
    #expect(try await daemon.stop() == 0)
  }

  // MARK: Single messages of a batch

  /// A body that is refused is halved until the poison is alone.
  @Test(arguments: [(413, 613), (400, 600)])
  func poisonIsFoundAndItsNeighboursGo(_ status: Int, _ code: UInt16) async throws {
    let server = try await ScriptedServer.ready(in: place)
    server.say(#"{"do": "poison", "status": \#(status)}"#)
    let daemon = try await daemon(server.port)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(
      (1...64).flatMap {
        encodedData($0, Array($0 == 23 || $0 == 60 ? "poison".utf8 : "m \($0)".utf8))
      })
    for sequence: UInt64 in [23, 60] {
      try await client.expectOutcome(.rejected, of: sequence...sequence)
      #expect(client.codes(of: sequence) == [MessageCode(rawValue: code)])
    }
    for range: ClosedRange<UInt64> in [1...22, 24...59, 61...64] {
      try await client.expectOutcome(.delivered, of: range)
    }
    let expected = (1...64).filter { $0 != 23 && $0 != 60 }.map { "m \($0)" }
    #expect(server.messages().map(\.text) == expected, "in order, and once")
    #expect(try await daemon.state().breaker == "closed", "it answers")
    #expect(try await daemon.stop() == 0)
  }

  @Test func anAnswerMaySayItOfEachMessage() async throws {
    let server = try await ScriptedServer.ready(in: place)
    server.say(#"{"do": "results"}"#)
    let daemon = try await daemon(server.port)
    let client = try WireClient(daemon)
    try await client.greet()
    let texts = (1...30).map { $0 % 10 == 3 ? "bad \($0)" : $0 == 25 ? "stop 25" : "m \($0)" }
    client.send(
      texts.enumerated().flatMap { encodedData(UInt64($0 + 1), Array($1.utf8)) })
    try await client.expectOutcome(.delivered, of: 1...2)
    try await client.expectOutcome(.delivered, of: 24...24)
    for sequence: UInt64 in [3, 13, 23] {
      try await client.expectOutcome(.rejected, of: sequence...sequence)
      #expect(client.codes(of: sequence) == [MessageCode(rawValue: 622)])
    }
    #expect(client.outcomes(of: 25).isEmpty && client.outcomes(of: 30).isEmpty, "they wait")
    server.say()
    try await client.expectOutcome(.delivered, of: 25...30)
    #expect(
      server.messages().map(\.text) == texts.filter { !$0.hasPrefix("bad") }, "in order, and once")
    #expect(try await daemon.stop() == 0)
  }

  // MARK: Answers that are none

  /// Nothing is acknowledged by them, memory stays bounded, and what the server took may be there twice.
  @Test(arguments: ["garbage", "endless", "huge", "short", "unreadable", "hang"])
  func anAnswerThatIsNoneAcknowledgesNothing(_ what: String) async throws {
    let server = try await ScriptedServer.ready(in: place)
    server.say(#"{"do": "\#(what)"}"#)
    let daemon = try await daemon(server.port, options: ["--attempt-timeout", "2s"])
    let producers = makeProducers(daemon, 2, offer: 200)
    try await turn(producers, until: "a complaint") { daemon.errors.contains("http upstream: ") }
    try await turn(producers, until: "an open breaker") {
      try await daemon.state().breaker != "closed"
    }
    #expect(producers.allSatisfy { $0.outcomes.isEmpty })
    server.say()
    try await turnUntilSettled(producers)
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }
}

/// Settings below `http:`, a line each.
func httpLines(_ settings: String) -> [String] {
  ["http:"] + settings.split(separator: "\n").map { "  \($0)" }
}
