import ForebayCore
import ForebayWire
import Testing

@testable import forebay_bench

/// The sink's machine, driven with bytes.
private final class Bench {
  let core: SinkCore
  var now = Instant(nanoseconds: 1_000_000)

  init(_ change: (inout SinkCore.Settings) -> Void = { _ in }) {
    var settings = SinkCore.Settings()
    change(&settings)
    core = SinkCore(settings, now: now)
  }

  func connect(_ id: UInt64, isPeer: Bool = false, floor: UInt64 = 1) -> SinkConnection {
    let connection = core.connectionAccepted()
    let hello = Hello(session: ID128(high: 1, low: id), floor: floor, isPeer: isPeer)
    send(hello.encoded(), on: connection)
    return connection
  }

  @discardableResult
  func send(_ bytes: [UInt8], on connection: SinkConnection) -> SinkConnection.OnReceived {
    bytes.withUnsafeBytes { connection.received($0, now: now) }
  }

  func data(_ sequences: ClosedRange<UInt64>, bytes: Int = 10) -> [UInt8] {
    sequences.flatMap { sequence in
      [UInt8](unsafeUninitializedCapacity: 24 + bytes) { buffer, count in
        buffer.initialize(repeating: 7)
        DataHeader(sequence: sequence)
          .write(to: UnsafeMutableRawPointer(buffer.baseAddress!), payloadBytes: bytes)
        count = 24 + bytes
      }
    }
  }

  func origin(link: UInt64, tag: UInt64, first: UInt64, count: UInt32) -> [UInt8] {
    Origin(
      linkSequence: link, tag: ID128(high: 9, low: tag), sequence: first, count: count,
      ttlMilliseconds: 0, floor: 1, lane: 0
    ).encoded()
  }

  /// Ends the turn and takes what a connection would write.
  func output(of connection: SinkConnection) -> Output {
    core.flushEach { _ = $0.finishTurn(now: now) }
    defer { connection.output.removeAll() }
    return Output(connection.output.bytes)
  }
}

private struct Output {
  var types: [FrameType] = []
  var receipts: [ReceiptRange] = []
  var window: Window?
  var welcome: Welcome?
  var error: UInt16?
  var reclaim: Reclaim?

  init(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while case .header(let header) = FrameHeader.read(bytes, at: offset, frameBytesMax: 1 << 20) {
      let frame = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + header.byteCount)])
      offset += header.byteCount
      types.append(header.type)
      switch header.type {
      case .receipt:
        for index in 0..<((try? Receipt.count(frame: frame)) ?? 0) {
          if let range = try? Receipt.range(at: index, frame: frame) { receipts.append(range) }
        }
      case .window: window = try? Window(frame: frame)
      case .welcome: welcome = try? Welcome(frame: frame)
      case .error: error = (try? ErrorFrame(frame: frame))?.code
      case .reclaim: reclaim = try? Reclaim(frame: frame)
      default: break
      }
    }
  }
}

@Suite struct SinkConnectionTests {
  @Test func settlesARunAsOneRange() {
    let bench = Bench()
    let client = bench.connect(1)
    let greeting = bench.output(of: client)
    #expect(greeting.types == [.welcome, .window])
    #expect(greeting.window?.limitMessages == 4096)
    bench.send(bench.data(1...700), on: client)
    #expect(
      bench.output(of: client).receipts
        == [ReceiptRange(first: 1, count: 700, outcome: .delivered)])
  }

  @Test func widensTheWindowByQuarters() {
    let bench = Bench { $0.windowMessages = 100 }
    let client = bench.connect(1)
    _ = bench.output(of: client)
    bench.send(bench.data(1...24), on: client)
    #expect(bench.output(of: client).window == nil)
    bench.send(bench.data(25...25), on: client)
    #expect(bench.output(of: client).window?.limitMessages == 125)
  }

  @Test func refusesWhatIsOverCredit() {
    let bench = Bench { $0.windowMessages = 3 }
    let client = bench.connect(1)
    _ = bench.output(of: client)
    #expect(bench.send(bench.data(1...4), on: client) == .close)
    let output = bench.output(of: client)
    #expect(output.receipts == [ReceiptRange(first: 1, count: 3, outcome: .delivered)])
    #expect(!bench.core.counts.isClean)
  }

  @Test func wantsHelloFirst() {
    let bench = Bench()
    let client = bench.core.connectionAccepted()
    #expect(bench.send(bench.data(1...1), on: client) == .close)
    #expect(bench.output(of: client).error == ErrorCode.helloExpected.rawValue)
  }

  @Test func namesLinkSequencesToPeers() {
    let bench = Bench()
    let peer = bench.connect(1, isPeer: true)
    #expect(bench.output(of: peer).window?.limitMessages == 65_536)
    bench.send(
      bench.origin(link: 1, tag: 5, first: 100, count: 3) + bench.data(100...102)
        + bench.origin(link: 4, tag: 6, first: 7, count: 2) + bench.data(7...8), on: peer)
    #expect(
      bench.output(of: peer).receipts == [ReceiptRange(first: 1, count: 5, outcome: .delivered)])
    #expect(bench.core.originCount == 2)
    #expect(bench.core.counts.isClean)
  }

  @Test func findsDuplicatesAndDisorderOfOrigins() {
    let bench = Bench()
    let peer = bench.connect(1, isPeer: true)
    _ = bench.output(of: peer)
    bench.send(
      bench.origin(link: 1, tag: 5, first: 10, count: 5) + bench.data(10...14)
        + bench.origin(link: 6, tag: 5, first: 13, count: 4) + bench.data(13...16)
        + bench.origin(link: 10, tag: 5, first: 1, count: 2) + bench.data(1...2), on: peer)
    #expect(bench.core.counts.duplicates == 2)
    #expect(bench.core.counts.outOfOrder == 2)
  }

  @Test func refusesDataWithoutOrigin() {
    let bench = Bench()
    let peer = bench.connect(1, isPeer: true)
    _ = bench.output(of: peer)
    let bytes = bench.origin(link: 1, tag: 5, first: 10, count: 1) + bench.data(10...11)
    #expect(bench.send(bytes, on: peer) == .close)
    #expect(bench.output(of: peer).error == ErrorCode.originMismatch.rawValue)
  }

  @Test func listsWhatItKnowsOnResume() throws {
    let script = try FailureScript("50ms:stall", start: Instant(nanoseconds: 0))
    let bench = Bench { $0.script = script }
    let first = bench.connect(1)
    _ = bench.output(of: first)
    bench.send(bench.data(1...5), on: first)
    bench.now = bench.now + .milliseconds(100)
    _ = bench.core.tick(now: bench.now)
    bench.send(bench.data(6...9), on: first)
    bench.core.connectionLost(first)
    let second = bench.connect(1, floor: 3)
    let output = bench.output(of: second)
    #expect(output.welcome?.isResumed == true)
    #expect(output.welcome?.known == 9)
    #expect(output.welcome?.ranges == 2)
    #expect(
      output.receipts == [
        ReceiptRange(first: 3, count: 3, outcome: .delivered),
        ReceiptRange(first: 6, count: 4, outcome: .received),
      ])
    // Sent again all the same: the settled one gets its outcome again, and only new ones are new.
    bench.send(bench.data(5...11), on: second)
    #expect(
      bench.output(of: second).receipts
        == [ReceiptRange(first: 5, count: 1, outcome: .delivered, flags: .duplicate)])
    #expect(bench.core.counts.resent == 5)
    #expect(bench.core.waitingCount == 6)
  }

  @Test func takesASessionOver() {
    let bench = Bench()
    let old = bench.connect(1)
    _ = bench.output(of: old)
    let new = bench.connect(1)
    #expect(bench.output(of: old).error == ErrorCode.sessionTaken.rawValue)
    _ = bench.output(of: new)
    bench.send(bench.data(1...2), on: new)
    #expect(bench.output(of: new).receipts.count == 1)
  }

  @Test func throttlesByReclaim() throws {
    let script = try FailureScript("50ms:throttle 100ms", start: Instant(nanoseconds: 0))
    let bench = Bench { $0.script = script }
    let client = bench.connect(1)
    _ = bench.output(of: client)
    bench.now = Instant(nanoseconds: 60_000_000)
    _ = bench.core.tick(now: bench.now)
    let reclaim = bench.output(of: client).reclaim
    #expect(reclaim?.limitMessages == 0)
    // Until the answer what was granted may still come.
    bench.send(bench.data(1...2) + Reclaimed(number: reclaim?.number ?? 0).encoded(), on: client)
    let window = bench.output(of: client).window
    #expect(window?.limitMessages == 2)
    #expect(window?.reason == .rateLimited)
    #expect(bench.send(bench.data(3...3), on: client) == .close)
  }

  @Test func settlesAtItsRate() {
    let bench = Bench { $0.rate = 1_000 }
    let client = bench.connect(1)
    _ = bench.output(of: client)
    bench.send(bench.data(1...50), on: client)
    #expect(bench.output(of: client).receipts.isEmpty)
    bench.now = bench.now + .milliseconds(7)
    _ = bench.core.tick(now: bench.now)
    #expect(
      bench.output(of: client).receipts == [ReceiptRange(first: 1, count: 7, outcome: .delivered)])
  }
}
