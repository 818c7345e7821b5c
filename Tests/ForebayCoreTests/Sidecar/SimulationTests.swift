import ForebayWire
import Testing

@testable import ForebayCore

/// The whole core under random clients, sizes, upstreams and cuts. The harness checks the invariants
/// after every event; at the end everything must drain, with one outcome for each message.
@Suite struct SimulationTests {
  private static let frameBytesMax = 20_000
  private static let steps = 120

  @Test(arguments: 1...24 as ClosedRange<UInt64>)
  func everythingDrainsAndNothingOverflows(seed: UInt64) {
    Simulation(seed: seed).run()
  }

  /// A seed that nobody chose. It is part of the test's name when it fails.
  @Test(arguments: [UInt64.random(in: 1000...UInt64(UInt32.max))])
  func aSeedOfTheDay(seed: UInt64) {
    print("simulation: seed \(seed)")
    Simulation(seed: seed).run()
  }

  private final class Simulation {
    let seed: UInt64
    var random: SplitMix64
    let harness: SidecarHarness
    var clients: [TestClient] = []
    let bound: Cost

    init(seed: UInt64) {
      self.seed = seed
      var random = SplitMix64(seed: seed)
      let messages = random.next() % 300 + 40
      let bytes = UInt64(SimulationTests.frameBytesMax) * (random.next() % 40 + 4)
      bound = Cost(bytes: bytes, messages: messages)
      harness = SidecarHarness(seed: seed) { settings in
        settings.limits.frameBytesMax = SimulationTests.frameBytesMax
        settings.routes[0].bufferMessages = messages
        settings.routes[0].bufferBytes = bytes
        settings.routes[0].controlReserveBytes = 1000
        settings.routes[0].windowMessagesMax = random.next() % 100 + 1
        // Verdicts come in any order, so order rests on one call at a time for each flow.
        settings.routes[0].upstream.failsInOrder = false
        settings.routes[0].upstream.batchMessagesMax = Int(random.next() % 20) + 1
        settings.routes[0].upstream.inFlightMessagesMax = Int(random.next() % 200) + 1
        if random.next() % 4 == 0 {
          settings.routes[0].rate = RateLimit(messages: 2000, per: .seconds(1), burst: 50)
        }
      }
      self.random = random
      // A client may have lost a receipt with its connection; what it sends again may go out again only
      // after a restart, which there is none of here.
      harness.upstream.refusesDuplicates = true
    }

    func run() {
      for _ in 0..<SimulationTests.steps { step() }
      settleDown()
    }

    private func step() {
      switch random.next() % 16 {
      case 0, 1: join()
      case 2...8: offer()
      case 9: some()?.hangUp()
      case 10: resume()
      case 11: changeUpstream()
      case 12: misbehave()
      default: harness.pass(.milliseconds(random.next() % 1500))
      }
    }

    private func some() -> TestClient? {
      clients.isEmpty ? nil : clients[Int(random.next() % UInt64(clients.count))]
    }

    private func join() {
      guard clients.count < 12 else { return }
      let client = TestClient(harness, user: UInt32(random.next() % 3))
      client.chunk = random.next() % 3 == 0 ? Int(random.next() % 700) + 1 : .max
      if random.next() % 4 == 0 { client.level = .received }
      client.join()
      clients.append(client)
    }

    private func offer() {
      guard let client = some() else { return }
      let largest = SimulationTests.frameBytesMax - WireLimits.dataFixedBytes
      let isLarge = random.next() % 6 == 0
      let bytes = isLarge ? Int(random.next() % UInt64(largest + 1)) : Int(random.next() % 300)
      let ttl: UInt32 = random.next() % 5 == 0 ? UInt32(random.next() % 4000) + 1 : 0
      client.offer(
        Int(random.next() % 30) + 1, payloadBytes: bytes, lane: UInt8(random.next() % 3), ttl: ttl)
    }

    private func resume() {
      guard let client = some(), !client.isConnected else { return }
      client.join()
    }

    private func changeUpstream() {
      var own = SplitMix64(seed: random.next())
      let failing = random.next() % 5
      harness.upstream.manner = .decide { _ in
        let after = TimeSpan.milliseconds(own.next() % 80)
        guard own.next() % 5 < failing else { return (.accepted, after: after) }
        return switch own.next() % 3 {
        case 0: (.rejected(.upstreamRejected), after: after)
        case 1: (.throttled(retryAfter: .milliseconds(own.next() % 500)), after: after)
        default: (.failed(retryAfter: nil), after: after)
        }
      }
    }

    /// A stranger sends nonsense; nobody else may notice.
    private func misbehave() {
      let stranger = TestClient(harness, user: 9)
      stranger.connect()
      var bytes: [UInt8] = []
      for _ in 0..<(random.next() % 60 + 8) {
        bytes.append(UInt8(truncatingIfNeeded: random.next()))
      }
      stranger.write(bytes)
      stranger.hangUp()
    }

    /// After the faults: every message has its outcome, nothing is held, every window opens.
    private func settleDown() {
      harness.upstream.manner = .accept
      for client in clients where !client.isConnected { client.join() }
      let isDone = harness.clock.pass(atMost: .seconds(600)) { clients.allSatisfy(isSettled) }
      #expect(isDone, "seed \(seed): \(clients.map { $0.waiting.count }) wait, \(harness.route)")
      #expect(harness.route.held == .zero, "seed \(seed)")
      #expect(harness.route.heldPeak.fits(in: bound), "seed \(seed)")
      let totals = harness.totals
      #expect(totals.received == totals.settled, "seed \(seed): \(totals)")
      for client in clients { #expect(client.isReady, "seed \(seed)") }
      #expect(harness.problems.isEmpty, "seed \(seed): \(harness.problems.prefix(4))")
      #expect(harness.clock.spins.isEmpty, "seed \(seed): \(harness.clock.spins)")
    }

    private func isSettled(_ client: TestClient) -> Bool {
      client.waiting.isEmpty && client.ledger.floor == client.ledger.nextSequence
    }
  }
}
