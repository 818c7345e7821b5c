import ForebayWire
import Glibc
import Testing

/// What is special about a RabbitMQ server, besides what `UpstreamTests` try with each. Whatever may disturb
/// others has a server of its own.
@Suite(.fewAtOnce) struct AMQPTests {
  private let place = Workplace()

  // MARK: A server that does its work

  /// What it is called, where it goes and what goes along is the operator's choice and the sender's.
  @Test func templatesHeadersAndLargeBodiesArrive() async throws {
    let server = try await RabbitServer.shared()
    for queue in ["eu.1", "us.1"] {
      try await server.declare(queue)
      try await server.bind("amq.topic", queue, "\(queue.prefix(2)).#")
    }
    let daemon = try await place.daemon(
      [
        "upstream: amqp://guest:guest@localhost:\(server.port)/?exchange=amq.topic",
        "amqp: {routing_key: '{key}.{route}.{lane}'}",
      ], ["--frame-bytes", "2MiB"])
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

  @Test func connectionsThatAreClosedInsideABatchLoseNothing() async throws {
    let server = try await RabbitServer.ready(in: place)
    let queue = try await RabbitQueue(on: server)
    let daemon = try await place.daemon(queue.route)
    let producers = makeProducers(daemon, 4, offer: 6_000)
    for round in 1...3 {
      try await turn(producers, until: "a load") {
        producers.allSatisfy { $0.count(.delivered) > 1_000 * round }
      }
      try await server.ctl("close_all_connections", "maintenance")
    }
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("CONNECTION_FORCED"))
    #expect(try await daemon.state().breaker == "closed", "each was one failure")
    try await queue.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }

  /// An idle connection to a server that stands still is found out by its heartbeats.
  @Test func aServerWithoutHeartbeatsIsLeft() async throws {
    let server = try await RabbitServer.ready(in: place)
    let queue = try await RabbitQueue(on: server)
    let daemon = try await place.daemon(queue.route + ["amqp: {heartbeat: 1s}"])
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
    try await queue.expectAllDelivered([producer], daemon, repeatsAllowed: false)
  }

  // MARK: One that says "slow down"

  /// Its memory is nearly full: it says so and takes nothing, for longer than an attempt may take. That is
  /// no failure, and nothing comes twice.
  @Test func aMemoryAlarmNarrowsWindows() async throws {
    let server = try await RabbitServer.ready(in: place)
    let queue = try await RabbitQueue(on: server)
    let daemon = try await place.daemon(
      queue.route + ["attempt_timeout: 2s", "buffer_messages: 600"])
    let producers = makeProducers(daemon, 3, offer: 8_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 200 }
    }
    try await server.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    try await turn(producers, until: "full windows") {
      producers.allSatisfy { $0.reasons.contains(.bufferFull) || $0.reasons.contains(.fairShare) }
        && daemon.errors.contains("takes nothing for now")
    }
    let since = ContinuousClock.now
    try await turn(producers, until: "more than an attempt's time") {
      since.duration(to: .now) > .seconds(4)
    }
    let full = try await daemon.state()
    #expect(full.heldMessages <= 600 && full.isBalanced)
    #expect(full.breaker == "closed", "it isn't down")
    #expect(!daemon.errors.contains("upstream lost"))
    try await server.ctl("set_vm_memory_high_watermark", "absolute", "4GB")
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("takes messages again"))
    try await queue.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// A queue that is full refuses message by message. One at a time, order holds even then.
  @Test func aFullQueueSlowsDownInOrder() async throws {
    let server = try await RabbitServer.shared()
    let queue = try await RabbitQueue(on: server, lengthMax: 50)
    let daemon = try await place.daemon(queue.route + ["batch: {messages: 1}"])
    let producers = makeProducers(daemon, 3, offer: 100)
    var entries: [ReadBack.Entry] = []
    try await turn(producers, until: "a refusal") { daemon.errors.contains("nacked") }
    #expect(try await daemon.state().breaker == "closed", "it isn't down")
    try await turn(producers, until: "everything settled") {
      entries += try await queue.readBack().entries
      return producers.allSatisfy(\.isSettled)
    }
    entries += try await queue.readBack().entries
    try await expectAllDelivered(producers, daemon)
    ReadBack(entries).expect(producers, repeatsAllowed: false)
    #expect(try await daemon.stop() == 0)
  }

  // MARK: One that refuses

  @Test func aMissingExchangeIsNamed() async throws {
    let server = try await RabbitServer.shared()
    let daemon = try await place.daemon(
      ["upstream: amqp://127.0.0.1:\(server.port)?exchange=nowhere"])
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the complaint") {
      daemon.errors.contains("no exchange 'nowhere'")
    }
    #expect(producer.outcomes.isEmpty && daemon.errors.contains("amqp.exchange"))
    #expect(try await daemon.stopAtOnce() == 0)
  }

  @Test func aMessageThatNoQueueWantsIsRejectedByItself() async throws {
    let server = try await RabbitServer.shared()
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
    let server = try await RabbitServer.shared()
    let queue = try await RabbitQueue(on: server)
    let daemon = try await place.daemon(queue.route, ["--frame-bytes", "2MiB"])
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
    #expect(Set(try await queue.readBack().entries.map(\.text)) == ["p 1", "p 3"])
    #expect(try await daemon.stop() == 0)
  }
}
