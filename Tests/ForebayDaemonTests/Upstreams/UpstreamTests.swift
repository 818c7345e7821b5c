import ForebayWire
import TestFolder
import Testing

/// From clients into a real server of each kind: everything is there, in order, whatever happens to it.
/// What is special about one of them is in its own tests.
@Suite(.fewAtOnce(.first)) struct UpstreamTests {
  private let place = Workplace()

  @Test(arguments: TestedUpstream.allCases)
  func aHundredThousandMessagesAreThereOnceAndInOrder(_ upstream: TestedUpstream) async throws {
    let server = try await upstream.busyServer(in: place)
    let daemon = try await place.daemon(server.route)
    let producers = makeProducers(daemon, 32, offer: 3_125)
    try await turnUntilSettled(producers)
    #expect(try await daemon.state().delivered == 100_000)
    #expect(daemon.logLines.allSatisfy { !$0.contains("level=error") })
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  @Test(arguments: TestedUpstream.allCases)
  func aRestartOfTheServerLosesNothing(_ upstream: TestedUpstream) async throws {
    let server = try await upstream.server(in: place)
    let daemon = try await place.daemon(server.route + Workplace.quickRecovery())
    let producers = makeProducers(daemon, 4, offer: 5_000)
    for round in 1...2 {
      try await turn(producers, until: "a load") {
        producers.allSatisfy { $0.count(.delivered) > 1_000 * round }
      }
      try await server.crash()
      try await turn(producers, until: "the loss is noticed") {
        daemon.errors.split(separator: server.signOfLoss).count > round
      }
      try await server.startAgain()
    }
    try await turnUntilSettled(producers)
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: true)
  }

  /// It is there and says nothing: attempts time out, the breaker opens, windows shut when space ends.
  @Test(arguments: TestedUpstream.allCases)
  func aStoppedServerShutsWindowsAndLosesNothing(_ upstream: TestedUpstream) async throws {
    let server = try await upstream.server(in: place)
    let daemon = try await place.daemon(
      server.route + Workplace.quickRecovery(failures: 1) + [
        "attempt_timeout: 500ms", "buffer_messages: 600",
      ])
    let producers = makeProducers(daemon, 3, offer: 3_000)
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 100 }
    }
    try await server.standStill()
    let since = ContinuousClock.now
    do {
      try await turn(producers, until: "an open breaker") {
        try await daemon.state().breaker == "open"
      }
      try await turn(producers, until: "every window shut by it") {
        producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
      }
      try await turn(producers, until: "ten seconds, and free places") {
        let isFree = try await daemon.state().number("routes[0].in_flight_messages") <= 1
        return isFree && ContinuousClock.now - since > .seconds(10)
      }
      let shut = try await daemon.state()
      #expect(shut.heldMessages <= 600 && shut.isBalanced)
    } catch {
      try await server.goOn()
      throw error
    }
    try await server.goOn()
    try await turnUntilSettled(producers)
    // What the lost connections still brought may be there, too.
    try await server.expectAllDelivered(
      producers, daemon, repeatsAllowed: !upstream.knowsRepeats)
  }

  // MARK: Somebody has to repair it

  @Test(arguments: TestedUpstream.allCases)
  func aWrongPasswordKeepsTheMessages(_ upstream: TestedUpstream) async throws {
    try await expectKept(try await upstream.wrongPassword(in: place))
  }

  @Test(arguments: TestedUpstream.allCases)
  func aWrongNameKeepsTheMessages(_ upstream: TestedUpstream) async throws {
    try await expectKept(try await upstream.wrongName(in: place))
  }

  /// Messages wait until it is repaired, and then all of them arrive.
  private func expectKept(_ mistake: Mistake) async throws {
    let daemon = try await place.daemon(mistake.route + Workplace.quickRecovery())
    let producer = Producer("p", to: daemon)
    producer.offer(500)
    try await turn([producer], until: "the refusal") { daemon.errors.contains(mistake.complaint) }
    #expect(daemon.errors.contains(mistake.advice), "the log says what to do")
    #expect(producer.outcomes.isEmpty)
    #expect(try await daemon.state().total("delivered") == 0)
    try await mistake.repair()
    try await turnUntilSettled([producer])
    let shown = (try await daemon.admin("show config") ?? "") + daemon.errors
    #expect(mistake.secrets.allSatisfy { !shown.contains($0) })
    try await mistake.server.expectAllDelivered([producer], daemon, repeatsAllowed: false)
  }

  // MARK: TLS

  private static func tls() -> [String] {
    let files = TestCertificates.shared
    return [
      "tls:", "  ca_file: \(files.file("ca.pem"))", "  cert_file: \(files.file("good.pem"))",
      "  key_file: \(files.file("good.key"))",
    ]
  }

  @Test(arguments: TestedUpstream.allCases)
  func messagesGoEncryptedToAServerThatIsKnownAndKnowsUs(_ upstream: TestedUpstream) async throws {
    let (server, route) = try await upstream.encrypted(in: place, "good")
    let daemon = try await place.daemon(route + Self.tls())
    let producers = makeProducers(daemon, 4, offer: 2_500)
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains(upstream == .kafka ? "TLS by librdkafka" : "TLSv1."))
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }

  @Test(arguments: TestedUpstream.withCertificates, ["stranger", "expired", "elsewhere"])
  func nothingGoesToAServerThatIsNot(_ upstream: TestedUpstream, _ certificate: String)
    async throws
  {
    let (server, route) = try await upstream.encrypted(in: place, certificate)
    let daemon = try await place.daemon(route + Self.tls())
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") {
      daemon.errors.contains(upstream.objection(to: certificate))
    }
    #expect(producer.outcomes.isEmpty)
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    if upstream != .nats {
      #expect(try await server.readBack(sourceLocation: #_sourceLocation).entries.isEmpty)
    }
    #expect(try await daemon.stopAtOnce() == 0)
  }
}
