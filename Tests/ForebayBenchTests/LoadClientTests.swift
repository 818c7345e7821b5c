import ForebayCore
import ForebayWire
import Testing

@testable import forebay_bench

/// A load's client against the sink's machine, in memory: pieces of any size, lost connections,
/// failures by script. Whatever happens, every message gets exactly one outcome.
private final class Line {
  var random: SplitMix64
  var now = Instant(nanoseconds: 0)
  let core: SinkCore
  let tally = LoadTally()
  let client: LoadClient
  let cycle: FrameCycle
  private var connection: SinkConnection
  private var toSink: [UInt8] = []
  private var toClient: [UInt8] = []
  private var sinkRest: [UInt8] = []
  private var clientRest: [UInt8] = []
  let count: UInt64 = 3_000

  init(seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    var settings = SinkCore.Settings()
    settings.windowMessages = .random(in: 1...300, using: &random)
    settings.windowBytes = .random(in: 5_000...60_000, using: &random)
    settings.frameBytesMax = 4_096
    if Bool.random(using: &random) { settings.latency = .milliseconds(3) }
    settings.script = try FailureScript(
      "20ms:stall 30ms; 40ms:reject 20ms; 70ms:throttle 400ms; 600ms:reject 5ms")
    core = SinkCore(settings, now: now)
    cycle = FrameCycle(
      sizes: .mix(0, nil), frameBytesMax: 4_096, level: .default, ttlMilliseconds: 0)
    client = LoadClient(
      number: 0, session: ID128(high: 1, low: seed),
      hello: LoadHello(level: .delivered, extensions: []), tally: tally)
    connection = core.connectionAccepted()
    client.connected()
  }

  func step() throws {
    now = now + .microseconds(.random(in: 1...500, using: &random))
    _ = core.tick(now: now)
    if Int.random(in: 0..<300, using: &random) == 0 { breakOff() }
    client.probeIfBlocked(cycle: cycle, now: now)
    if let chunk = client.nextChunk(from: cycle, newMax: count - client.sent, now: now) {
      toSink += Array(client.output.bytes)
      toSink += Array(chunk.bytes)
    } else {
      toSink += Array(client.output.bytes)
    }
    client.output.removeAll()
    let piece = sinkRest + take(from: &toSink)
    let result = piece.withUnsafeBytes { connection.received($0, now: now) }
    guard case .took(let took) = result else {
      Issue.record("the sink closed the connection")
      return
    }
    sinkRest = Array(piece[took...])
    core.flushEach { _ = $0.finishTurn(now: now) }
    toClient += Array(connection.output.bytes)
    connection.output.removeAll()
    let answer = clientRest + take(from: &toClient)
    let read = try answer.withUnsafeBytes { try client.received($0, now: now) }
    clientRest = Array(answer[read...])
  }

  private func take(from bytes: inout [UInt8]) -> [UInt8] {
    let count = Int.random(in: 0...max(0, min(bytes.count, 9_000)), using: &random)
    defer { bytes.removeFirst(count) }
    return Array(bytes.prefix(count))
  }

  private func breakOff() {
    core.connectionLost(connection)
    client.lost(now: now)
    toSink = []
    toClient = []
    sinkRest = []
    clientRest = []
    connection = core.connectionAccepted()
    client.connected()
  }
}

@Suite struct LoadClientTests {
  @Test(arguments: UInt64(1)...30)
  func everyMessageGetsOneOutcome(seed: UInt64) throws {
    let line = try Line(seed: seed)
    var steps = 0
    while line.tally.settledTotal < line.count, steps < 200_000 {
      try line.step()
      steps += 1
    }
    #expect(line.tally.settledTotal == line.count, "seed \(seed)")
    #expect(line.tally.repeated == 0, "seed \(seed)")
    #expect(line.tally.unknown == 0, "seed \(seed)")
    #expect(line.client.outstanding == 0, "seed \(seed)")
    #expect(line.core.counts.isClean, "seed \(seed)")
    // What the sink listed or still held was never sent again.
    #expect(line.core.counts.resent == 0, "seed \(seed)")
    #expect(line.core.counts.received == line.count, "seed \(seed)")
  }
}
