import TestFolder
import Testing

/// As whom we come, and to whom: whatever is wrong there keeps the messages until it is repaired.
@Suite(.fewAtOnce) struct NATSLoginTests {
  private let place = Workplace()
  private let files = TestCertificates.shared

  private static let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
  private static let key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
  /// Of another user.
  private static let strangers = "UADQQCIKBMGA2DQPCAIREEYUCULBOGAZDINRYHI6D4QCCIRDEQSSNKBI"

  private func daemon(_ url: String, _ settings: String = "") async throws -> DaemonProcess {
    let file = place.write(
      """
      sockets:
        - path: \(place.file("d.sock"))
      routes:
        - name: main
          upstream: \(url)
      \(settings)

      """, to: "d.yaml")
    return try await DaemonProcess.ready(in: place, ["--config", file])
  }

  private func deliver(_ daemon: DaemonProcess, _ server: NATSServer) async throws {
    let producer = Producer("p", to: daemon)
    producer.offer(500)
    try await turnUntilSettled([producer])
    try await expectAllThere([producer], daemon, server, repeatsAllowed: false)
  }

  @Test func aWrongPasswordKeepsTheMessages() async throws {
    let users =
      "authorization { users: [ {user: t, password: t}, {user: app, password: \"wr/ong\"} ] }"
    let server = try await NATSServer.ready(
      in: place, users.replacing("wr/ong", with: "right"))
    server.login = "t:t@"
    try await server.make()
    let daemon = try await daemon("nats://app:wr%2Fong@127.0.0.1:\(server.port)")
    let producer = Producer("p", to: daemon)
    producer.offer(500)
    try await turn([producer], until: "the refusal") {
      daemon.errors.contains("Authorization Violation")
    }
    #expect(producer.outcomes.isEmpty)
    server.rewrite(users)
    try await turnUntilSettled([producer])
    #expect(!daemon.errors.contains("wr/ong") && !daemon.errors.contains("wr%2Fong"))
    #expect(try await daemon.admin("show config")?.contains("wr/ong") == false)
    try await expectAllThere([producer], daemon, server, repeatsAllowed: false)
  }

  @Test func aKeySignsInPlaceOfAPassword() async throws {
    let server = try await NATSServer.ready(
      in: place,
      "authorization { users: [ {user: t, password: t}, {nkey: \(Self.key)} ] }")
    server.login = "t:t@"
    try await server.make()
    let seed = place.write(Self.seed + "\n", to: "seed")
    let daemon = try await daemon(
      "nats://127.0.0.1:\(server.port)", "    nats:\n      nkey_file: \(seed)")
    try await deliver(daemon, server)
  }

  @Test func aKeyThatTheServerDoesNotKnowKeepsTheMessages() async throws {
    let server = try await NATSServer.ready(
      in: place,
      "authorization { users: [ {user: t, password: t}, {nkey: \(Self.strangers)} ] }")
    let seed = place.write(Self.seed + "\n", to: "seed")
    let daemon = try await daemon(
      "nats://127.0.0.1:\(server.port)", "    nats:\n      nkey_file: \(seed)")
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") {
      daemon.errors.contains("Authorization Violation")
    }
    #expect(producer.outcomes.isEmpty)
    #expect(!daemon.errors.contains(Self.seed))
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    #expect(try await daemon.stop() == 0)
  }

  @Test func aTokenIsEnough() async throws {
    let server = try await NATSServer.ready(in: place, "authorization { token: \"token-1\" }")
    let file = place.write("token-1\n", to: "token")
    let daemon = try await daemon(
      "nats://127.0.0.1:\(server.port)", "    nats:\n      token_file: \(file)")
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
    #expect(try await daemon.stop() == 0)
  }

  // MARK: TLS

  private func server(_ certificate: String) async throws -> NATSServer {
    let server = try await NATSServer.ready(
      in: place,
      """
      tls {
        cert_file: "\(files.file("\(certificate).pem"))"
        key_file: "\(files.file("\(certificate).key"))"
        ca_file: "\(files.file("ca.pem"))"
        verify: true
      }
      """)
    return server
  }

  private func daemon(_ server: NATSServer) async throws -> DaemonProcess {
    try await daemon(
      "nats+tls://127.0.0.1:\(server.port)",
      """
          tls:
            cert_file: \(files.file("good.pem"))
            key_file: \(files.file("good.key"))
            ca_file: \(files.file("ca.pem"))
      """)
  }

  @Test func messagesGoEncryptedToAServerThatIsKnown() async throws {
    let server = try await server("good")
    server.isEncrypted = true
    try await server.make()
    let daemon = try await daemon(server)
    let producers = (1...4).map { Producer("p\($0)", to: daemon) }
    for producer in producers { producer.offer(5_000) }
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("TLSv1.3"))
    try await expectAllThere(producers, daemon, server, repeatsAllowed: false)
  }

  @Test(arguments: [
    ("stranger", "can't be trusted"), ("expired", "expired"), ("elsewhere", "isn't for 127.0.0.1"),
  ])
  func nothingGoesToAServerThatIsNot(_ name: String, _ reason: String) async throws {
    let server = try await server(name)
    let daemon = try await daemon(server)
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") { daemon.errors.contains(reason) }
    #expect(producer.outcomes.isEmpty)
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    #expect(try await daemon.stop() == 0)
  }

  @Test func plainAndTLSAreNeverMixed() async throws {
    let encrypted = try await server("good")
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
