import ForebayWire
import Glibc
import Testing

/// What is special about a JetStream server, besides what `UpstreamTests` try with each.
@Suite(.fewAtOnce) struct NATSTests {
  private let place = Workplace()

  private func daemon(_ url: String, _ options: [String] = []) async throws -> DaemonProcess {
    try await DaemonProcess.ready(in: place, ["--upstream", url] + options)
  }

  @Test func connectionsThatAreCutInsideABatchLoseNothing() async throws {
    let server = try await NATSServer.ready(in: place)
    try await server.make()
    let seed = Seed(0)
    let port = try freePort()
    let relay = try CuttingRelay(
      at: port, to: server.port, lifetime: 20_000...400_000, seed: seed)
    let daemon = try await daemon("nats://127.0.0.1:\(port)")
    let producers = makeProducers(daemon, 4, offer: 6_000)
    try await turn(producers, until: "some cuts") {
      relay.turn()
      return relay.cuts >= 6
    }
    relay.lifetime = nil
    try await turn(producers, until: "everything settled") {
      relay.turn()
      return producers.allSatisfy(\.isSettled)
    }
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// The stream is full: it says "slow down", which is no failure; when there is room it goes on. What it
  /// refused is nowhere behind what it took.
  @Test func aFullStreamThrottles() async throws {
    let server = try await NATSServer.ready(in: place)
    try await server.make("S", on: "forebay", #""discard":"new","max_msgs":1000"#)
    let daemon = try await daemon(server.url, ["--buffer-messages", "2000"])
    let producers = makeProducers(daemon, 3, offer: 4_000)
    try await turn(producers, until: "full windows") {
      producers.allSatisfy { $0.reasons.contains(.bufferFull) || $0.reasons.contains(.fairShare) }
        && daemon.errors.contains("maximum messages exceeded")
    }
    let full = try await daemon.state()
    #expect(full.heldMessages <= 2_000 && full.isBalanced)
    #expect(full.breaker == "closed", "it isn't down")
    try await server.update("S", #""discard":"new","max_msgs":-1"#)
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("purge it"), "the log says what to do")
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// Two daemons, four sessions each, one stream: chains break all the time, and order holds.
  @Test func othersInTheStreamDisturbNoOrder() async throws {
    let server = try await NATSServer.ready(in: place)
    try await server.make()
    let first = try await daemon(server.url)
    let second = try await DaemonProcess.ready(in: place, name: "e", ["--upstream", server.url])
    let producers = makeProducers(first, 3, offer: 5_000)
    let others = (1...3).map { Producer("q\($0)", to: second) }
    for other in others { other.offer(5_000) }
    try await turnUntilSettled(producers + others)
    #expect(try await server.count() == 30_000)
    #expect(try await second.stop() == 0)
    try await expectAllDelivered(producers, first)
    try await server.readBack().expect(producers + others, repeatsAllowed: false)
    #expect(try await first.stop() == 0)
  }

  /// Larger than the stream takes, and larger than the server takes: each by itself.
  @Test func aMessageThatIsTooLargeIsRejectedByItself() async throws {
    let server = try await NATSServer.ready(in: place, "max_payload: 100000")
    try await server.make("S", on: "forebay", #""max_msg_size":50000"#)
    let daemon = try await daemon(server.url)
    let client = try WireClient(daemon)
    try await client.greet()
    func large(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x2e, count: count) }
    client.send(
      encodedData(1, Array("p 1".utf8)) + encodedData(2, large(60_000))
        + encodedData(3, Array("p 3".utf8)) + encodedData(4, large(120_000))
        + encodedData(5, Array("p 5".utf8)))
    for sequence in [1, 3, 5] as [UInt64] {
      try await client.expectOutcome(.delivered, of: sequence...sequence)
    }
    try await client.expectOutcome(.rejected, of: 2...2)
    try await client.expectOutcome(.rejected, of: 4...4)
    #expect(client.codes(of: 2) == [MessageCode(rawValue: 901)])
    #expect(client.codes(of: 4) == [MessageCode(rawValue: 900)])
    #expect(try await server.contents().map(\.payload) == ["p 1", "p 3", "p 5"])
    #expect(try await daemon.state().breaker == "closed")
    #expect(try await daemon.stop() == 0)
  }

  /// The server ends soon, and says so: the connection moves to the other one before that.
  @Test func aLameDuckIsLeft() async throws {
    let first = try await NATSServer.ready(in: place, name: "one")
    let second = try await NATSServer.ready(in: place, name: "two")
    try await first.make()
    try await second.make()
    let daemon = try await daemon("nats://127.0.0.1:\(first.port),127.0.0.1:\(second.port)")
    let producers = makeProducers(daemon, 3, offer: 1_000)
    try await turnUntilSettled(producers)
    let there = try await first.contents()
    first.program.kill(SIGUSR2)
    try await turn(producers, until: "the move") {
      daemon.errors.contains("another server is next")
    }
    for producer in producers { producer.offer(1_000) }
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("about to end this server"))
    #expect(try await daemon.state().breaker == "closed")
    try await expectAllDelivered(producers, daemon)
    (there + (try await second.contents())).readBack().expect(producers, repeatsAllowed: false)
    #expect(try await daemon.stop() == 0)
  }

  /// Where they go and what they are called is the operator's choice.
  @Test func subjectHeadersAndChainsAreConfigured() async throws {
    let server = try await NATSServer.ready(in: place)
    try await server.make("IN", on: "in.*.>")
    let file = place.write(
      """
      sockets:
        - path: \(place.file("c.sock"))
      routes:
        - name: orders
          upstream: \(server.url)
          nats:
            subject: 'in.{route}.{lane}'
            chain: 1
            key_header: k

      """, to: "c.yaml")
    let daemon = try await DaemonProcess.ready(in: place, ["--config", file])
    let client = try WireClient(path: place.file("c.sock"))
    try await client.greet(route: "orders")
    client.send(
      (1...50).flatMap {
        encodedData(
          $0, Array("m \($0)".utf8), extensions: encodedExtension(.key, Array("k1".utf8)))
      })
    try await client.expectOutcome(.delivered, of: 1...50)
    let there = try await server.contents("IN", on: "in.orders.0")
    #expect(there.map(\.payload) == (1...50).map { "m \($0)" })
    #expect(there.allSatisfy { $0.predecessor.isEmpty })
    #expect(Set(there.map(\.id)).count == 50)
    #expect(
      try await server.ask("$JS.API.STREAM.MSG.GET.IN", #"{"seq":1}"#).contains("in.orders.0"))
    #expect(try await daemon.stop() == 0)
  }
}
