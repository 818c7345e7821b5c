import ForebayWire
import Glibc
import Testing

/// Everything that can go away goes away, again and again, while clients send through two daemons.
@Suite(.fewAtOnce) struct ChaosTests {
  private let place = Workplace()

  @Test(arguments: [Seed(0), Seed(1)])
  func nothingIsLostWhateverGoesAway(_ seed: Seed) async throws {
    let second = try await DaemonProcess.ready(
      in: place, name: "second", ["--rate", "20000", "--drain-timeout", "500ms"])
    let first = try await DaemonProcess.ready(
      in: place, name: "first",
      [
        "--upstream", "forebay+unix:\(second.socket)", "--drain-timeout", "500ms",
        "--buffer-messages", "600", "--buffer-bytes", "4MiB",
      ])
    var chaos = Chaos(seed: seed, first: first, second: second)
    do {
      for _ in 0..<60 { try await chaos.step() }
      try await turnUntilSettled(chaos.producers)
      try await check(chaos)
    } catch {
      Issue.record("\(seed)")
      throw error
    }
  }

  private func check(_ chaos: Chaos) async throws {
    let state = try await chaos.first.state()
    #expect(state.isBalanced && state.heldMessages == 0, "\(chaos.seed)")
    for hop in [chaos.first, chaos.second] {
      #expect(try await hop.stop() == 0, "\(hop.errors.suffix(500))")
      #expect(!hop.errors.contains("broken invariant"), "\(hop.errors)")
    }
    for producer in chaos.producers {
      let faults = Set(producer.errors).subtracting([.sessionTaken, .shuttingDown])
      #expect(faults.isEmpty, "\(chaos.seed)")
    }
    try JournalContents(chaos.second.journal).expectExactly(
      chaos.producers, repeats: .any, "\(chaos.seed)")
  }
}

private struct Chaos {
  let seed: Seed
  let first: DaemonProcess
  let second: DaemonProcess
  let producers: [Producer]
  private var random: SplitMix

  init(seed: Seed, first: DaemonProcess, second: DaemonProcess) {
    self.seed = seed
    self.first = first
    self.second = second
    random = seed.random
    producers = (1...6).map { Producer("p\($0)", to: first) }
  }

  private mutating func draw(below limit: Int) -> Int { random.draw(0...(limit - 1)) }

  mutating func step() async throws {
    let producer = producers[draw(below: producers.count)]
    switch draw(below: 20) {
    case 0..<11: producer.offer(1 + draw(below: 150), payloadBytes: draw(below: 8000))
    case 11..<14: producer.disconnect()
    case 14..<16: producer.abandon()
    case 16: try await restart(first, with: SIGKILL)
    case 17: try await restart(second, with: SIGKILL)
    case 18: try await restart(first, with: SIGTERM)
    default: try await restart(second, with: SIGTERM)
    }
    for _ in 0..<draw(below: 20) {
      for producer in producers { try producer.turn() }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  private func restart(_ daemon: DaemonProcess, with signal: Int32) async throws {
    daemon.program.kill(signal)
    try await turn(producers, until: "the end of \(daemon.name)") { !daemon.program.isRunning }
    let ended = try await daemon.program.end()
    #expect(ended.status == (signal == SIGKILL ? 128 + SIGKILL : 0), "\(ended.errors)")
    try await daemon.restart()
  }
}
