import ForebayCore
import ForebayTLS
import ForebayWire

/// One connection to a NATS server, without its socket: what it is sent is put into `output`, what it
/// says comes in by `received`, what that means goes out as events.
///
///     INFO ─▶ [TLS] ─▶ CONNECT, SUB inbox, PING ─▶ PONG: ready ─▶ calls, each message answered by itself
///
/// **On an ordered route the messages of a session's lane form a chain in each call**: each but the first
/// names its predecessor (`Nats-Expected-Last-Msg-Id`), and JetStream refuses it unless that is the
/// stream's last one. So nothing is taken behind a message that wasn't, although all were sent without
/// waiting. Who else publishes into the stream breaks chains; what is refused by that comes again at once,
/// and the chains get shorter, down to one message, whose first needs no predecessor.
struct NATSSession: ~Copyable {
  enum Phase: Equatable {
    /// Can transition to: securing, greeting, over.
    case waitingForInfo
    /// Can transition to: greeting, over.
    case securing
    /// Who we are is said; PONG is to come. Can transition to: ready, over.
    case greeting
    /// Can transition to: over.
    case ready
    case over
  }

  private(set) var phase = Phase.over
  private let options: NATSOptions
  private let route: String
  private let isOrdered: Bool
  private let inbox: String
  private var encoder: NATSEncoder
  private var info: NATSInfo?
  private var ledger: NATSLedger
  /// How long chains are now; it shrinks where somebody else publishes into the stream, too.
  private(set) var chainMax: Int
  /// What came and isn't whole.
  private var stash: [UInt8] = []
  /// Poured out by whoever called.
  private var events: [SessionEvent] = []
  /// The last complaint that was told, so that a thousand of one kind are one line.
  private var told: NATSComplaint?

  // The call that is being written.
  private var writing = 0
  private var index = 0
  private var flow: Flow?
  private var flowsBefore: [Flow] = []
  /// The flow was in this call before, and others since: its messages wait for the next one.
  private var isSkipping = false
  private var chained = 0
  private var previous: UInt64?

  /// A session's lane.
  private struct Flow: Equatable {
    let tag: ID128
    let lane: UInt8
  }

  /// `name` makes the inbox one that nobody else has.
  init(_ options: NATSOptions, route: String, isOrdered: Bool, name: String) {
    self.options = options
    self.route = route
    self.isOrdered = isOrdered
    inbox = "\(options.inboxPrefix).\(name)"
    encoder = NATSEncoder(options, route: route, inbox: inbox)
    ledger = NATSLedger(
      inbox: inbox, callsMax: NATSUpstream.callsMax, messagesMax: NATSUpstream.callMessagesMax)
    chainMax = options.chainMax
  }

  mutating func takeEvents(_ empty: inout [SessionEvent]) { swap(&events, &empty) }

  // MARK: Sending

  /// The connection is open; the server speaks first.
  mutating func opened() {
    closed()
    phase = .waitingForInfo
  }

  /// TLS stands: says who we are.
  mutating func secured(_ output: inout OutputQueue) {
    guard phase == .securing else { return }
    greet(&output)
  }

  private mutating func greet(_ output: inout OutputQueue) {
    guard let info else { return }
    do throws(TLSError) {
      let greeting = try info.greeting(options)
      greeting.withUnsafeBytes { output.append($0) }
    } catch {
      return close("we can't say who we are: \(error)")
    }
    // The answer to PING comes behind every objection to who we are.
    Array("SUB \(inbox).* 1\r\nPING\r\n".utf8).withUnsafeBytes { output.append($0) }
    phase = .greeting
  }

  /// Appends a call's messages. What it knows at once of some is told by the events.
  mutating func dispatch(_ call: UInt32, _ core: borrowing Sidecar, _ output: inout OutputQueue) {
    begin(call, messages: core.messageCount(ofCall: call))
    // A closure may not capture what is inout; the core calls it at once and keeps nothing.
    withUnsafeMutablePointer(to: &output) { output in
      withUnsafeMutablePointer(to: &self) { session in
        core.eachStretch(ofCall: call) { session.pointee.append($0, &output.pointee) }
      }
    }
    end()
  }

  mutating func begin(_ call: UInt32, messages: Int) {
    invariant(phase == .ready, "calls come when the server is ready")
    writing = ledger.begin(call, messages: messages)
    index = 0
    flow = nil
    flowsBefore.removeAll(keepingCapacity: true)
  }

  mutating func append(_ stretch: Sidecar.Stretch, _ output: inout OutputQueue) {
    let tag = HexTag(stretch.tag)
    enter(Flow(tag: stretch.tag, lane: stretch.lane))
    var offset = 0
    for place in 0..<stretch.count {
      let view = DataFrameView(stretch.bytes.baseAddress! + offset)
      offset += view.byteCount
      append(
        view, tag, stretch.firstSequence + UInt64(place), lane: Int(stretch.lane), &output)
    }
  }

  private mutating func enter(_ next: Flow) {
    guard isOrdered, next != flow else { return }
    if let flow { flowsBefore.append(flow) }
    flow = next
    isSkipping = flowsBefore.contains(next)
    chained = 0
    previous = nil
  }

  private mutating func append(
    _ view: DataFrameView, _ tag: HexTag, _ sequence: UInt64, lane: Int,
    _ output: inout OutputQueue
  ) {
    defer { index += 1 }
    if isOrdered, isSkipping || chained >= chainMax { return ledger.skipped(writing) }
    let isWritten = encoder.encode(
      view, tag, sequence, lane: lane, previous: previous,
      to: .init(serial: ledger.serial(of: writing), index: index),
      bytesMax: info?.payloadMax ?? .max, &output)
    guard isWritten else { return rejectHere() }
    ledger.sent(writing, index)
    chained += 1
    if isOrdered { previous = sequence }
  }

  /// The server would close the connection over it.
  private mutating func rejectHere() {
    complain(.overPayload(info?.payloadMax ?? 0))
    events.append(
      .messages(
        call: ledger.call(writing), index..<(index + 1), .rejected(NATSComplaint.overPayload)))
  }

  mutating func end() {
    if ledger.isAnswered(writing) { settle(writing) }
  }

  mutating func closed() {
    phase = .over
    info = nil
    ledger.removeAll()
    stash.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }

  // MARK: Receiving

  mutating func received(_ bytes: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
    if stash.isEmpty {
      read(bytes, &output)
    } else {
      stash.append(contentsOf: bytes)
      let whole = stash
      stash.removeAll(keepingCapacity: true)
      whole.withUnsafeBytes { read($0, &output) }
    }
    tellTaken()
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
    var place = 0
    while place < bytes.count, phase != .over {
      guard phase != .securing else {
        // Somebody on the way could have put it there, for us to believe it came encrypted.
        return close("it said more before TLS began")
      }
      switch NATSReader.read(bytes, at: place) {
      case .partial:
        stash.append(contentsOf: bytes[place...])
        return
      case .garbage(let what):
        return close("it sent \(what): this is no NATS server")
      case .token(let token, let next):
        place = next
        heard(token, bytes, &output)
      }
    }
  }

  private mutating func heard(
    _ token: NATSReader.Token, _ bytes: UnsafeRawBufferPointer, _ output: inout OutputQueue
  ) {
    switch token {
    case .message(let subject, let header, let payload):
      guard phase == .ready, let place = ledger.place(bytes, subject) else { return }
      answered(
        place.slot, place.index, NATSAck.read(bytes, header: header, payload: payload), bytes)
    case .info(let range): informed(bytes[range], &output)
    case .ping: Array("PONG\r\n".utf8).withUnsafeBytes { output.append($0) }
    case .pong:
      guard phase == .greeting else { return }
      phase = .ready
      told = nil
      events.append(.ready)
    case .ok: break
    case .error(let range): complained(NATSComplaint.error(Self.text(bytes, range)))
    }
  }

  private mutating func informed(
    _ json: Slice<UnsafeRawBufferPointer>, _ output: inout OutputQueue
  ) {
    guard let info = NATSInfo(json) else { return close("its INFO can't be read") }
    let isFirst = phase == .waitingForInfo
    self.info = info
    if isFirst {
      if let objection = info.objection(isEncrypted: options.isEncrypted) {
        return close(objection)
      }
      if options.isEncrypted {
        phase = .securing
        events.append(.secure)
      } else {
        greet(&output)
      }
    }
    if !info.others.isEmpty { events.append(.others(info.others)) }
    if info.isLeaving {
      events.append(
        .noticed("nats is about to end this server (lame duck mode)", isProblem: false))
      events.append(.leaving)
    }
  }

  /// Whatever stands in -ERR, answers are missing from now on, or the server closes: so do we.
  private mutating func complained(_ complaint: NATSComplaint) {
    complain(complaint)
    close("it says: \(complaint.text)", isThrottle: complaint.meaning == .throttled)
  }

  /// The last event: what is out and not told is nobody's any more once the connection is closed.
  private mutating func close(_ reason: String, isThrottle: Bool = false) {
    tellTaken()
    phase = .over
    events.append(.close(reason, isThrottle: isThrottle))
  }

  // MARK: Answers

  private mutating func answered(
    _ slot: Int, _ index: Int, _ ack: NATSAck, _ bytes: UnsafeRawBufferPointer
  ) {
    guard ledger.waits(slot, index) else { return }
    switch ack {
    case .taken(let isDuplicate):
      if let row = ledger.taken(slot, index, isDuplicate: isDuplicate) {
        events.append(.messages(call: ledger.call(slot), row, .accepted))
      }
    case .refused(NATSComplaint.wrongLastID, _): ledger.broken(slot, index)
    case .refused(let code, let text):
      if NATSComplaint.rejects(code) {
        rejected(slot, index, NATSComplaint(code: code, Self.text(bytes, text)))
      } else if ledger.hasComplaint(slot) {
        // One says it for all: of thousands that a full stream refuses no text is made.
        ledger.refused(slot, index, nil)
      } else {
        ledger.refused(slot, index, NATSComplaint(code: code, Self.text(bytes, text)))
      }
    case .status(let code, let text):
      ledger.refused(
        slot, index, .status(code, Self.text(bytes, text), subject: subject))
    case .other: ledger.refused(slot, index, .noAck(subject: subject))
    }
    if ledger.isAnswered(slot) { settle(slot) }
  }

  private var subject: String {
    NATSOptions.subject(options.subject, route: route, lane: 0)
  }

  private mutating func rejected(_ slot: Int, _ index: Int, _ complaint: NATSComplaint) {
    complain(complaint)
    ledger.rejected(slot, index)
    events.append(
      .messages(
        call: ledger.call(slot), index..<(index + 1), .rejected(NATSComplaint.overStream)))
  }

  /// All messages of the call that were sent are answered.
  private mutating func settle(_ slot: Int) {
    let end = ledger.end(slot)
    if let range = end.taken { events.append(.messages(call: end.call, range, .accepted)) }
    let verdict: CallVerdict
    switch end.complaint?.meaning {
    case .throttled: verdict = .throttled(retryAfter: nil)
    case .failed, .rejected, .broken: verdict = .failed(retryAfter: nil)
    case nil where !end.isWhole: verdict = .returned
    case nil: verdict = end.hasSent ? .accepted : .rejected(NATSComplaint.overPayload)
    }
    if let complaint = end.complaint { complain(complaint) } else { told = nil }
    adapt(end)
    events.append(.call(end.call, verdict))
  }

  /// Somebody else's message behind one that was just taken: shorter chains waste less. Without, they
  /// grow again.
  private mutating func adapt(_ end: NATSLedger.End) {
    if end.isContended {
      chainMax = max(1, chainMax / 2)
    } else if end.complaint == nil {
      chainMax = min(options.chainMax, chainMax + max(1, chainMax / 8))
    }
  }

  /// What was taken of calls that aren't answered to their end is told when there is nothing more to read.
  private mutating func tellTaken() {
    while let (call, range) = ledger.nextTaken() {
      events.append(.messages(call: call, range, .accepted))
    }
  }

  private mutating func complain(_ complaint: NATSComplaint) {
    guard complaint != told else { return }
    told = complaint
    events.append(.noticed(complaint.said(by: "nats"), isProblem: true))
  }

  private static func text(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
    String(decoding: bytes[range].prefix(200), as: UTF8.self)
  }
}
