import ForebayWire
import Glibc
import Testing

/// `kill -9` under load, at drawn moments: what was receipted is in the journal, the rest is sent again.
@Suite(.fewAtOnce) struct KillTests {
  private let place = Workplace()

  /// `FOREBAY_KILLS=200` for a long run.
  private static let kills = getenv("FOREBAY_KILLS").flatMap { Int(String(cString: $0)) } ?? 20

  @Test(arguments: [Seed(0), Seed(1)])
  func aKilledDaemonLosesNothing(_ seed: Seed) async throws {
    var random = seed.random
    let daemon = try await DaemonProcess.ready(in: place)
    let producers = (1...4).map {
      Producer("p\($0)", to: daemon, level: $0 == 4 ? .received : .delivered)
    }
    let ledger = JournalLedger(daemon.journal)
    var unsettled: [String: Set<UInt64>] = [:]
    let rounds = max(1, Self.kills / 2)
    for round in 1...rounds {
      for producer in producers {
        producer.offer(random.draw(100...600), payloadBytes: random.draw(0...400))
      }
      // Some way into it: some are settled, some held, some on their way, some not yet sent.
      let goal = producers.settledCount + random.draw(1...400)
      try await turn(producers, until: "\(seed) round \(round) is on its way") {
        producers.settledCount >= goal
      }
      try await daemon.kill9()
      // The receipts that it wrote before it died count.
      for producer in producers { try producer.turn() }
      for producer in producers {
        unsettled[producer.name, default: []].formUnion(producer.unsettled)
      }
      try ledger.read("\(seed) round \(round)")
      ledger.expectDelivered(of: producers, "\(seed) round \(round)")
      try await daemon.restart()
    }
    try await turnUntilSettled(producers)
    #expect(try await daemon.stop() == 0)

    let journal = try JournalContents(daemon.journal)
    journal.expectExactly(producers, repeats: .only(unsettled), "\(seed)")
    #expect(journal.tags.count == 4, "the same keys before and after a restart")
    #expect(producers.allSatisfy { $0.connects == rounds + 1 })
    try ledger.read("\(seed) in the end")
    ledger.expectDelivered(of: producers, "\(seed) in the end")
    #expect(ledger.repeated.allSatisfy { unsettled[$0.producer]?.contains($0.number) == true })
    print(
      "kill -9: \(rounds) times under \(Set(journal.keys).count) messages, \(ledger.checked) receipts "
        + "checked: none lost, "
        + "\(journal.repeatCount) written twice of "
        + "\(unsettled.values.reduce(0) { $0 + $1.count }) that had no receipt")
  }

  /// Two start at once where one was killed: one serves, the other says why it doesn't, and clients go on.
  @Test func ofTwoSuccessorsOneServes() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let producers = (1...2).map { Producer("p\($0)", to: daemon) }
    for producer in producers { producer.offer(1000) }
    try await turn(producers, until: "a load") { producers.settledCount > 300 }
    try await daemon.kill9()
    for producer in producers { try producer.turn() }
    let unsettled = producers.unsettledByName
    #expect(exists(daemon.socket) && exists(daemon.adminSocket))

    let rivals = try (1...2).map { _ in try DaemonProcess(in: place) }
    try await expectEventually("one of them to give up") {
      rivals.contains { !$0.program.isRunning }
    }
    let (served, gaveUp) = rivals[0].program.isRunning ? (0, 1) : (1, 0)
    try await rivals[served].waitReady()
    for producer in producers { producer.offer(500) }
    try await turnUntilSettled(producers)
    #expect(try await rivals[gaveUp].program.end().status == 1)
    #expect(rivals[gaveUp].errors.contains(place.path), "\(rivals[gaveUp].errors)")
    #expect(try await rivals[served].stop() == 0, "\(rivals[served].errors)")
    try JournalContents(daemon.journal).expectExactly(producers, repeats: .only(unsettled))
  }
}
