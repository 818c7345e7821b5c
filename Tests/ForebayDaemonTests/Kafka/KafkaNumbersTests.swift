import ForebayWire
import Testing

/// Against a broker that looks at a producer's numbers: with many requests on their way nothing is lost,
/// overtaken or repeated, as long as one producer lives.
@Suite(.fewAtOnce, .enabled(if: NoidaBroker.isInstalled, "make deps-kafka"))
struct KafkaNumbersTests {
  private let place = Workplace()

  private func deliver(
    to broker: NoidaBroker, meanwhile disturb: () async throws -> Void
  ) async throws {
    let daemon = try await place.daemon(broker.route + Workplace.quickRecovery())
    let producers = makeProducers(daemon, 4, offer: 6_000)
    for round in 1...4 {
      try await turn(producers, until: "a load") {
        producers.allSatisfy { $0.count(.delivered) > 1_000 * round }
      }
      try await disturb()
    }
    try await turnUntilSettled(producers)
    #expect(try await daemon.state().breaker == "closed")
    try await broker.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  /// It has written what it was sent, and nobody hears of it.
  @Test func answersThatAreLostRepeatNothing() async throws {
    let broker = try await NoidaBroker.ready(in: place)
    try await deliver(to: broker) { try await broker.relay.tell("lose 2") }
  }

  @Test func connectionsThatAreResetRepeatNothing() async throws {
    let broker = try await NoidaBroker.ready(in: place)
    try await deliver(to: broker) { try await broker.relay.tell("reset") }
  }

  @Test func aBrokerThatStandsStillForAMomentRepeatsNothing() async throws {
    let broker = try await NoidaBroker.ready(in: place)
    try await deliver(to: broker) {
      broker.standStill()
      try await Task.sleep(for: .milliseconds(300))
      broker.goOn()
    }
  }

  /// Whether it still knows the numbers of before is its own matter.
  @Test func aBrokerThatIsStartedAgainLosesNothing() async throws {
    let broker = try await NoidaBroker.ready(in: place)
    let daemon = try await place.daemon(broker.route + Workplace.quickRecovery())
    let producers = makeProducers(daemon, 4, offer: 6_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 1_000 }
    }
    try await broker.crash()
    try await broker.startAgain()
    try await turnUntilSettled(producers)
    try await broker.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }
}
