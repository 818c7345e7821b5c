import ForebayCore
import ForebayWire

/// The daemon's side of one connection: bytes come in, frames pile up in `output`.
///
/// It speaks to ordinary clients and to peers alike; what differs is whose sequences receipts name.
final class SinkConnection {
  enum OnReceived: Equatable {
    /// The rest is the beginning of a frame: put it in front of what comes next.
    case took(Int)
    /// Write `output`, then close.
    case close
  }

  let number: Int
  private unowned let core: SinkCore
  private(set) var session: SinkSession?
  let output = FrameBuffer()
  var isDirty = false
  private var scanner: RunScanner
  private var credit: SinkCredit
  private var level = ReceiptLevel.delivered
  private var lastSequence: UInt64 = 0
  private var origin = OriginProgress()
  private var isWindowUrgent = false
  private var held: [ReceiptRange] = []
  private var final: [ReceiptRange] = []

  /// How far the run that the last ORIGIN announced has come.
  private struct OriginProgress {
    var remaining = 0
    var linkSequence: UInt64 = 0
    var sequence: UInt64 = 0
    var tag = ID128(high: 0, low: 0)
  }

  init(number: Int, core: SinkCore) {
    self.number = number
    self.core = core
    let settings = core.settings
    scanner = RunScanner(frameBytesMax: settings.frameBytesMax, overhead: settings.overhead)
    credit = SinkCredit(windowMessages: 0, windowBytes: 0)
  }

  // MARK: Bytes from the client

  func received(_ bytes: UnsafeRawBufferPointer, now: Instant) -> OnReceived {
    var offset = 0
    while true {
      switch scanner.next(bytes, from: offset, within: bounds) {
      case .run(let run):
        offset = run.offset + run.byteCount
        dataReceived(run, .delivered, now: now)
      case .unsupported(let run):
        offset = run.offset + run.byteCount
        dataReceived(run, .unsupported, now: now)
      case .control(let header, let place):
        offset = place + header.byteCount
        let frame = UnsafeRawBufferPointer(rebasing: bytes[place..<offset])
        do throws(WireError) {
          if try controlReceived(header.type, frame, now: now) { return .close }
        } catch {
          return fail(error.code)
        }
      case .partial(let place, _): return .took(place)
      case .end: return .took(offset)
      case .overCredit: return fail(session == nil ? .helloExpected : .flowControl)
      case .malformed(let code): return fail(code)
      }
    }
  }

  private var bounds: RunScanner.Bounds {
    guard session?.isPeer == true else {
      return RunScanner.Bounds(
        lastSequence: lastSequence, messagesLeft: credit.messagesLeft, costLeft: credit.bytesLeft)
    }
    // Without an ORIGIN nothing continues the highest sequence there is.
    return RunScanner.Bounds(
      lastSequence: origin.remaining == 0 ? .max : origin.sequence - 1, isExact: true,
      messagesLeft: credit.messagesLeft, costLeft: credit.bytesLeft,
      countMax: max(1, origin.remaining))
  }

  private func dataReceived(_ data: DataRun, _ outcome: SinkOutcome, now: Instant) {
    guard let session else { return }
    let cost = data.byteCount + data.count * scanner.overhead
    credit.charge(messages: data.count, bytes: cost)
    var run = SinkRun(
      first: data.firstSequence, count: data.count, tag: session.id,
      originFirst: data.firstSequence, lane: data.lane, cost: cost, outcome: outcome)
    if session.isPeer {
      run.tag = origin.tag
      run.first = origin.linkSequence
      origin.linkSequence += UInt64(data.count)
      origin.sequence += UInt64(data.count)
      origin.remaining -= data.count
    } else {
      lastSequence = data.firstSequence + UInt64(data.count) - 1
    }
    if (data.level == .default ? level : data.level) < .delivered {
      append(
        ReceiptRange(first: run.first, count: UInt32(run.count), outcome: .received), to: &held)
    }
    core.changed(self)
    core.arrived(run, on: self, now: now)
  }

  /// True if the connection is over.
  private func controlReceived(
    _ type: FrameType, _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) -> Bool {
    if type == .hello {
      guard session == nil else { throw WireError(.helloRepeated) }
      helloReceived(try Hello(frame: frame), now: now)
      return false
    }
    guard let session else { throw WireError(.helloExpected) }
    switch type {
    case .seen: session.seen(try Seen(frame: frame).floor)
    case .blocked:
      session.seen(try Blocked(frame: frame).floor)
      isWindowUrgent = true
      core.changed(self)
    case .backlog: _ = try Backlog(frame: frame)
    case .reclaimed: reclaimed(try Reclaimed(frame: frame))
    case .pong: _ = try Pong(frame: frame)
    case .bye:
      _ = try Bye(frame: frame)
      core.byeReceived(session)
      return true
    case .origin: try originReceived(try Origin(frame: frame))
    case .hello, .data, .welcome, .window, .receipt, .reclaim, .ping, .goaway, .error:
      throw WireError(.wrongDirection)
    }
    return false
  }

  private func helloReceived(_ hello: Hello, now: Instant) {
    let (session, isResumed) = core.session(for: hello)
    session.seen(hello.floor)
    session.connection?.takenOver()
    session.connection = self
    self.session = session
    level = hello.level
    let settings = core.settings
    credit = SinkCredit(
      windowMessages: hello.isPeer ? settings.peerWindowMessages : settings.windowMessages,
      windowBytes: settings.windowBytes)
    let listing = isResumed ? session.listing() : []
    output.append(
      Welcome(
        frameBytesMax: UInt32(settings.frameBytesMax),
        overhead: UInt32(settings.overhead), ranges: UInt32(listing.count),
        known: session.ledger.arrived.last ?? 0, isResumed: isResumed))
    output.append(receipts: listing)
    isWindowUrgent = true
    core.changed(self)
  }

  private func originReceived(_ frame: Origin) throws(WireError) {
    guard session?.isPeer == true, origin.remaining == 0 else { throw WireError(.originMismatch) }
    let cost = Origin.fixedBytes + scanner.overhead
    guard credit.bytesLeft >= UInt64(cost) else { throw WireError(.flowControl) }
    guard frame.linkSequence > lastSequence else { throw WireError(.sequenceNotIncreasing) }
    credit.charge(messages: 0, bytes: cost)
    credit.release(messages: 0, bytes: cost)
    lastSequence = frame.linkSequence + UInt64(frame.count) - 1
    origin = OriginProgress(
      remaining: Int(frame.count), linkSequence: frame.linkSequence, sequence: frame.sequence,
      tag: frame.tag)
  }

  private func fail(_ code: ErrorCode) -> OnReceived {
    core.counts.failed(code)
    output.append(ErrorFrame(code))
    return .close
  }

  // MARK: From the core

  func settled(_ range: ReceiptRange) {
    append(range, to: &final)
    core.changed(self)
  }

  func release(messages: Int, bytes: Int) { credit.release(messages: messages, bytes: bytes) }

  /// The client sent again what the sink knows: what is settled gets its outcome again.
  func answerAgain(_ run: SinkRun) {
    session?.settled.forEachPart(of: run.range) { part, verdict in
      guard var receipt = verdict else { return }
      receipt.first = part.lowerBound
      receipt.count = UInt32(part.count)
      receipt.flags.insert(.duplicate)
      append(receipt, to: &final)
    }
    release(messages: run.count, bytes: run.cost)
    core.changed(self)
  }

  func throttle() {
    guard session != nil else { return }
    output.append(credit.reclaim())
    core.changed(self)
  }

  func unthrottle() {
    isWindowUrgent = true
    core.changed(self)
  }

  private func reclaimed(_ frame: Reclaimed) {
    credit.reclaimed(number: frame.number)
    isWindowUrgent = true
    core.changed(self)
  }

  private var isTaken = false
  /// Another connection has taken the session; the shell closes this one when it flushes it.
  private func takenOver() {
    isTaken = true
    session = nil
    output.append(ErrorFrame(.sessionTaken))
    core.changed(self)
  }

  /// Completes `output` for this turn. True if the connection is to be closed after it.
  func finishTurn(now: Instant) -> Bool {
    if isTaken { return true }
    if !held.isEmpty {
      output.append(receipts: held)
      held.removeAll(keepingCapacity: true)
    }
    if !final.isEmpty {
      output.append(receipts: final)
      final.removeAll(keepingCapacity: true)
    }
    guard session != nil else { return false }
    if core.isThrottling {
      if isWindowUrgent {
        output.append(
          credit.window(
            state: .shut, reason: .rateLimited, retryAfter: core.throttleLeft(now: now)))
      }
    } else if let window = credit.grant(isUrgent: isWindowUrgent) {
      output.append(window)
    }
    isWindowUrgent = false
    return false
  }

  private func append(_ range: ReceiptRange, to list: inout [ReceiptRange]) {
    if let last = list.last, last.end == range.first, last.hasSameVerdict(as: range),
      range.count <= UInt32.max - last.count
    {
      list[list.count - 1].count += range.count
    } else {
      list.append(range)
    }
  }
}
