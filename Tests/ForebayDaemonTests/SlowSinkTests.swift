import ForebayWire
import Glibc
import Testing

/// Clients, two daemons, and a sink that is slower than all of them.
@Suite(.fewAtOnce) struct SlowSinkTests {
  private let place = Workplace()

  private static let rate: UInt64 = 2000
  private static let bufferMessages: UInt64 = 300

  /// The slowness travels back to the first producer, whatever lies between, also while the first hop is
  /// killed and comes back; and the second hop knows what it has.
  @Test func theFirstProducerIsSlowedToTheSinksRate() async throws {
    let buffers = ["--buffer-messages", "\(Self.bufferMessages)", "--window-messages", "200"]
    let second = try await DaemonProcess.ready(
      in: place, name: "second", ["--rate", "\(Self.rate)"] + buffers)
    let first = try await DaemonProcess.ready(
      in: place, name: "first", ["--upstream", "forebay+unix:\(second.socket)"] + buffers)
    let producers = (1...3).map { Producer("p\($0)", to: first) }
    for producer in producers { producer.offer(4000, payloadBytes: 100) }
    let clock = ContinuousClock()
    let start = clock.now
    var outMax: UInt64 = 0
    func bounded(_ goal: Int) async throws {
      try await turn(producers, until: "\(goal) delivered") {
        outMax = max(outMax, producers.reduce(0) { $0 + $1.unsettledOnConnection })
        for hop in [first, second] {
          let state = try await hop.state()
          let held = state.number("routes[0].held_peak.messages")
          #expect(held <= Self.bufferMessages && state.isBalanced, "\(hop.name)")
        }
        return producers.settledCount >= goal
      }
    }
    try await bounded(2500)
    try await first.kill9()
    for producer in producers { try producer.turn() }
    try await first.restart()
    try await bounded(6000)
    try await first.kill9()
    for producer in producers { try producer.turn() }
    try await first.restart()
    try await bounded(12_000)

    let elapsed = (clock.now - start) / .seconds(1)
    let sink = try await second.state()
    #expect(sink.delivered == 12_000 && sink.isBalanced)
    // The rate allows a tenth of a second's worth at once.
    #expect(12_000 <= Double(Self.rate) * (elapsed + 0.2), "no faster than the sink")
    #expect(producers.allSatisfy { $0.connects == 3 && $0.errors.isEmpty })
    print(
      "two hops: producers slowed to \(Int(12_000 / elapsed)) messages a second by a sink of "
        + "\(Self.rate); at most \(outMax) under way, \(Self.bufferMessages) held by each hop; first hop "
        + "killed twice, \(sink.total("duplicate")) duplicates dropped, none written")
    #expect(try await first.stop() == 0)
    #expect(try await second.stop() == 0)
    try JournalContents(second.journal).expectExactly(producers)
  }
}
