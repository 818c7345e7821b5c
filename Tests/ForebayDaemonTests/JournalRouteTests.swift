import ForebayStore
import ForebayWire
import Glibc
import Testing

/// From clients into the journal: everything once, and in order.
@Suite(.fewAtOnce) struct JournalRouteTests {
  private let place = Workplace()

  @Test func everyMessageIsWrittenOnceAndInOrder() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let producers = (1...6).map { Producer("p\($0)", to: daemon) }
    for (index, producer) in producers.enumerated() {
      producer.offer(1500, payloadBytes: [0, 20, 300, 3000, 40, 50][index])
    }
    try await turnUntilSettled(producers)
    for producer in producers {
      #expect(producer.count(.delivered) == 1500)
      #expect(producer.settledTwice.isEmpty && producer.errors.isEmpty)
    }
    let state = try await daemon.state()
    #expect(state.received == 9000 && state.delivered == 9000 && state.heldMessages == 0)
    #expect(state.isBalanced)
    let journal = try JournalContents(daemon.journal)
    journal.expectExactly(producers)
    #expect(journal.tags.count == 6)
    #expect(try await daemon.stop() == 0)
  }

  /// What `forebayctl` shows is what is there.
  @Test func theJournalIsReadByItsCommand() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let producer = Producer("p", to: daemon)
    producer.offer(300)
    try await turnUntilSettled([producer])
    let cat = try await Program.start(
      "forebayctl", ["journal", "cat", "journal:\(daemon.journal)"], in: place
    ).end()
    #expect(cat.status == 0)
    #expect(cat.output == (1...300).map { "p \($0)\n" }.joined())
    let stats = try await Program.start(
      "forebayctl", ["journal", "stats", "--json", daemon.journal], in: place
    ).end()
    #expect(stats.output.contains("\"messages\":300"), "\(stats.output)")
    #expect(stats.output.contains("\"duplicates\":0"), "\(stats.output)")
  }

  @Test func goesOnWithTheSameJournalAfterAStop() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let producer = Producer("p", to: daemon)
    for _ in 1...2 {
      producer.offer(100)
      try await turnUntilSettled([producer])
      #expect(try await daemon.stop() == 0)
      producer.disconnect()
      try await daemon.restart()
    }
    try JournalContents(daemon.journal).expectExactly([producer])
  }

  /// The same session from a second connection: the first is read out, then told.
  @Test func aTakenOverSessionGoesOnOnItsNewConnection() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let session = ID128.drawn()
    let old = try WireClient(daemon)
    try await old.greet(session: session)
    old.send(messages: 1...20)
    let new = try WireClient(daemon)
    try await new.greet(session: session)
    try await old.expectError(.sessionTaken)
    // Between them, the two connections heard of each message.
    try await new.expectOutcome(.delivered, of: 1...20)
    #expect(new.welcome?.isResumed == true && new.welcome?.known == 20)
    new.send(messages: 15...30)
    try await new.expectOutcome(.delivered, of: 21...30)
    #expect(try await daemon.stop() == 0)
    #expect(try JournalContents(daemon.journal).records.map(\.sequence) == Array(1...30))
  }

  /// Messages that end otherwise than delivered, each with its reason.
  @Test func tellsEachMessageItsOwnEnd() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      [
        "--upstream", "journal:\(place.file("d.db"))",
        "--upstream", "gone=forebay+unix:\(place.file("gone.sock"))",
      ])
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(
      encodedData(1, [], level: .received)
        + encodedData(2, [], level: .stored)
        + encodedData(3, [], extensions: encodedExtension(ExtensionType(rawValue: 200), [1]))
        + encodedData(4, []))
    try await client.expectOutcome(.received, of: 1...1)
    try await client.expectOutcome(.delivered, of: 1...1)
    try await client.expectOutcome(.rejected, of: 2...3)
    try await client.expectOutcome(.delivered, of: 4...4)
    #expect(client.codes(of: 2) == [.levelUnavailable])
    #expect(client.codes(of: 3) == [.unsupportedExtension])

    let other = try WireClient(daemon)
    try await other.greet(route: "gone")
    other.send(encodedData(1, [], ttl: 300) + encodedData(2, [], level: .received))
    try await other.expectOutcome(.received, of: 2...2)
    try await other.expectOutcome(.expired, of: 1...1)
    #expect(other.codes(of: 1) == [.ttlExpired])
    let state = try await daemon.state()
    #expect(state.total("expired", route: 1) == 1 && state.total("rejected", route: 0) == 2)
  }
}
