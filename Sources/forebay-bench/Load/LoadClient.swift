import ForebayCore
import ForebayWire

/// The client's side of one session: it says what to send, and counts what comes back.
///
/// It has no socket: bytes come in by `received`, control frames pile up in `output`, and
/// `nextChunk` gives the DATA to write after them.
final class LoadClient {
  enum Phase: Equatable {
    /// Entered at the start and by `lost`. Can transition to: greeting.
    case disconnected
    /// Entered by `connected`: HELLO is out. Can transition to: listing, disconnected.
    case greeting
    /// Entered by WELCOME: so many ranges and the first WINDOW are to come. Can transition to:
    /// ready, disconnected.
    case listing(rangesLeft: UInt32)
    /// Entered by the first WINDOW. Can transition to: goingAway, leaving, disconnected.
    case ready
    /// Entered by GOAWAY: nothing new is sent. Can transition to: leaving, disconnected.
    case goingAway
    /// Entered by `leave`: BYE is out. Can transition to: disconnected.
    case leaving
  }

  let number: Int
  let session: ID128
  private(set) var phase = Phase.disconnected
  let output = FrameBuffer()
  private(set) var ledger = OutcomeLedger()
  private(set) var welcome: Welcome?
  private(set) var error: UInt16?
  private let hello: LoadHello
  private unowned let tally: LoadTally
  private var window = LoadWindow()
  private var sendTimes = SendTimes()
  /// Held by the daemon since before this connection; only what it lists on a resume.
  private var held = SequenceSet()
  /// The next sequence to send: below `ledger.sentEnd` while a resumed session sends again.
  private var next: UInt64 = 1
  private var floorTold: UInt64 = 1
  private var probe = BlockedProbe()
  private var blocked = TimeSpan.zero
  /// Why the window is shut, by the daemon's last word; none while it says that it is open.
  private(set) var reason = WindowReason.none

  init(number: Int, session: ID128, hello: LoadHello, tally: LoadTally) {
    self.number = number
    self.session = session
    self.hello = hello
    self.tally = tally
  }

  var isReady: Bool { phase == .ready }
  var outstanding: UInt64 { ledger.outstanding }
  /// The number of messages that were ever sent.
  var sent: UInt64 { ledger.sentEnd - 1 }
  /// What may still be sent now.
  var messagesLeft: UInt64 { window.messagesLeft }
  /// For how long something has waited for the window, in all.
  func blocked(now: Instant) -> TimeSpan { blocked + probe.waited(now: now) }
  /// Sent and without a final outcome.
  var unsettled: [Range<UInt64>] { ledger.unsettled }

  // MARK: Connection

  func connected() {
    phase = .greeting
    error = nil
    window = LoadWindow()
    floorTold = ledger.floor
    output.removeAll()
    output.append(
      Hello(session: session, floor: ledger.floor, level: hello.level), extensions: hello.extensions
    )
  }

  func lost(now: Instant) {
    phase = .disconnected
    opened(now: now)
  }

  /// Says goodbye; the caller closes once `output` is written.
  func leave() {
    tellFloor()
    output.append(Bye())
    phase = .leaving
  }

  // MARK: Bytes from the daemon

  /// Returns how many bytes whole frames took.
  func received(
    _ bytes: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) -> Int {
    var offset = 0
    while offset < bytes.count {
      switch FrameHeader.read(bytes, at: offset, frameBytesMax: WireLimits.controlFrameBytesMax) {
      case .partial: return offset
      case .malformed(let code): throw WireError(code)
      case .header(let header):
        guard bytes.count - offset >= header.byteCount else { return offset }
        let frame = UnsafeRawBufferPointer(
          rebasing: bytes[offset..<(offset + header.byteCount)])
        try frameReceived(header.type, frame, now: now)
        offset += header.byteCount
      }
    }
    return offset
  }

  private func frameReceived(
    _ type: FrameType, _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) {
    switch type {
    case .welcome: try welcomeReceived(try Welcome(frame: frame))
    case .window: try windowReceived(try Window(frame: frame))
    case .receipt: try receiptReceived(frame, now: now)
    case .reclaim:
      let reclaim = try Reclaim(frame: frame)
      window.reclaim(messages: reclaim.limitMessages, bytes: reclaim.limitBytes)
      output.append(Reclaimed(number: reclaim.number))
      tally.reclaims += 1
    case .ping: output.append(Pong(token: try Ping(frame: frame).token))
    case .goaway:
      _ = try GoAway(frame: frame)
      tally.goaways += 1
      if phase == .ready { phase = .goingAway }
    case .error:
      let frame = try ErrorFrame(frame: frame)
      error = frame.code
      tally.failed(code: frame.code)
    case .hello, .data, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin:
      throw WireError(.wrongDirection)
    }
  }

  private func welcomeReceived(_ frame: Welcome) throws(WireError) {
    guard phase == .greeting else { throw WireError(.badField) }
    welcome = frame
    held.removeAll()
    sendTimes.removeAll()
    next = ledger.floor
    phase = .listing(rangesLeft: frame.ranges)
    if frame.isResumed { tally.resumes += 1 }
  }

  private func windowReceived(_ frame: Window) throws(WireError) {
    switch phase {
    case .listing(rangesLeft: 0): phase = .ready
    case .ready, .goingAway, .leaving: break
    case .disconnected, .greeting, .listing: throw WireError(.badField)
    }
    window.raise(messages: frame.limitMessages, bytes: frame.limitBytes)
    reason = frame.state == .shut ? frame.reason : .none
    if frame.reason == .receiptsUnseen { tellFloor() }
  }

  private func receiptReceived(
    _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) {
    let count = try Receipt.count(frame: frame)
    for index in 0..<count {
      let receipt = try Receipt.range(at: index, frame: frame)
      let range = receipt.first..<(receipt.first + UInt64(receipt.count))
      if case .listing(let left) = phase {
        guard left > 0 else { throw WireError(.badField) }
        phase = .listing(rangesLeft: left - 1)
        if !receipt.outcome.isFinal { held.insert(range) }
      }
      if receipt.outcome.isFinal { settled(range, receipt, now: now) }
    }
    sendTimes.removeAll(below: ledger.floor)
    if ledger.floor - floorTold >= window.quarter { tellFloor() }
  }

  private func settled(_ range: Range<UInt64>, _ receipt: ReceiptRange, now: Instant) {
    let isListing = if case .listing = phase { true } else { false }
    switch ledger.settled(range) {
    case .settled(let count):
      tally.settled(count, receipt.outcome, receipt.flags)
    case .partly(let count, let repeated, let unknown):
      tally.settled(count, receipt.outcome, receipt.flags)
      // On a resume the daemon repeats what is above the floor that it knows of.
      if !isListing { tally.repeated += repeated }
      tally.unknown += unknown
    }
    if !isListing { tally.answered(range, of: number, sendTimes, now: now) }
  }

  private func tellFloor() {
    output.append(Seen(floor: ledger.floor))
    floorTold = ledger.floor
  }

  // MARK: Sending

  /// The next frames to write, already counted as sent; nil if nothing may or need be sent now.
  ///
  /// `newMax` bounds only messages that were never sent before.
  func nextChunk(from cycle: FrameCycle, newMax: UInt64, now: Instant) -> FrameCycle.Chunk? {
    guard phase == .ready, let welcome else { return nil }
    var countMax = newMax
    if next < ledger.sentEnd { countMax = skipKnown() ?? newMax }
    guard countMax > 0 else { return nil }
    let overhead = Int(welcome.overhead)
    let chunk = cycle.stamp(
      from: next, client: number + 1, countMax: Int(min(countMax, window.messagesLeft, 1 << 20)),
      costMax: window.bytesLeft, overhead: overhead)
    guard chunk.count > 0 else {
      probe.isShut(now: now)
      return nil
    }
    opened(now: now)
    window.use(messages: chunk.count, bytes: chunk.bytes.count + chunk.count * overhead)
    let end = next + UInt64(chunk.count)
    if end > ledger.sentEnd {
      ledger.sent(chunk.count)
      tally.sent(chunk.count)
    } else {
      tally.resent(chunk.count)
    }
    sendTimes.sent(next..<end, at: now)
    next = end
    return chunk
  }

  /// Moves `next` past what the daemon knows. How many messages there are to send again from it, or
  /// nil if none.
  private func skipKnown() -> UInt64? {
    // The listing may have settled what lay at the old floor.
    next = max(next, ledger.floor)
    while true {
      let candidate = held.firstAbsent(from: ledger.settledAbove.firstAbsent(from: next))
      if candidate == next { break }
      next = candidate
    }
    next = min(next, ledger.sentEnd)
    guard next < ledger.sentEnd else { return nil }
    let end = min(
      ledger.sentEnd, ledger.settledAbove.firstPresent(from: next) ?? .max,
      held.firstPresent(from: next) ?? .max)
    return end - next
  }

  /// The next frame fits: what it waited counts.
  private func opened(now: Instant) {
    let waited = probe.waited(now: now)
    probe.fits()
    blocked = blocked + waited
    tally.blocked = tally.blocked + waited
  }

  /// Asks for the window again if the next frame has not fitted for long enough.
  func probeIfBlocked(cycle: FrameCycle, now: Instant) {
    guard phase == .ready, let welcome, probe.isDue(now: now) else { return }
    output.append(
      Blocked(
        cost: UInt32(clamping: cycle.frameBytes(of: next) + Int(welcome.overhead)),
        floor: ledger.floor))
    floorTold = ledger.floor
    tally.probes += 1
  }
}

/// What every client of a load says in its HELLO.
struct LoadHello {
  var level: ReceiptLevel
  var extensions: [UInt8]
}
