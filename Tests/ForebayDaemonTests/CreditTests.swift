import ForebayWire
import Testing

/// Many clients on one small buffer: whoever has something to send is served, and nothing overflows.
@Suite(.fewAtOnce) struct CreditTests {
  private let place = Workplace()

  struct Crowd: Sendable, CustomTestStringConvertible {
    let clients: Int
    let messages: Int
    let payloads: [Int]
    let options: [String]
    var testDescription: String { "\(clients) × \(messages) of \(payloads), \(options)" }
  }

  @Test(arguments: [
    // Small messages where the buffer was made for large ones, and the other way round.
    Crowd(
      clients: 6, messages: 1500, payloads: [50],
      options: ["--buffer-messages", "2000", "--window-messages", "1000", "--rate", "3000"]),
    Crowd(
      clients: 40, messages: 25, payloads: [10, 60_000],
      options: ["--buffer-messages", "100", "--buffer-bytes", "2MiB", "--frame-bytes", "64KiB"]),
    Crowd(
      clients: 30, messages: 60, payloads: [0, 100, 30_000],
      options: ["--buffer-messages", "2000", "--buffer-bytes", "2MiB", "--frame-bytes", "64KiB"]),
    Crowd(
      clients: 50, messages: 40, payloads: [20],
      options: ["--buffer-messages", "2", "--window-messages", "1"]),
  ])
  func everyoneInACrowdIsServed(_ crowd: Crowd) async throws {
    let daemon = try await DaemonProcess.ready(in: place, crowd.options)
    let producers = (0..<crowd.clients).map { Producer("p\($0)", to: daemon) }
    for (index, producer) in producers.enumerated() {
      producer.offer(crowd.messages, payloadBytes: crowd.payloads[index % crowd.payloads.count])
    }
    try await turnUntilSettled(producers)
    let state = try await daemon.state()
    for quantity in ["messages", "bytes"] {
      let capacity = state.number("routes[0].capacity.\(quantity)")
      #expect(state.number("routes[0].held_peak.\(quantity)") <= capacity)
    }
    #expect(producers.contains { $0.hadToWait }, "there was something to wait for")
    #expect(producers.allSatisfy { $0.errors.isEmpty && $0.connects == 1 })
    #expect(try await daemon.stop() == 0)
    try JournalContents(daemon.journal).expectExactly(producers)
  }

  /// Sixty that have credit and use none of it keep nobody waiting for long.
  @Test func idleCreditIsTakenBackForThoseWhoWait() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--buffer-messages", "64", "--buffer-bytes", "2MiB", "--frame-bytes", "64KiB"])
    let idle = (0..<60).map { Producer("idle\($0)", to: daemon) }
    for producer in idle { producer.offer(1) }
    try await turnUntilSettled(idle)
    let late = (0..<3).map { Producer("late\($0)", to: daemon) }
    for producer in late { producer.offer(50, payloadBytes: 60_000) }
    try await turn(idle + late, until: "the late ones served") { late.allSatisfy(\.isSettled) }
    #expect(idle.allSatisfy { $0.errors.isEmpty })
  }

  /// Those that don't even give it back are cut off.
  @Test func whoKeepsIdleCreditIsCutOff() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--buffer-messages", "64", "--buffer-bytes", "2MiB", "--frame-bytes", "64KiB"])
    var stubborn: [WireClient] = []
    for _ in 0..<20 {
      let client = try WireClient(daemon)
      client.send(Hello(session: .drawn()))
      _ = try await client.wait(for: "WELCOME") { if case .welcome = $0 { true } else { nil } }
      stubborn.append(client)
    }
    let late = Producer("late", to: daemon)
    late.offer(100, payloadBytes: 60_000)
    try await turnUntilSettled([late])
    #expect(try await daemon.state().closed("RECLAIM_TIMEOUT") > 0)
  }
}
