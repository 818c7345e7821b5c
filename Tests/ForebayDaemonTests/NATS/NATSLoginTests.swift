import Testing

/// As whom we come, and to whom: whatever is wrong there keeps the messages until it is repaired.
@Suite(.fewAtOnce) struct NATSLoginTests {
  private let place = Workplace()

  private static let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
  private static let key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
  /// Of another user.
  private static let strangers = "UADQQCIKBMGA2DQPCAIREEYUCULBOGAZDINRYHI6D4QCCIRDEQSSNKBI"

  private func daemon(_ url: String, _ settings: String...) async throws -> DaemonProcess {
    try await place.daemon(["upstream: \(url)"] + settings)
  }

  private func deliver(_ daemon: DaemonProcess, _ server: NATSServer) async throws {
    let producer = Producer("p", to: daemon)
    producer.offer(500)
    try await turnUntilSettled([producer])
    try await server.expectAllDelivered([producer], daemon, repeatsAllowed: false)
  }

  @Test func aKeySignsInPlaceOfAPassword() async throws {
    let server = try await NATSServer.ready(
      in: place,
      "authorization { users: [ {user: t, password: t}, {nkey: \(Self.key)} ] }")
    server.login = "t:t@"
    try await server.make()
    let seed = place.write(Self.seed + "\n", to: "seed")
    let daemon = try await daemon(
      "nats://127.0.0.1:\(server.port)", "nats: {nkey_file: \(seed)}")
    try await deliver(daemon, server)
  }

  @Test func aKeyThatTheServerDoesNotKnowKeepsTheMessages() async throws {
    let server = try await NATSServer.ready(
      in: place,
      "authorization { users: [ {user: t, password: t}, {nkey: \(Self.strangers)} ] }")
    let seed = place.write(Self.seed + "\n", to: "seed")
    let daemon = try await daemon(
      "nats://127.0.0.1:\(server.port)", "nats: {nkey_file: \(seed)}")
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") {
      daemon.errors.contains("Authorization Violation")
    }
    #expect(producer.outcomes.isEmpty)
    #expect(!daemon.errors.contains(Self.seed))
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    #expect(try await daemon.stopAtOnce() == 0)
  }

  @Test func aTokenIsEnough() async throws {
    let server = try await NATSServer.ready(in: place, "authorization { token: \"token-1\" }")
    let file = place.write("token-1\n", to: "token")
    let daemon = try await daemon(
      "nats://127.0.0.1:\(server.port)", "nats: {token_file: \(file)}")
    server.login = "token-1@"
    try await server.make()
    try await deliver(daemon, server)
  }

  @Test func whoMayNotPublishIsToldSo() async throws {
    let server = try await NATSServer.ready(
      in: place,
      """
      authorization { users: [
        {user: t, password: t}
        {user: app, password: a, permissions: {publish: "other", subscribe: "_INBOX.>"}} ] }
      """)
    server.login = "t:t@"
    try await server.make()
    let daemon = try await daemon("nats://app:a@127.0.0.1:\(server.port)")
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") {
      daemon.errors.contains("may not publish on nats.subject")
    }
    #expect(producer.outcomes.isEmpty)
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    #expect(try await daemon.stopAtOnce() == 0)
  }

  // MARK: TLS

  @Test func plainAndTLSAreNeverMixed() async throws {
    let encrypted = try await NATSServer.ready(in: place, certificate: "good")
    let plain = try await NATSServer.ready(in: place, name: "plain")
    for (url, reason) in [
      ("nats://127.0.0.1:\(encrypted.port)", "it wants TLS"),
      ("nats+tls://127.0.0.1:\(plain.port)", "it offers no TLS"),
    ] {
      let check = try Program.start("forebayd", ["check-upstream", url], in: place)
      let ended = try await check.end()
      #expect(ended.status == 1 && ended.errors.contains(reason), "\(ended)")
    }
  }

  // MARK: check-upstream

  private func check(_ words: String...) async throws -> Program.Ended {
    try await Program.start("forebayd", ["check-upstream"] + words, in: place).end()
  }

  @Test func aCheckSaysWhichStreamTakesTheSubject() async throws {
    let server = try await NATSServer.ready(in: place)
    let missing = try await check(server.url)
    #expect(missing.status == 1 && missing.errors.contains("no stream takes 'forebay'"))
    try await server.make("S", on: "forebay", #""max_msgs":1000"#)
    let found = try await check(server.url)
    #expect(found.status == 0, "\(found)")
    for text in [
      "connected to NATS 2.", "'forebay' goes to stream 'S'", "file, 1 replica", "of 1000",
      "knows repetitions for 120 s",
    ] {
      #expect(found.output.contains(text), "\(found.output)")
    }
    #expect(try await server.count() == 0, "it sends nothing")
    let sent = try await check(server.url, "--send")
    #expect(sent.status == 0 && sent.output.contains("number 1 of 'S'"), "\(sent)")
    #expect(try await server.contents().map(\.payload) == ["forebayd check-upstream"])
  }

  @Test func aCheckOfSomethingElseFails() async throws {
    let server = try await NATSServer.ready(
      in: place, "authorization { users: [ {user: t, password: t} ] }")
    let refused = try await check(server.url)
    #expect(refused.status == 1 && refused.errors.contains("Authorization Violation"))
    let nobody = try await check("nats://127.0.0.1:\(try freePort())")
    #expect(nobody.status == 1 && nobody.errors.contains("can't be reached"))
  }
}
