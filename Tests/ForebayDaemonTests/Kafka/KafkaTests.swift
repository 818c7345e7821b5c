import ForebayWire
import Glibc
import TestFolder
import Testing

/// What is special about a Kafka cluster, besides what `UpstreamTests` try with each.
@Suite(.fewAtOnce) struct KafkaTests {
  private let place = Workplace()
  /// A broker refuses what comes behind a gap in a producer's numbers. The mock brokers don't look at
  /// them; so where they are made to refuse something, nothing may be on its way behind that.
  private static let oneByOne = "kafka: {options: [max.in.flight=1]}"

  /// With settings of the route, a line each.
  private func daemon(_ url: String, _ lines: String...) async throws -> DaemonProcess {
    try await place.daemon(["upstream: \(url)"] + Workplace.quickRecovery() + lines)
  }

  private func turnUntilLoaded(_ producers: [Producer], _ count: Int) async throws {
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > count }
    }
  }

  @Test func aRecordHasItsKeyAndHeaders() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.brokers)/x.{route}.{lane}")
    let client = try WireClient(daemon)
    try await client.greet()
    let name: [UInt8] = Array("colour".utf8)
    let extensions =
      encodedExtension(.key, Array("k1".utf8))
      + encodedExtension(.header, [UInt8(name.count)] + name + Array("green".utf8))
      + encodedExtension(.traceparent, Array("00-ab-cd-01".utf8))
      + encodedExtension(.contentType, Array("text/plain".utf8))
    client.send(encodedData(1, Array("with".utf8), lane: 2, extensions: extensions))
    client.send(encodedData(2, Array("without".utf8), lane: 2))
    client.send(encodedData(3, [], lane: 2, extensions: encodedExtension(.key, [])))
    try await client.expectOutcome(.delivered, of: 1...3)
    let records = try await cluster.records(of: "x.main.2", format: "%K|%k|%S|%s|%h")
    let parts = records.map { $0.split(separator: "|", omittingEmptySubsequences: false) }
    let with = try #require(parts.first { $0[3] == "with" })
    #expect(with[1] == "k1")
    let headers = with[4].split(separator: ",")
    #expect(headers.count == 4 && headers[0].hasPrefix("forebay-id=") && headers[0].hasSuffix("-1"))
    #expect(
      headers.dropFirst() == ["colour=green", "traceparent=00-ab-cd-01", "content-type=text/plain"])
    let without = try #require(parts.first { $0[3] == "without" })
    #expect(without[0] == "-1", "no key")
    let empty = try #require(parts.first { $0[4].hasSuffix("-3") })
    #expect(
      empty[0] == "0" && empty[2] == "0", "an empty key and an empty value, which aren't none")
    #expect(try await daemon.stop() == 0)
  }

  // MARK: Outages

  /// The library repeats by itself. A broker would tell repetitions by their numbers, the mock doesn't.
  @Test func brokersThatAreGoneForAMomentAreNoFailure() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.brokers)")
    let producers = makeProducers(daemon, 4, offer: 5_000)
    for round in 1...2 {
      try await turnUntilLoaded(producers, 1_000 * round)
      try await cluster.tell("down 0")
      try await turn(producers, until: "it is noticed") {
        daemon.errors.contains("no broker can be reached")
      }
      try await cluster.tell("up 0")
    }
    try await turnUntilSettled(producers)
    #expect(!daemon.errors.contains("upstream lost"))
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }

  @Test func withoutABrokerAtTheStartNothingIsHandedOver() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    try await cluster.tell("down 0")
    let daemon = try await daemon("kafka://\(cluster.brokers)", "buffer_messages: 600")
    let producers = makeProducers(daemon, 3, offer: 1_000)
    try await turn(producers, until: "windows shut by the breaker") {
      producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
    }
    let shut = try await daemon.state()
    #expect(shut.heldMessages <= 600 && shut.isBalanced && shut.delivered == 0)
    #expect(daemon.errors.contains("no broker can be reached"))
    try await cluster.tell("up 0")
    try await turnUntilSettled(producers)
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  @Test func aDaemonEndsSoonWithMessagesOutAndNobodyThere() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.brokers)")
    let producers = makeProducers(daemon, 2, offer: 500)
    try await turnUntilLoaded(producers, 100)
    cluster.program.kill(SIGSTOP)
    for producer in producers { producer.offer(500) }
    try await turn(producers, until: "messages out") { try await daemon.state().heldMessages > 0 }
    #expect(try await daemon.stopAtOnce() == 0)
    cluster.program.kill(SIGCONT)
  }

  // MARK: Connections

  @Test func connectionsThatAreResetLoseNothing() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.relays)")
    let producers = makeProducers(daemon, 4, offer: 6_000)
    for round in 1...5 {
      try await turnUntilLoaded(producers, 800 * round)
      try await cluster.tell("reset")
    }
    try await turnUntilSettled(producers)
    #expect(try await daemon.state().breaker == "closed")
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }

  /// The broker has written what it was sent, and nobody hears of it.
  @Test func answersThatAreLostLoseNothing() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.relays)")
    let producers = makeProducers(daemon, 4, offer: 6_000)
    for round in 1...4 {
      try await turnUntilLoaded(producers, 1_000 * round)
      try await cluster.tell("lose 2")
    }
    try await turnUntilSettled(producers)
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }

  @Test func leadersMoveUnderLoad() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.brokers)", Self.oneByOne)
    let producers = makeProducers(daemon, 4, offer: 6_000)
    for round in 1...4 {
      try await turnUntilLoaded(producers, 1_000 * round)
      for partition in 0..<4 {
        try await cluster.tell("leader forebay \(partition) \(1 + (partition + round) % 3)")
      }
    }
    try await turnUntilSettled(producers)
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  // MARK: Answers

  /// 19: fewer replicas are in sync than the topic wants. The library repeats until there are.
  @Test func tooFewReplicasAreWaitedFor() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.brokers)", Self.oneByOne)
    let producers = makeProducers(daemon, 4, offer: 4_000)
    try await turnUntilLoaded(producers, 1_000)
    try await cluster.tell("error 0 19 10")
    try await turnUntilSettled(producers)
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// A quota: it takes everything and says "slow down".
  @Test func aQuotaThrottles() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.relays)", "buffer_messages: 1000")
    let producers = makeProducers(daemon, 3, offer: 6_000)
    try await turnUntilLoaded(producers, 200)
    try await cluster.tell("throttle 500")
    try await turn(producers, until: "full windows") {
      producers.allSatisfy { $0.reasons.contains(.bufferFull) || $0.reasons.contains(.fairShare) }
        && daemon.errors.contains("slows us down")
    }
    let full = try await daemon.state()
    #expect(full.heldMessages <= 1_000 && full.isBalanced)
    #expect(full.breaker == "closed", "it isn't down")
    try await cluster.tell("throttle 0")
    try await turnUntilSettled(producers)
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// The library knows what it may send: nothing of it goes out.
  @Test func aMessageThatIsTooLargeIsRejectedAndItsNeighboursAreNot() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon(
      "kafka://\(cluster.brokers)", "kafka: {options: [message.max.bytes=10000]}")
    let producer = Producer("p", to: daemon)
    producer.offer(200)
    producer.offer(1, payloadBytes: 20_000)
    producer.offer(200)
    try await turnUntilSettled([producer])
    #expect(
      producer.outcomes[201]?.outcome == .rejected && producer.outcomes[201]?.code.rawValue == 700)
    #expect(producer.count(.delivered) == 400)
    #expect(try await cluster.records().count == 400)
    #expect(try await daemon.state().breaker == "closed")
    #expect(try await daemon.stop() == 0)
  }

  /// 10: a batch is larger than the topic takes, by one message in it. The mock refuses whatever comes
  /// next: first a batch, and then, when each goes alone, a single message.
  @Test func aBatchThatIsRefusedIsTriedMessageByMessage() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.brokers)", Self.oneByOne)
    let producers = makeProducers(daemon, 4, offer: 4_000)
    try await turnUntilLoaded(producers, 500)
    try await cluster.tell("error 0 10 2")
    try await turnUntilSettled(producers)
    let rejected = producers.reduce(0) { $0 + $1.count(.rejected) }
    #expect((1...2).contains(rejected), "one alone, or two that were alone in their batches")
    #expect(producers.reduce(0) { $0 + $1.count(.delivered) } == 16_000 - rejected)
    #expect(
      producers.allSatisfy {
        $0.outcomes.values.allSatisfy { $0.outcome != .rejected || $0.code.rawValue == 700 }
      })
    #expect(try await daemon.state().breaker == "closed", "a refusal is no failure")
    try await cluster.readBack().expect(producers, repeatsAllowed: true)
    #expect(daemon.errors.contains("max.message.bytes"), "the log says what to do")
    #expect(try await daemon.stop() == 0)
  }

  /// What an operator can repair rejects nothing.
  @Test func aMissingRightKeepsTheMessages() async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    try await cluster.tell("topic-error forebay 29")
    let daemon = try await daemon("kafka://\(cluster.brokers)")
    let producers = makeProducers(daemon, 2, offer: 500)
    try await turn(producers, until: "the refusal") { daemon.errors.contains("WRITE") }
    #expect(producers.allSatisfy { $0.outcomes.isEmpty })
    #expect(try await daemon.state().heldMessages > 0, "they wait")
    try await cluster.tell("topic-error forebay 0")
    try await turnUntilSettled(producers)
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// 29: a right that is taken away under load; 45: sequence numbers that a broker can't explain.
  @Test(arguments: [29, 45])
  func aProducerThatCanNotGoOnIsMadeAnew(_ code: Int) async throws {
    let cluster = try await KafkaCluster.ready(in: place)
    let daemon = try await daemon("kafka://\(cluster.brokers)", Self.oneByOne)
    let producers = makeProducers(daemon, 4, offer: 4_000)
    try await turnUntilLoaded(producers, 1_000)
    try await cluster.tell("error 0 \(code) 1")
    try await turn(producers, until: "the loss") { daemon.errors.contains("upstream lost") }
    try await turnUntilSettled(producers)
    try await cluster.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }
}
