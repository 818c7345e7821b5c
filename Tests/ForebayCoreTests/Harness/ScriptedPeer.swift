import ForebayWire
import Testing

@testable import ForebayCore

/// The far end of a peer link in the hands of a test: it reads what the core sends and says what the
/// test wants it to say.
final class ScriptedPeer: LinkEnd {
  struct Run: Equatable {
    let origin: Origin
    let sequences: [UInt64]
  }

  unowned let harness: SidecarHarness
  private(set) var connects = 0
  private(set) var isConnected = false
  private(set) var hello: Hello?
  /// Whole runs, in the order in which they came.
  private(set) var runs: [Run] = []
  private(set) var seen: [UInt64] = []
  private(set) var blocked: [Blocked] = []
  private(set) var reclaimed: [UInt32] = []
  private(set) var pongs: [UInt64] = []
  /// RECLAIMED and runs in their order, to see what came first.
  private(set) var order: [String] = []
  private var inbox: [UInt8] = []
  private var remainder: [UInt8] = []
  private var open: (origin: Origin, sequences: [UInt64])?
  /// What has arrived of DATA and ORIGIN on this connection, as cost.
  private(set) var received = Cost.zero
  var overhead = 320
  var room = Int.max
  var frameBytesMax = WireLimits.frameBytesMax

  init(_ harness: SidecarHarness) {
    self.harness = harness
    harness.links[0] = self
  }

  var linkSequences: [UInt64] {
    runs.flatMap { run in (0..<UInt64(run.origin.count)).map { run.origin.linkSequence + $0 } }
  }

  // MARK: Connection

  func connect() { connects += 1 }

  func accept() {
    isConnected = true
    inbox = []
    remainder = []
    open = nil
    received = .zero
    hello = nil
    harness.linkConnected(0)
  }

  func refuse() { harness.linkCloses(0) }

  func close() {
    guard isConnected else { return }
    isConnected = false
    harness.linkCloses(0)
  }

  func closedByDaemon() { isConnected = false }

  // MARK: Speaking

  func say(_ frame: some ControlFrame) { say(frame.encoded()) }

  func say(_ bytes: [UInt8], _ at: SourceLocation = #_sourceLocation) {
    let answer = harness.linkReceived(0, bytes)
    #expect(answer == .fine, sourceLocation: at)
  }

  /// Accepts, greets and grants: a peer that knows nothing of the session.
  func welcome(
    listing ranges: [ReceiptRange] = [], bytes: UInt64 = 1 << 24, messages: UInt64 = 10_000,
    heartbeat: UInt32 = 0
  ) {
    accept()
    say(
      Welcome(
        frameBytesMax: UInt32(frameBytesMax), overhead: UInt32(overhead),
        heartbeatMilliseconds: heartbeat, ranges: UInt32(ranges.count), isResumed: !ranges.isEmpty))
    if !ranges.isEmpty { say(Receipt.encoded(ranges)) }
    grant(bytes: bytes, messages: messages)
  }

  func grant(bytes: UInt64, messages: UInt64, reason: WindowReason = .none) {
    say(Window(limitBytes: bytes, limitMessages: messages, reason: reason))
  }

  func receipt(_ sequences: ClosedRange<UInt64>, _ outcome: Outcome, code: MessageCode = .none) {
    say(
      Receipt.encoded([
        ReceiptRange(
          first: sequences.lowerBound, count: UInt32(sequences.count), outcome: outcome, code: code)
      ]))
  }

  // MARK: Listening

  func tryWrite(_ vectors: [UnsafeRawBufferPointer]) -> Int {
    var written = 0
    for vector in vectors {
      let part = vector.prefix(max(0, room))
      if room != .max { room -= part.count }
      inbox += part
      written += part.count
      if part.count < vector.count { break }
    }
    read()
    return written
  }

  func writeLater(_ bytes: [UInt8]) { remainder += bytes }

  /// The socket takes bytes again.
  func makeRoom(_ bytes: Int = .max) {
    room = bytes
    let part = remainder
    remainder = []
    inbox += part
    read()
    harness.linkDrained(0)
  }

  private func read() {
    while true {
      let reading = inbox.withUnsafeBytes {
        FrameHeader.read($0, at: 0, frameBytesMax: WireLimits.frameBytesMax)
      }
      guard case .header(let header) = reading, inbox.count >= header.byteCount else {
        if case .malformed(let code) = reading { harness.problem("the link is malformed: \(code)") }
        return
      }
      let frame = Array(inbox.prefix(header.byteCount))
      inbox.removeFirst(header.byteCount)
      do { try received(header, frame) } catch {
        harness.problem("the link brought a bad \(header.type): \(error)")
      }
    }
  }

  private func received(_ header: FrameHeader, _ frame: [UInt8]) throws(WireError) {
    switch header.type {
    case .hello: hello = try frame.parsed()
    case .origin:
      if open != nil { harness.problem("an ORIGIN came inside another") }
      received += Cost(bytes: UInt64(frame.count + overhead))
      open = (try frame.parsed(), [])
    case .data: dataReceived(frame)
    case .seen: seen.append((try frame.parsed() as Seen).floor)
    case .blocked: blocked.append(try frame.parsed())
    case .reclaimed:
      let answer: Reclaimed = try frame.parsed()
      reclaimed.append(answer.number)
      order.append("reclaimed")
    case .pong: pongs.append((try frame.parsed() as Pong).token)
    case .bye, .backlog: break
    case .welcome, .window, .receipt, .reclaim, .ping, .goaway, .error:
      throw WireError(.wrongDirection)
    }
  }

  private func dataReceived(_ frame: [UInt8]) {
    guard var run = open else { return harness.problem("DATA came without ORIGIN") }
    received += Cost(bytes: UInt64(frame.count + overhead), messages: 1)
    let sequence = frame.withUnsafeBytes { DataFrameView($0.baseAddress!).header.sequence }
    if sequence != run.origin.sequence + UInt64(run.sequences.count) {
      harness.problem("message \(sequence) came in \(run.origin)")
    }
    run.sequences.append(sequence)
    guard run.sequences.count == Int(run.origin.count) else {
      open = run
      return
    }
    runs.append(Run(origin: run.origin, sequences: run.sequences))
    order.append("run")
    open = nil
  }
}
