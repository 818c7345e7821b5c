import ForebayWire
import Glibc
import Testing

/// New settings for a `forebayd` at work, larger and smaller by turns: nothing that was promised is taken
/// back.
@Suite(.fewAtOnce) struct ReloadUnderLoadTests {
  private let place = Workplace()

  private struct Draw: Equatable {
    var messages = 1000
    var bytes = "16MiB"
    var window = 1000
    var rate = "4000/s"
    var batch = 100
    var share = 4

    /// Something else each time; among a few values, so that most go from one end to the other.
    init() {}
    init(_ random: inout SplitMix) {
      func one<Value>(_ values: [Value]) -> Value { values[random.draw(0...(values.count - 1))] }
      messages = one([20, 300, 3000])
      bytes = one(["2MiB", "6MiB", "64MiB"])
      window = one([3, 100, 2000])
      rate = one(["1500/s", "6000/s", "none"])
      batch = one([1, 7, 100])
      share = one([1, 4, 50])
    }
  }

  private func write(_ draw: Draw) -> String {
    place.write(
      """
      sockets:
        - path: \(place.file("d.sock"))
      routes:
        - name: main
          upstream: journal:\(place.file("main.db"))
          buffer_messages: \(draw.messages)
          buffer_bytes: \(draw.bytes)
          window_messages_max: \(draw.window)
          rate: \(draw.rate)
          batch:
            messages: \(draw.batch)
      classes:
        - name: default
          pool_share: \(draw.share)

      """, to: "f.yaml")
  }

  @Test(arguments: [Seed(0), Seed(1)])
  func newLimitsUnderLoadTakeNothingBack(_ seed: Seed) async throws {
    var random = seed.random
    let daemon = try await DaemonProcess.ready(in: place, ["--config", write(Draw())])
    let producers = (1...5).map { Producer("p\($0)", to: daemon) }
    func offerMore() {
      for (index, producer) in producers.enumerated() where producer.unsettledCount < 1000 {
        producer.offer(500, payloadBytes: [0, 50, 200, 1000, 6000][index])
      }
    }
    for reload in 1...12 {
      let goal = producers.settledCount + random.draw(100...600)
      try await turn(producers, until: "\(seed) a load before reload \(reload)") {
        offerMore()
        return producers.settledCount >= goal
      }
      let draw = Draw(&random)
      _ = write(draw)
      daemon.program.kill(SIGHUP)
      try await turn(producers, until: "\(seed) reload \(reload): \(draw)") {
        offerMore()
        let state = try await daemon.state()
        #expect(state.isBalanced, "\(seed)")
        // A smaller buffer takes effect as space returns.
        return state.text("routes[0].capacity.messages") == "\(draw.messages)"
          && state.heldMessages + state.number("routes[0].granted.messages") <= draw.messages
          && state.heldBytes + state.number("routes[0].granted.bytes")
            <= state.number("routes[0].capacity.bytes")
      }
    }
    try await turnUntilSettled(producers)
    #expect(!daemon.errors.contains("reload refused"), "\(seed) \(daemon.errors)")
    #expect(producers.allSatisfy { $0.errors.isEmpty && $0.connects == 1 }, "\(seed)")
    #expect(try await daemon.stop() == 0, "\(seed) \(daemon.errors.suffix(500))")
    try JournalContents(place.file("main.db")).expectExactly(producers, "\(seed)")
  }
}
