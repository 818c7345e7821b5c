import ForebayWire
import Glibc
import Testing

/// From clients into a real Redis server: everything is there, in order, whatever happens to the server.
@Suite(.fewAtOnce) struct RedisTests {
  private let place = Workplace()

  private func daemon(_ server: RedisServer, _ options: [String] = []) async throws -> DaemonProcess
  {
    try await DaemonProcess.ready(
      in: place, ["--upstream", "redis+unix://\(server.socket)"] + options)
  }

  private func expectAllDelivered(
    _ producers: [Producer], _ daemon: DaemonProcess, _ server: RedisServer,
    repeatsAllowed: Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await ForebayDaemonTests.expectAllDelivered(
      producers, daemon, sourceLocation: sourceLocation)
    let contents = try await StreamContents(server)
    contents.readBack.expect(
      producers, repeatsAllowed: repeatsAllowed, sourceLocation: sourceLocation)
    #expect(try await daemon.stop() == 0, sourceLocation: sourceLocation)
  }

  @Test func aHundredThousandMessagesAreThereOnceAndInOrder() async throws {
    let server = try await RedisServer.ready(in: place)
    let daemon = try await daemon(server)
    let producers = makeProducers(daemon, 8, offer: 12_500)
    try await turnUntilSettled(producers)
    #expect(try await server.ask("XLEN", "forebay") == "100000\n")
    try await expectAllDelivered(producers, daemon, server, repeatsAllowed: false)
    #expect(daemon.logLines.allSatisfy { !$0.contains("level=error") })
  }

  @Test func aRestartOfTheServerLosesNothing() async throws {
    let server = try await RedisServer.ready(in: place)
    let daemon = try await daemon(server)
    let producers = makeProducers(daemon, 4, offer: 5_000)
    for round in 1...2 {
      try await turn(producers, until: "a load") {
        producers.allSatisfy { $0.count(.delivered) > 1_000 * round }
      }
      try await server.kill9()
      try await turn(producers, until: "the loss is noticed") {
        daemon.errors.split(separator: "upstream lost").count > round
      }
      try await server.restart()
    }
    try await turnUntilSettled(producers)
    try await expectAllDelivered(producers, daemon, server, repeatsAllowed: true)
  }

  /// It is there and says nothing: attempts time out, the breaker opens, windows shut when space ends.
  @Test func aStoppedServerShutsWindowsAndLosesNothing() async throws {
    let server = try await RedisServer.ready(in: place)
    let daemon = try await daemon(
      server, ["--attempt-timeout", "500ms", "--buffer-messages", "600"])
    let producers = makeProducers(daemon, 3, offer: 2_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 100 }
    }
    server.program.kill(SIGSTOP)
    try await turn(producers, until: "an open breaker") {
      try await daemon.state().breaker == "open"
    }
    try await turn(producers, until: "every window shut by it") {
      producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
    }
    let shut = try await daemon.state()
    #expect(shut.heldMessages <= 600 && shut.isBalanced)
    server.program.kill(SIGCONT)
    try await turnUntilSettled(producers)
    try await expectAllDelivered(producers, daemon, server, repeatsAllowed: true)
  }

  @Test func connectionsThatAreResetInsideABatchLoseNothing() async throws {
    let server = try await RedisServer.ready(in: place)
    let daemon = try await daemon(server)
    let producers = makeProducers(daemon, 4, offer: 6_000)
    for round in 1...5 {
      try await turn(producers, until: "a load") {
        producers.allSatisfy { $0.count(.delivered) > 800 * round }
      }
      try await server.ask("CLIENT", "KILL", "TYPE", "normal")
    }
    try await turnUntilSettled(producers)
    #expect(try await daemon.state().breaker == "closed", "each was one failure")
    try await expectAllDelivered(producers, daemon, server, repeatsAllowed: true)
  }

  /// Memory is full: it says "slow down", which is no failure; when there is room it goes on.
  @Test func aFullMemoryThrottles() async throws {
    let server = try await RedisServer.ready(in: place, ["--maxmemory-policy", "noeviction"])
    let daemon = try await daemon(server, ["--buffer-messages", "2000"])
    let producers = makeProducers(daemon, 3, offer: 4_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 200 }
    }
    try await server.ask("CONFIG", "SET", "maxmemory", "1mb")
    try await turn(producers, until: "full windows") {
      producers.allSatisfy { $0.reasons.contains(.bufferFull) || $0.reasons.contains(.fairShare) }
        && daemon.errors.contains("OOM")
    }
    let full = try await daemon.state()
    #expect(full.heldMessages <= 2_000 && full.isBalanced)
    #expect(full.breaker == "closed", "it isn't down")
    try await server.ask("CONFIG", "SET", "maxmemory", "0")
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("redis.maxlen"), "the log says what to do")
    try await expectAllDelivered(producers, daemon, server, repeatsAllowed: false)
  }

  @Test func aWrongPasswordKeepsTheMessages() async throws {
    let server = try await RedisServer.ready(in: place, ["--requirepass", "right"])
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "redis+unix://:wr%2Fong@\(server.socket)"])
    let producer = Producer("p", to: daemon)
    producer.offer(500)
    try await turn([producer], until: "the refusal") { daemon.errors.contains("WRONGPASS") }
    #expect(try await daemon.state().total("delivered") == 0)
    try await server.ask("-a", "right", "CONFIG", "SET", "requirepass", "wr/ong")
    try await turnUntilSettled([producer])
    #expect(producer.count(.delivered) == 500)
    #expect(!daemon.errors.contains("wr/ong") && !daemon.errors.contains("wr%2Fong"))
    #expect(try await daemon.admin("show config")?.contains("wr/ong") == false)
    #expect(try await daemon.stop() == 0)
  }

  @Test func aKeyOfAnotherTypeKeepsTheMessages() async throws {
    let server = try await RedisServer.ready(in: place)
    try await server.ask("SET", "forebay", "a text")
    let daemon = try await daemon(server)
    let producer = Producer("p", to: daemon)
    producer.offer(300)
    try await turn([producer], until: "the complaint") { daemon.errors.contains("WRONGTYPE") }
    #expect(try await daemon.state().total("delivered") == 0)
    #expect(producer.outcomes.isEmpty)
    try await server.ask("DEL", "forebay")
    try await turnUntilSettled([producer])
    try await expectAllDelivered([producer], daemon, server, repeatsAllowed: false)
  }

  /// The server closes the connection over it, and yet its neighbours are there.
  @Test func aMessageThatIsTooLargeIsRejectedByItself() async throws {
    let server = try await RedisServer.ready(in: place, ["--proto-max-bulk-len", "1mb"])
    let daemon = try await daemon(server, ["--frame-bytes", "2MiB"])
    let client = try WireClient(daemon)
    try await client.greet()
    let large = [UInt8](repeating: 0x2e, count: 1_200_000)
    client.send(
      encodedData(1, Array("p 1".utf8)) + encodedData(2, large)
        + encodedData(3, Array("p 3".utf8)))
    try await client.expectOutcome(.rejected, of: 2...2)
    try await client.expectOutcome(.delivered, of: 1...1)
    try await client.expectOutcome(.delivered, of: 3...3)
    #expect(client.codes(of: 2) == [MessageCode(rawValue: 512)])
    let entries = try await StreamContents(server).entries
    #expect(Set(entries.map { $0.fields["data"] ?? "" }) == ["p 1", "p 3"])
    #expect(try await daemon.stop() == 0)
  }

  /// Where they go and what they are called is the operator's choice.
  @Test func fieldsStreamAndLengthAreConfigured() async throws {
    let server = try await RedisServer.ready(in: place)
    let file = place.write(
      """
      sockets:
        - path: \(place.file("c.sock"))
      routes:
        - name: orders
          upstream: redis+unix://\(server.socket)?db=2
          redis:
            stream: 'in:{route}:{lane}'
            maxlen: 100
            payload_field: body
            id_field: none
            key_field: k

      """, to: "c.yaml")
    let daemon = try await DaemonProcess.ready(in: place, ["--config", file])
    let client = try WireClient(path: place.file("c.sock"))
    try await client.greet(route: "orders")
    client.send(
      encodedData(1, Array("hello".utf8), extensions: encodedExtension(.key, Array("k1".utf8))))
    try await client.expectOutcome(.delivered, of: 1...1)
    #expect(
      try await server.ask("-n", "2", "XRANGE", "in:orders:0", "-", "+").split(separator: "\n")
        .dropFirst() == ["body", "hello", "k", "k1"])
    #expect(try await daemon.stop() == 0)
  }
}
