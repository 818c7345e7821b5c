import ForebayWire
import Glibc
import Testing

/// What is special about a Redis server, besides what `UpstreamTests` try with each.
@Suite(.fewAtOnce) struct RedisTests {
  private let place = Workplace()

  private func daemon(_ server: RedisServer, _ options: [String] = []) async throws -> DaemonProcess
  {
    try await DaemonProcess.ready(
      in: place, ["--upstream", "redis+unix://\(server.socket)"] + options)
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
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: true)
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
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
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

  @Test func aServerWithoutTLSIsNotSpokenToInPlain() async throws {
    let port = try freePort()
    let server = try await RedisServer.ready(
      in: place, ["--port", "\(port)", "--bind", "127.0.0.1"])
    let daemon = try await place.daemon(["upstream: rediss://127.0.0.1:\(port)"])
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the loss") { daemon.errors.contains("upstream lost") }
    #expect(producer.outcomes.isEmpty)
    #expect(try await server.ask("XLEN", "forebay") == "0\n")
    #expect(try await daemon.stopAtOnce() == 0)
  }
}
