import ForebayWire
import Testing

@testable import ForebayCore

/// Random reloads among random traffic. The harness checks the invariants after every event; at the
/// end everything has drained, with one outcome for each message.
@Suite struct ReloadPropertyTests {
  @Test(arguments: 1...16 as ClosedRange<UInt64>)
  func nothingIsLostRevokedOrStuck(seed: UInt64) {
    Story(seed: seed).run()
  }

  /// A seed that nobody chose. It is part of the test's name when it fails.
  @Test(arguments: [UInt64.random(in: 1000...UInt64(UInt32.max))])
  func aSeedOfTheDay(seed: UInt64) {
    print("reloads: seed \(seed)")
    Story(seed: seed).run()
  }

  private static let frameBytesMax = 4000

  private final class Story {
    let seed: UInt64
    var random: SplitMix64
    let harness: SidecarHarness
    var clients: [TestClient] = []
    /// The largest buffers so far: what may ever have been promised.
    var bound: Cost
    var reloads = 0
    var names = ["default", "bulk", "other"]

    init(seed: UInt64) {
      self.seed = seed
      random = SplitMix64(seed: seed)
      harness = SidecarHarness(seed: seed) { settings in
        settings.limits.frameBytesMax = ReloadPropertyTests.frameBytesMax
        settings.routes[0].bufferMessages = 300
        settings.routes[0].bufferBytes = 600_000
        settings.routes[0].controlReserveBytes = 1000
        settings.routes[0].upstream.failsInOrder = false
        settings.classes = ["default", "bulk", "other"].map(ClassSettings.init(name:))
      }
      bound = harness.core.settings.routes[0].capacity
    }

    func below(_ bound: UInt64) -> UInt64 { random.next() % bound }

    func run() {
      for _ in 0..<150 { step() }
      settleDown()
    }

    private func step() {
      switch below(16) {
      case 0, 1: join()
      case 2...6: offer()
      case 7: some()?.hangUp()
      case 8:
        if let client = some(), !client.isConnected { rejoin(client) }
      case 9: changeUpstream()
      case 10...13: reload()
      default: harness.pass(.milliseconds(below(1200)))
      }
    }

    private func some() -> TestClient? {
      clients.isEmpty ? nil : clients[Int(below(UInt64(clients.count)))]
    }

    private func join() {
      guard clients.count < 10 else { return }
      let client = TestClient(harness, user: UInt32(below(4)))
      client.isTCP = below(4) == 0
      clients.append(client)
      rejoin(client)
    }

    /// In any class of now, as the shell finds it.
    private func rejoin(_ client: TestClient) {
      client.classIndex = Int(below(UInt64(names.count)))
      client.join()
    }

    private func offer() {
      let most = UInt64(ReloadPropertyTests.frameBytesMax - WireLimits.dataFixedBytes)
      let bytes = Int(below(5) == 0 ? below(most + 1) : below(200))
      some()?.offer(
        Int(below(30)) + 1, payloadBytes: bytes, lane: UInt8(below(3)),
        ttl: below(6) == 0 ? UInt32(below(4000)) + 1 : 0)
    }

    private func changeUpstream() {
      var own = SplitMix64(seed: random.next())
      let failing = below(4)
      harness.upstream.manner = .decide { _ in
        let after = TimeSpan.milliseconds(own.next() % 80)
        let isFine = own.next() % 5 >= failing
        return (isFine ? .accepted : .failed(retryAfter: nil), after: after)
      }
    }

    // MARK: Reloads

    private func reload() {
      let before = harness.committed
      let open = clients.filter(\.isConnected).count
      let new = changed(harness.core.settings)
      let problems = harness.reload(to: new)
      reloads += 1
      if problems.isEmpty {
        names = new.classes.map(\.name)
        let capacity = new.routes[0].capacity
        bound = bound.greater(capacity)
        let most = before.greater(capacity)
        #expect(harness.committed.fits(in: most), "seed \(seed): reload \(reloads) overcommits")
      }
      #expect(problems.isEmpty, "seed \(seed): \(problems)")
      // Nobody is thrown out by it, but whom a shorter timeout finds waiting already.
      #expect(clients.filter(\.isConnected).count == open, "seed \(seed)")
    }

    private func changed(_ running: Settings) -> Settings {
      var new = running
      new.classes = shuffledClasses()
      for _ in 0...below(3) { changeOne(&new.routes[0], &new.limits) }
      return new
    }

    private func shuffledClasses() -> [ClassSettings] {
      var pool = ["default", "bulk", "other", "fourth"]
      var classes: [ClassSettings] = []
      for _ in 0...below(4) {
        var one = ClassSettings(name: pool.remove(at: Int(below(UInt64(pool.count)))))
        one.weight = below(5) + 1
        one.poolShare = below(8) + 1
        if below(4) == 0 { one.rate = rate() }
        classes.append(one)
      }
      return classes
    }

    private func rate() -> RateLimit {
      RateLimit(messages: below(400) + 50, per: .seconds(1), burst: below(50) + 5)
    }

    private func changeOne(_ route: inout RouteSettings, _ limits: inout Limits) {
      switch below(11) {
      case 0: route.bufferMessages = below(400) + 8
      case 1: route.bufferBytes = below(800_000) + 20_000
      case 2: route.windowMessagesMax = below(150) + 1
      case 3: route.rate = below(2) == 0 ? nil : rate()
      case 4: route.attemptTimeout = .milliseconds(below(20_000) + 200)
      case 5:
        route.breaker.consecutiveFailures = UInt32(below(6)) + 1
        route.breaker.window = .milliseconds(below(20_000) + 100)
        route.breaker.successesToClose = UInt32(below(5)) + 1
        route.breaker.minimumHalfOpen = .milliseconds(below(5000))
      case 6: route.laneWeights = route.laneWeights.map { _ in Int(below(9)) + 1 }
      case 7:
        route.upstream.batchMessagesMax = Int(below(30)) + 1
        route.upstream.inFlightMessagesMax = Int(below(200)) + 1
        route.upstream.callsMax = Int(below(10)) + 1
      case 8:
        route.backoff.base = .milliseconds(below(300) + 1)
        route.retryBudget.timeToLive = .milliseconds(below(20_000) + 100)
        route.retryBudget.percent = below(100) + 1
        route.recovery.startLimit = Int(below(30)) + 1
      case 9:
        limits.sessionMemory = .seconds(below(1000) + 100)
        limits.reclaimTimeout = .milliseconds(below(5000) + 500)
        limits.heartbeat = .milliseconds(below(10_000) + 500)
      default:
        limits.controlFramesPerSecond = below(1000) + 500
        route.controlReserveBytes = below(2000)
      }
    }

    // MARK: The end

    private func settleDown() {
      harness.upstream.manner = .accept
      for client in clients where !client.isConnected { rejoin(client) }
      let isDone = harness.clock.pass(atMost: .seconds(900)) { clients.allSatisfy(isSettled) }
      #expect(isDone, "seed \(seed): \(clients.map { $0.waiting.count }) wait, \(harness.route)")
      #expect(harness.route.held == .zero, "seed \(seed)")
      #expect(harness.excess.isZero || !harness.route.open.isZero, "seed \(seed)")
      #expect(harness.route.heldPeak.fits(in: bound), "seed \(seed)")
      let totals = harness.totals
      #expect(totals.received == totals.settled, "seed \(seed): \(totals)")
      #expect(reloads > 10, "seed \(seed)")
      #expect(harness.problems.isEmpty, "seed \(seed): \(harness.problems.prefix(4))")
      #expect(harness.clock.spins.isEmpty, "seed \(seed): \(harness.clock.spins)")
    }

    private func isSettled(_ client: TestClient) -> Bool {
      client.waiting.isEmpty && client.ledger.floor == client.ledger.nextSequence
    }
  }
}
