import ForebayWire
import Glibc
import Testing

/// `kill -9` under load, at drawn moments: what was receipted is in the journal, the rest is sent again.
@Suite(.fewAtOnce) struct KillTests {
  private let place = Workplace()

  @Test(arguments: [Seed(0), Seed(1)])
  func aKilledDaemonLosesNothing(_ seed: Seed) async throws {
    var random = seed.random
    let daemon = try await DaemonProcess.ready(in: place)
    let producers = (1...4).map {
      Producer("p\($0)", to: daemon, level: $0 == 4 ? .received : .delivered)
    }
    var unsettled: [String: Set<UInt64>] = [:]
    for round in 1...6 {
      for producer in producers {
        producer.offer(random.draw(200...1200), payloadBytes: random.draw(0...400))
      }
      // Some way into it: some are settled, some held, some on their way, some not yet sent.
      let goal = producers.settledCount + random.draw(1...800)
      try await turn(producers, until: "\(seed) round \(round) is on its way") {
        producers.settledCount >= goal
      }
      try await daemon.kill9()
      // The receipts that it wrote before it died count.
      for producer in producers { try producer.turn() }
      for producer in producers {
        unsettled[producer.name, default: []].formUnion(producer.unsettled)
      }
      try JournalContents(daemon.journal).expectDelivered(of: producers, "\(seed) round \(round)")
      try await daemon.restart()
    }
    try await turnUntilSettled(producers)
    #expect(try await daemon.stop() == 0)

    let journal = try JournalContents(daemon.journal)
    journal.expectExactly(producers, repeats: .only(unsettled), "\(seed)")
    #expect(journal.tags.count == 4, "the same keys before and after a restart")
    #expect(producers.allSatisfy { $0.connects == 7 })
    print(
      "kill -9: 6 times under \(Set(journal.keys).count) messages: none lost, "
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
