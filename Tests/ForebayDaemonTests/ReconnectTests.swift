import ForebayWire
import Testing

/// Connections that break while both ends live: everything arrives once.
@Suite(.fewAtOnce) struct ReconnectTests {
  private let place = Workplace()

  /// Clients that leave at any moment, with or without a word, and come back at once.
  @Test(arguments: [Seed(0), Seed(1)])
  func clientsThatComeAndGoDuplicateNothing(_ seed: Seed) async throws {
    var random = seed.random
    let daemon = try await DaemonProcess.ready(in: place, ["--buffer-messages", "500"])
    let producers = (1...5).map {
      Producer("p\($0)", to: daemon, level: $0 == 5 ? .received : .delivered)
    }
    for _ in 0..<120 {
      let producer = producers[random.draw(0...4)]
      switch random.draw(0...9) {
      case 0..<4: producer.offer(random.draw(1...150), payloadBytes: random.draw(0...4000))
      case 4..<8: producer.disconnect()
      default: producer.abandon()
      }
      for _ in 0..<random.draw(0...8) {
        for producer in producers { try producer.turn() }
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    try await turnUntilSettled(producers)
    try await expectEachOnce(producers, in: daemon, "\(seed)")
    let connects = producers.reduce(0) { $0 + $1.connects }
    #expect(connects > 30, "\(seed)")
    print(
      "reconnects by clients: \(connects) connections, "
        + "\(producers.reduce(0) { $0 + $1.highest }) messages, none twice")
  }

  /// Something between them cuts connections after any number of bytes, of whatever direction.
  @Test(arguments: [Seed(0), Seed(1)])
  func connectionsThatAreCutDuplicateNothing(_ seed: Seed) async throws {
    let daemon = try await DaemonProcess.ready(in: place, ["--buffer-messages", "500"])
    let relay = try CuttingRelay(
      at: place.file("relay.sock"), to: daemon.socket, lifetime: 1...60_000, seed: seed)
    let producers = (1...5).map {
      Producer("p\($0)", to: { relay.path }, level: $0 == 5 ? .received : .delivered)
    }
    for (index, producer) in producers.enumerated() {
      producer.offer(1200, payloadBytes: [0, 50, 300, 2000, 10][index])
    }
    try await turn(producers, until: "\(seed) everything settled") {
      relay.turn()
      return producers.allSatisfy(\.isSettled)
    }
    #expect(relay.cuts >= 40, "\(seed)")
    try await expectEachOnce(producers, in: daemon, "\(seed)")
    print("reconnects by a cutting relay: \(relay.cuts) cuts, 6000 messages, none twice")
  }

  /// The same between two daemons: what the second one has, it knows by its origin.
  @Test(arguments: [Seed(0), Seed(1)])
  func linksThatAreCutDuplicateNothing(_ seed: Seed) async throws {
    let second = try await DaemonProcess.ready(in: place, name: "second")
    let relay = try CuttingRelay(
      at: place.file("relay.sock"), to: second.socket, lifetime: 2000...200_000, seed: seed)
    let first = try await DaemonProcess.ready(
      in: place, name: "first",
      ["--upstream", "forebay+unix:\(relay.path)", "--buffer-messages", "500"])
    let producers = (1...3).map { Producer("p\($0)", to: first) }
    for (index, producer) in producers.enumerated() {
      producer.offer(1500, payloadBytes: [0, 60, 400][index])
    }
    try await turn(producers, until: "\(seed) everything settled") {
      relay.turn()
      // Each cut is a failure, and five in a row would only make the test wait.
      if relay.cuts >= 4 { relay.lifetime = nil }
      return producers.allSatisfy(\.isSettled)
    }
    #expect(relay.cuts >= 4, "\(seed)")
    #expect(producers.allSatisfy { $0.connects == 1 })
    #expect(try await first.state().isBalanced)
    #expect(try await first.stop() == 0)
    try await expectEachOnce(producers, in: second, "\(seed)")
  }

  private func expectEachOnce(
    _ producers: [Producer], in daemon: DaemonProcess, _ note: String
  ) async throws {
    let state = try await daemon.state()
    #expect(state.isBalanced && state.heldMessages == 0, "\(note)")
    #expect(try await daemon.stop() == 0, "\(note) \(daemon.errors.suffix(500))")
    try JournalContents(daemon.journal).expectExactly(producers, "\(note)")
  }
}
