import ForebayWire
import Glibc
import Testing

/// SIGTERM: what is held goes on, clients are told, and whatever is left ends truthfully.
@Suite(.fewAtOnce) struct DrainTests {
  private let place = Workplace()

  @Test func deliversWhatItHoldsAndSaysGoodbye() async throws {
    let daemon = try await DaemonProcess.ready(in: place, ["--rate", "2000"])
    let producers = (1...3).map { Producer("p\($0)", to: daemon) }
    for producer in producers { producer.offer(5000) }
    try await turn(producers, until: "a full buffer") {
      producers.allSatisfy { $0.count(.delivered) > 100 }
    }
    let held = try await daemon.state().heldMessages
    #expect(held > 100)
    daemon.program.kill(SIGTERM)
    try await turn(producers, until: "the drain") { producers.allSatisfy(\.isLeaving) }
    // A new connection is refused: nobody listens any more.
    #expect(throws: RawSocket.Refused.self) { try WireClient(daemon) }
    #expect(try await daemon.admin("ready") == "-ERR NOT_READY draining")
    var sent = producers.map(\.sentOnConnection)
    try await turn(producers, until: "its end") {
      // The last frames are read before the connection is made again.
      if producers.allSatisfy({ !$0.goAways.isEmpty && !$0.isConnected }) { return true }
      for (index, producer) in producers.enumerated() where producer.isConnected {
        sent[index] = producer.sentOnConnection
      }
      return false
    }
    #expect(try await daemon.program.end().status == 0)
    for (index, producer) in producers.enumerated() {
      #expect(producer.goAways == [.shuttingDown])
      // All that it had sent was delivered, and it heard of each.
      #expect(UInt64(producer.count(.delivered)) == sent[index])
      #expect(producer.outcomes.count == producer.count(.delivered))
    }
    #expect(daemon.logLines.compactMap(logFields).last?["held"] == "0")

    try await daemon.restart()
    try await turnUntilSettled(producers)
    #expect(try await daemon.stop() == 0)
    try JournalContents(daemon.journal).expectExactly(producers)
  }

  /// Nothing can be forwarded: what was receipted as received is reported lost, the rest gets no receipt
  /// and is its client's to send again.
  @Test func endsTruthfullyWhenNothingCanBeDelivered() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      ["--upstream", "forebay+unix:\(place.file("gone.sock"))", "--drain-timeout", "700ms"])
    let client = try WireClient(daemon)
    try await client.greet(level: .received)
    client.send((1...5).flatMap { encodedData($0, []) })
    client.send((6...9).flatMap { encodedData($0, [], level: .delivered) })
    try await client.expectOutcome(.received, of: 1...5)
    daemon.program.kill(SIGTERM)
    let goAway = try await client.wait(for: "GOAWAY") {
      if case .goAway(let goAway) = $0 { goAway } else { nil }
    }
    #expect(goAway.deadlineMilliseconds <= 700)
    try await client.expectOutcome(.dropped, of: 1...5)
    #expect(client.codes(of: 5) == [.none, .shuttingDown])
    try await client.expectError(.shuttingDown)
    #expect(client.outcomes(of: 6).isEmpty && client.outcomes(of: 9).isEmpty)
    #expect(client.heard.contains { $0.isShut(because: .draining) })
    #expect(try await daemon.program.end().status == 0)
    #expect(daemon.logLines.compactMap(logFields).last?["held"] == "4")
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func aSecondSignalEndsItAtOnce(_ signal: Int32) async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      ["--upstream", "forebay+unix:\(place.file("gone.sock"))", "--drain-timeout", "1h"])
    let client = try WireClient(daemon)
    try await client.greet(level: .received)
    client.send(messages: 1...3)
    try await client.expectOutcome(.received, of: 1...3)
    daemon.program.kill(signal)
    try await daemon.waitForLog("draining")
    #expect(daemon.program.isRunning)
    daemon.program.kill(signal)
    try await client.expectOutcome(.dropped, of: 1...3)
    #expect(try await daemon.program.end().status == 0)
    try await daemon.waitForLog("ending at once")
  }

  /// The journal is at work on what it was given: what it then says belongs to nobody, and harms nobody.
  @Test func aSecondSignalUnderLoadIsTruthfulToo() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let producers = (1...4).map { Producer("p\($0)", to: daemon, level: .received) }
    for producer in producers { producer.offer(4000, payloadBytes: 500) }
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 200 }
    }
    daemon.program.kill(SIGTERM)
    try await daemon.waitForLog("draining")
    daemon.program.kill(SIGTERM)
    try await turn(producers, until: "its end") { !daemon.program.isRunning }
    #expect(try await daemon.program.end().status == 0, "\(daemon.errors)")
    for producer in producers { try producer.turn() }
    let written = try JournalContents(daemon.journal).numbers.mapValues(Set.init)
    for producer in producers {
      let there = written[producer.name, default: []]
      for (number, range) in producer.outcomes {
        switch range.outcome {
        case .delivered: #expect(there.contains(number))
        // Dropped and there all the same is possible only where the receipt says so.
        case .dropped: #expect(!there.contains(number) || range.flags.contains(.maybeDelivered))
        default: Issue.record("\(producer.name) \(number): \(range.outcome)")
        }
      }
      #expect(producer.settledTwice.isEmpty)
    }
  }

  /// Idle clients that know how to answer hold nothing up; sockets are gone afterwards.
  @Test func idleClientsDelayNothing() async throws {
    let daemon = try await DaemonProcess.ready(in: place, ["--drain-timeout", "1h"])
    let producers = (1...20).map { Producer("p\($0)", to: daemon) }
    for producer in producers { producer.offer(1) }
    try await turnUntilSettled(producers)
    daemon.program.kill(SIGTERM)
    try await turn(producers, until: "its end") { !daemon.program.isRunning }
    #expect(try await daemon.program.end().status == 0)
    #expect(producers.allSatisfy { $0.goAways == [.shuttingDown] })
    #expect(try #require(daemon.drainMilliseconds) < 4000, "no reclaim had to time out")
    #expect(!exists(daemon.socket) && !exists(daemon.adminSocket))
  }
}

extension DaemonProcess {
  /// From "draining" to "stopped" as the log has it, within one day.
  fileprivate var drainMilliseconds: Int? {
    func time(_ message: String) -> Int? {
      guard
        let text = logLines.compactMap(logFields).first(where: { $0["msg"] == message })?["ts"],
        let clock = text.split(separator: "T").last?.dropLast().split(separator: ":"),
        clock.count == 3, let hours = Int(clock[0]), let minutes = Int(clock[1]),
        let seconds = Double(clock[2])
      else { return nil }
      return (hours * 60 + minutes) * 60_000 + Int(seconds * 1000)
    }
    guard let began = time("draining"), let ended = time("stopped") else { return nil }
    return (ended - began + 86_400_000) % 86_400_000
  }
}
