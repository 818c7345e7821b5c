import ForebayWire
import Glibc
import TestFolder
import Testing

/// From clients into a real RabbitMQ server: everything is there, in order, whatever happens to the server.
/// One server for all, so one test after the other; each has a queue of its own.
@Suite(.fewAtOnce, .serialized) struct AMQPTests {
  let place = Workplace()

  func daemon(
    _ server: RabbitServer, _ queue: String, _ options: [String] = []
  ) async throws -> DaemonProcess {
    try await DaemonProcess.ready(
      in: place, ["--upstream", "amqp://127.0.0.1:\(server.port)?routing_key=\(queue)"] + options)
  }

  /// A daemon whose one route has these lines, too.
  func daemon(_ url: String, _ lines: [String], _ options: [String] = []) async throws
    -> DaemonProcess
  {
    let file = place.write(
      """
      sockets:
        - path: \(place.file("d.sock"))
      routes:
        - name: main
          upstream: '\(url)'

      """ + lines.map { "    \($0)\n" }.joined(), to: "d.yaml")
    return try await DaemonProcess.ready(in: place, ["--config", file] + options)
  }

  func producers(_ daemon: DaemonProcess, _ count: Int, offer: Int) -> [Producer] {
    (1...count).map {
      let producer = Producer("p\($0)", to: daemon)
      producer.offer(offer)
      return producer
    }
  }

  // MARK: A server that does its work

  @Test func aHundredThousandMessagesAreThereOnceAndInOrder() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("plain")
    let daemon = try await daemon(server, "plain")
    let producers = producers(daemon, 8, offer: 12_500)
    try await turnUntilSettled(producers)
    try await expectAllDelivered(producers, daemon, server, "plain", repeatsAllowed: false)
    #expect(daemon.logLines.allSatisfy { !$0.contains("level=error") })
  }

  /// What it is called, where it goes and what goes along is the operator's choice and the sender's.
  @Test func templatesHeadersAndLargeBodiesArrive() async throws {
    let server = try await RabbitServer.ready()
    for queue in ["eu.1", "us.1"] {
      try await server.declare(queue)
      try await server.bind("amq.topic", queue, "\(queue.prefix(2)).#")
    }
    let daemon = try await daemon(
      "amqp://guest:guest@localhost:\(server.port)/?exchange=amq.topic",
      ["amqp:", "  routing_key: '{key}.{route}.{lane}'"], ["--frame-bytes", "2MiB"])
    let client = try WireClient(daemon)
    try await client.greet()
    let large = [UInt8](repeating: UInt8(ascii: "x"), count: 500_000)
    let eu = encodedExtension(.key, Array("eu".utf8))
    let us =
      encodedExtension(.key, Array("us".utf8))
      + encodedExtension(.header, [1] + Array("ab".utf8))
      + encodedExtension(.contentType, Array("text/plain".utf8))
    client.send(
      encodedData(1, Array("one".utf8), lane: 2, extensions: eu)
        + encodedData(2, large, lane: 2, extensions: eu)
        + encodedData(3, Array("three".utf8), extensions: us))
    try await client.expectOutcome(.delivered, of: 1...3)
    // By amqp-tools, which know nothing of us.
    let get = try await Program.start(
      "/usr/bin/amqp-get", ["--port", "\(server.port)", "-q", "us.1"], in: place
    ).end()
    #expect(get.status == 0 && get.output == "three", "\(get.errors)")
    let messages = try await server.read("eu.1")
    #expect(messages.map(\.routingKey) == ["eu.main.2", "eu.main.2"])
    #expect(messages.map(\.body.utf8.count) == [3, 500_000])
    #expect(try await daemon.stop() == 0)
  }

  // MARK: One that fails

  @Test func aCrashOfTheServerLosesNothing() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("crash")
    let daemon = try await daemon(server, "crash")
    let producers = producers(daemon, 4, offer: 5_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 1_000 }
    }
    try await server.crash()
    try await turn(producers, until: "the loss is noticed") {
      daemon.errors.contains("upstream lost")
    }
    try await server.startAgain()
    try await turnUntilSettled(producers)
    try await expectAllDelivered(producers, daemon, server, "crash", repeatsAllowed: true)
  }

  /// It is there and says nothing: attempts time out, the breaker opens, windows shut when space ends.
  @Test func aStoppedServerShutsWindowsAndLosesNothing() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("stopped")
    let daemon = try await daemon(
      server, "stopped", ["--attempt-timeout", "500ms", "--buffer-messages", "600"])
    let producers = producers(daemon, 3, offer: 2_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 100 }
    }
    try await server.kill(SIGSTOP)
    do {
      try await turn(producers, until: "an open breaker") {
        try await daemon.state().breaker == "open"
      }
      try await turn(producers, until: "every window shut by it") {
        producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
      }
      let shut = try await daemon.state()
      #expect(shut.heldMessages <= 600 && shut.isBalanced)
    } catch {
      try await server.kill(SIGCONT)
      throw error
    }
    try await server.kill(SIGCONT)
    try await turnUntilSettled(producers)
    try await expectAllDelivered(producers, daemon, server, "stopped", repeatsAllowed: true)
  }

  @Test func connectionsThatAreClosedInsideABatchLoseNothing() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("reset")
    let daemon = try await daemon(server, "reset")
    let producers = producers(daemon, 4, offer: 6_000)
    for round in 1...3 {
      try await turn(producers, until: "a load") {
        producers.allSatisfy { $0.count(.delivered) > 1_000 * round }
      }
      try await server.ctl("close_all_connections", "maintenance")
    }
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("CONNECTION_FORCED"))
    #expect(try await daemon.state().breaker == "closed", "each was one failure")
    try await expectAllDelivered(producers, daemon, server, "reset", repeatsAllowed: true)
  }

  /// An idle connection to a server that stands still is found out by its heartbeats.
  @Test func aServerWithoutHeartbeatsIsLeft() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("silent")
    let daemon = try await daemon(
      "amqp://127.0.0.1:\(server.port)?routing_key=silent", ["amqp:", "  heartbeat: 1s"])
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turnUntilSettled([producer])
    // Ours keep it for longer than it would wait for them.
    try await Task.sleep(for: .seconds(4))
    #expect(!daemon.errors.contains("upstream lost"))
    try await server.kill(SIGSTOP)
    let isFound: Void? = try? await daemon.waitForLog("upstream lost")
    try await server.kill(SIGCONT)
    #expect(isFound != nil && daemon.errors.contains("no heartbeat came for 2 s"))
    producer.offer(10)
    try await turnUntilSettled([producer])
    try await expectAllDelivered([producer], daemon, server, "silent", repeatsAllowed: false)
  }

  // MARK: One that says "slow down"

  /// Its memory is nearly full: it says so and takes nothing, for longer than an attempt may take. That is
  /// no failure, and nothing comes twice.
  @Test func aMemoryAlarmNarrowsWindows() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("alarm")
    let daemon = try await daemon(
      server, "alarm", ["--attempt-timeout", "2s", "--buffer-messages", "600"])
    let producers = producers(daemon, 3, offer: 8_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 200 }
    }
    try await server.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    do {
      try await turn(producers, until: "full windows") {
        producers.allSatisfy {
          $0.reasons.contains(.bufferFull) || $0.reasons.contains(.fairShare)
        } && daemon.errors.contains("takes nothing for now")
      }
      let since = ContinuousClock.now
      try await turn(producers, until: "more than an attempt's time") {
        since.duration(to: .now) > .seconds(4)
      }
      let full = try await daemon.state()
      #expect(full.heldMessages <= 600 && full.isBalanced)
      #expect(full.breaker == "closed", "it isn't down")
      #expect(!daemon.errors.contains("upstream lost"))
    } catch {
      try await server.ctl("set_vm_memory_high_watermark", "absolute", "4GB")
      throw error
    }
    try await server.ctl("set_vm_memory_high_watermark", "absolute", "4GB")
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("takes messages again"))
    try await expectAllDelivered(producers, daemon, server, "alarm", repeatsAllowed: false)
  }

  /// A queue that is full refuses message by message. One at a time, order holds even then.
  @Test func aFullQueueSlowsDownInOrder() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("full", lengthMax: 50)
    let daemon = try await daemon(
      "amqp://127.0.0.1:\(server.port)?routing_key=full", ["batch:", "  messages: 1"])
    let producers = producers(daemon, 3, offer: 100)
    var messages: [RabbitServer.Message] = []
    try await turn(producers, until: "a refusal") { daemon.errors.contains("nacked") }
    #expect(try await daemon.state().breaker == "closed", "it isn't down")
    try await turn(producers, until: "everything settled") {
      messages += try await server.read("full")
      return producers.allSatisfy(\.isSettled)
    }
    messages += try await server.read("full")
    try await expectAllDelivered(producers, daemon, messages, repeatsAllowed: false)
  }

  // MARK: One that refuses

  @Test func aWrongPasswordKeepsTheMessages() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("login")
    try await server.ctl("add_user", "app", "other")
    try await server.ctl("set_permissions", "app", "", ".*", ".*")
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "amqp://app:wr%2Fong@127.0.0.1:\(server.port)?routing_key=login"])
    let producer = Producer("p", to: daemon)
    producer.offer(500)
    try await turn([producer], until: "the refusal") { daemon.errors.contains("ACCESS_REFUSED") }
    #expect(daemon.errors.contains("user or password is wrong"), "the log says what to do")
    #expect(try await daemon.state().total("delivered") == 0)
    try await server.ctl("change_password", "app", "wr/ong")
    try await turnUntilSettled([producer])
    #expect(!daemon.errors.contains("wr/ong") && !daemon.errors.contains("wr%2Fong"))
    #expect(try await daemon.admin("show config")?.contains("wr/ong") == false)
    try await expectAllDelivered([producer], daemon, server, "login", repeatsAllowed: false)
  }

  @Test func aMissingQueueKeepsTheMessages() async throws {
    let server = try await RabbitServer.ready()
    let daemon = try await daemon(server, "late")
    let producer = Producer("p", to: daemon)
    producer.offer(300)
    try await turn([producer], until: "the complaint") { daemon.errors.contains("NOT_FOUND") }
    #expect(daemon.errors.contains("amqp.routing_key"), "the log says what to do")
    #expect(try await daemon.state().total("delivered") == 0 && producer.outcomes.isEmpty)
    try await server.declare("late")
    try await turnUntilSettled([producer])
    try await expectAllDelivered([producer], daemon, server, "late", repeatsAllowed: false)
  }

  @Test func aMissingExchangeIsNamed() async throws {
    let server = try await RabbitServer.ready()
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "amqp://127.0.0.1:\(server.port)?exchange=nowhere"])
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the complaint") {
      daemon.errors.contains("no exchange 'nowhere'")
    }
    #expect(producer.outcomes.isEmpty && daemon.errors.contains("amqp.exchange"))
    #expect(try await daemon.stop() == 0)
  }

  @Test func aMessageThatNoQueueWantsIsRejectedByItself() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("wanted")
    try await server.bind("amq.direct", "wanted", "yes")
    let daemon = try await DaemonProcess.ready(
      in: place,
      [
        "--upstream", "amqp://127.0.0.1:\(server.port)?exchange=amq.direct&routing_key={key}",
      ])
    let client = try WireClient(daemon)
    try await client.greet()
    var bytes: [UInt8] = []
    for sequence in 1...60 as ClosedRange<UInt64> {
      let key =
        sequence % 3 == 0 ? "no" : sequence == 50 ? String(repeating: "k", count: 300) : "yes"
      bytes += encodedData(
        sequence, Array("p \(sequence)".utf8),
        extensions: encodedExtension(.key, Array(key.utf8)))
    }
    client.send(bytes)
    for sequence in 1...60 as ClosedRange<UInt64> {
      let isRejected = sequence % 3 == 0 || sequence == 50
      try await client.expectOutcome(
        isRejected ? .rejected : .delivered, of: sequence...sequence)
    }
    #expect(client.codes(of: 3) == [MessageCode(rawValue: 800)])
    #expect(client.codes(of: 50) == [MessageCode(rawValue: 802)])
    let bodies = try await server.read("wanted").map(\.body)
    #expect(bodies == (1...60).filter { $0 % 3 != 0 && $0 != 50 }.map { "p \($0)" })
    #expect(try await daemon.state().breaker == "closed")
    #expect(try await daemon.stop() == 0)
  }

  /// The server closes the channel over it, and yet its neighbours are there.
  @Test func aMessageThatIsTooLargeIsRejectedByItself() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("large")
    let daemon = try await daemon(server, "large", ["--frame-bytes", "2MiB"])
    let client = try WireClient(daemon)
    try await client.greet()
    let large = [UInt8](repeating: 0x2e, count: RabbitServer.messageBytesMax + 1)
    client.send(
      encodedData(1, Array("p 1".utf8)) + encodedData(2, large)
        + encodedData(3, Array("p 3".utf8)))
    try await client.expectOutcome(.rejected, of: 2...2)
    try await client.expectOutcome(.delivered, of: 1...1)
    try await client.expectOutcome(.delivered, of: 3...3)
    #expect(client.codes(of: 2) == [MessageCode(rawValue: 801)])
    #expect(Set(try await server.read("large").map(\.body)) == ["p 1", "p 3"])
    #expect(try await daemon.stop() == 0)
  }
}
