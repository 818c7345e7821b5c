import ForebayCore
import ForebayWire

/// One connection to a RabbitMQ server, without its socket: what it is sent is put into `output`, what it
/// says comes in by `received`, what that means goes out as events.
///
///     greeting ─▶ ready ─▶ messages on channel 1, each confirmed
///
/// The server confirms messages singly, in any order. That it took one says nothing of those before it;
/// what that means for order is in docs/upstreams/amqp.md.
struct AMQPSession: ~Copyable {
  enum Phase: Equatable {
    /// Our greeting is out; the server's is awaited. Can transition to: tuning, over.
    case greeting
    /// We said who we are. Can transition to: opening, over.
    case tuning
    /// The virtual host is asked for. Can transition to: openingChannel, over.
    case opening
    /// Can transition to: finding, selecting, over.
    case openingChannel
    /// Whether exchange or queue exist. Can transition to: selecting, over.
    case finding
    /// Confirms are asked for. Can transition to: ready, over.
    case selecting
    /// Can transition to: over.
    case ready
    case over
  }

  /// What we propose, head and end included; the server's usual one. A message of this size is one frame.
  static let frameBytesMax = 131_072
  /// No server may say less.
  static let frameBytesMin = 4_096
  /// Before anything is agreed: a server's greeting has some 600 bytes.
  private static let firstFrameBytesMax = 16_384

  // The other half of this type, AMQPSession+Methods, uses what isn't private.
  var phase = Phase.over
  let options: AMQPOptions
  let queue: String?
  let codec: AMQPCodec
  var confirms = AMQPConfirms()
  var heartbeat = Heartbeat()
  /// Nil until it has greeted.
  var server: AMQPServer?
  /// What the one queue held when it was looked for.
  var found: (messages: UInt32, consumers: UInt32)?
  /// It said "blocked" and hasn't taken that back.
  var isBlocked = false
  /// Poured out by whoever called.
  var events: [SessionEvent] = []
  private(set) var frameBytesMax = AMQPSession.firstFrameBytesMax
  private var encoder: AMQPEncoder
  /// A message that came back: its content follows, of which so much is left.
  private var returning: Returning?
  /// What came and isn't whole, and the memory that it is read from meanwhile.
  private var stash: [UInt8] = []
  private var spare: [UInt8] = []
  /// Since the last call that was taken as a whole: a thousand of one kind are one line in the log.
  private var hasToldRefused = false
  private var hasToldReturned = false

  private enum Returning: Equatable {
    case header
    case body(left: UInt64)
  }

  init(_ options: AMQPOptions, route: String) {
    self.options = options
    queue = options.queue(route: route)
    codec = AMQPCodec(options)
    encoder = AMQPEncoder(options, route: route)
  }

  /// Gives what there is for an empty array.
  mutating func takeEvents(_ empty: inout [SessionEvent]) {
    tellFindings()
    swap(&events, &empty)
  }

  // MARK: Sending

  /// Appends a message of nobody's, for a check. It is call 0.
  mutating func publishProbe(_ text: String, _ sequence: UInt64, _ output: inout OutputQueue) {
    let payload = Array(text.utf8)
    let header = DataHeader(sequence: sequence)
    let bytes = header.frameBytes(payloadBytes: payload.count)
    let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 16)
    defer { frame.deallocate() }
    header.write(to: frame.baseAddress!, payloadBytes: payload.count)
    frame[WireLimits.dataFixedBytes...].copyBytes(from: payload)
    let nobody = ID128(high: 0, low: 0)
    confirms.began(0, messages: 1)
    confirms.noteOrigin(nobody, sequence, 0, 1)
    let view = DataFrameView(UnsafeRawPointer(frame.baseAddress!))
    let result = encoder.encode(view, HexTag(nobody), sequence, lane: 0, to: &output)
    invariant(result == .written, "a short text without extensions fits")
    confirms.published(bytes: payload.count)
    confirms.ended()
  }

  /// Asks for the queue's kind, for a check; the answer is a complaint, which ends the connection.
  mutating func askQueueKind(_ name: String, _ output: inout OutputQueue) {
    codec.askQueueKind(name, channel: AMQPEncoder.channel, to: &output)
  }

  /// The connection is open: greets.
  mutating func opened(_ output: inout OutputQueue) {
    stash.removeAll(keepingCapacity: true)
    confirms.reset()
    returning = nil
    hasToldRefused = false
    hasToldReturned = false
    frameBytesMax = Self.firstFrameBytesMax
    heartbeat = Heartbeat()
    server = nil
    isBlocked = false
    phase = .greeting
    AMQPCodec.greeting.withUnsafeBytes { output.append($0) }
  }

  /// Appends a call's messages.
  mutating func dispatch(_ call: UInt32, _ core: borrowing Sidecar, _ output: inout OutputQueue) {
    invariant(phase == .ready, "calls come when the server is ready")
    confirms.began(call, messages: core.messageCount(ofCall: call))
    var place = 0
    // A closure may not capture what is inout; the core calls it at once and keeps nothing.
    withUnsafeMutablePointer(to: &self) { session in
      withUnsafeMutablePointer(to: &output) { output in
        core.eachStretch(ofCall: call) {
          session.pointee.publish($0, from: place, &output.pointee)
          place += $0.count
        }
      }
    }
    confirms.ended()
  }

  private mutating func publish(
    _ stretch: Sidecar.Stretch, from first: Int, _ output: inout OutputQueue
  ) {
    confirms.noteOrigin(stretch.tag, stretch.firstSequence, first, stretch.count)
    let tag = HexTag(stretch.tag)
    var offset = 0
    for index in 0..<stretch.count {
      let view = DataFrameView(stretch.bytes.baseAddress! + offset)
      offset += view.byteCount
      let sequence = stretch.firstSequence + UInt64(index)
      switch encoder.encode(view, tag, sequence, lane: Int(stretch.lane), to: &output) {
      case .written: confirms.published(bytes: view.payload.count)
      case .impossible(let code): confirms.unpublished(first + index, code)
      }
    }
  }

  /// Half a heartbeat's interval has passed. `hasRead`, `hasWritten`: whether there was traffic in it.
  mutating func ticked(hasRead: Bool, hasWritten: Bool, _ output: inout OutputQueue) {
    guard phase != .over else { return }
    switch heartbeat.ticked(hasRead: hasRead, hasWritten: hasWritten || !output.isEmpty) {
    case .rest: break
    case .beat: AMQPCodec.heartbeat.withUnsafeBytes { output.append($0) }
    case .giveUp(let seconds):
      close("no heartbeat came for \(seconds) s: it stands still, or the network is broken")
    }
  }

  /// Takes leave, if the server would understand it.
  mutating func goodbye(_ output: inout OutputQueue) {
    switch phase {
    case .opening, .openingChannel, .finding, .selecting, .ready:
      codec.closeConnection(to: &output)
    case .greeting, .tuning, .over: break
    }
    phase = .over
  }

  mutating func closed() {
    phase = .over
    confirms.reset()
    returning = nil
    stash.removeAll(keepingCapacity: true)
    // They are of calls that the lost connection took along.
    events.removeAll(keepingCapacity: true)
  }

  /// How long frames may be, in both directions, with head and end.
  mutating func agree(frameBytes: Int) {
    frameBytesMax = frameBytes
    encoder.frameBytesMax = frameBytes
  }

  mutating func close(_ reason: String) {
    phase = .over
    tellFindings()
    events.append(.close(reason, isThrottle: false))
  }

  // MARK: Receiving

  mutating func received(_ bytes: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
    guard !stash.isEmpty else { return read(bytes, &output) }
    swap(&stash, &spare)
    spare.append(contentsOf: bytes)
    // Its memory stays where it is while it is read, and comes back afterwards.
    let whole = spare
    spare = []
    whole.withUnsafeBytes { read($0, &output) }
    spare = whole
    spare.removeAll(keepingCapacity: true)
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
    var place = 0
    while place < bytes.count, phase != .over {
      switch AMQPFrames.read(bytes, at: place, frameBytesMax: frameBytesMax) {
      case .partial:
        stash.append(contentsOf: bytes[place...])
        return
      case .garbage(let what):
        let isGreeting = phase == .greeting
        return close("it sent \(what)" + (isGreeting ? ": this is no RabbitMQ server" : ""))
      case .frame(let frame, let next):
        place = next
        heard(frame, UnsafeRawBufferPointer(rebasing: bytes[frame.payload]), &output)
      }
    }
  }

  private mutating func heard(
    _ frame: AMQPFrames.Frame, _ payload: UnsafeRawBufferPointer, _ output: inout OutputQueue
  ) {
    switch frame.kind {
    case .heartbeat: break
    case .header, .body: contentHeard(frame, payload)
    case .method:
      guard returning == nil || frame.channel != AMQPEncoder.channel else {
        return close("it sent a message that came back without its content")
      }
      if frame.channel == AMQPEncoder.channel, phase == .ready, confirmHeard(payload) { return }
      guard let method = codec.read(payload) else {
        return close("it sent a method that can't be read")
      }
      methodHeard(method, channel: frame.channel, &output)
    }
  }

  // MARK: Confirms

  private static let returned: UInt32 = 0x003c_0032
  private static let acked: UInt32 = 0x003c_0050
  private static let nacked: UInt32 = 0x003c_0078

  /// What comes for each message is read by itself: `basic.ack`, `basic.nack`, `basic.return`. False if
  /// it is something else.
  private mutating func confirmHeard(_ payload: UnsafeRawBufferPointer) -> Bool {
    guard payload.count >= 4, let base = payload.baseAddress else { return false }
    switch base.big32(0) {
    case Self.acked, Self.nacked:
      guard payload.count == 13 else {
        close("it sent a confirm of \(payload.count) bytes")
        return true
      }
      let isTaken = base.big32(0) == Self.acked
      let isMultiple = base.byte(12) & 1 != 0
      if !confirms.confirmed(base.big64(4), isMultiple: isMultiple, isTaken: isTaken) {
        close("it confirmed a message that isn't out")
      }
      return true
    case Self.returned:
      guard payload.count >= 6 else {
        close("it sent a message back without saying why")
        return true
      }
      cameBack(base.big16(4))
      returning = .header
      return true
    default: return false
    }
  }

  /// A key is the sender's business and isn't told.
  private mutating func cameBack(_ code: UInt16) {
    guard !hasToldReturned else { return }
    hasToldReturned = true
    let what = code == 312 ? "no queue is bound for a message" : "a message came back (\(code))"
    events.append(
      .noticed(
        "rabbitmq says: \(what), which is rejected (bind a queue to the exchange for its routing "
          + "key, or give the exchange an alternate one)", isProblem: true))
  }

  private mutating func contentHeard(_ frame: AMQPFrames.Frame, _ payload: UnsafeRawBufferPointer) {
    guard frame.channel == AMQPEncoder.channel else {
      return close("it sent content on a channel that isn't open")
    }
    switch (returning, frame.kind) {
    case (.header, .header):
      guard let id = codec.messageID(ofHeader: payload, AMQPEncoder.origin),
        confirms.returned(id.tag, id.sequence), let base = payload.baseAddress
      else {
        return close("it sent a message back that isn't out")
      }
      let bodyBytes = base.big64(4)
      returning = bodyBytes > 0 ? .body(left: bodyBytes) : nil
    case (.body(let left), .body):
      guard UInt64(payload.count) <= left else { return close("it sent more content than it said") }
      let rest = left - UInt64(payload.count)
      returning = rest > 0 ? .body(left: rest) : nil
    case (nil, _), (.header, _), (.body, _):
      close("it sent content that nothing announced")
    }
  }

  private mutating func tellFindings() {
    confirms.tellTaken()
    guard !confirms.findings.isEmpty else { return }
    for index in confirms.findings.indices {
      switch confirms.findings[index] {
      case .taken(let call, let messages): events.append(.messages(call: call, messages, .accepted))
      case .rejected(let call, let index, let code):
        events.append(.messages(call: call, index..<(index + 1), .rejected(code)))
      case .done(let call, refused: 0):
        hasToldRefused = false
        events.append(.call(call, .accepted))
      case .done(let call, _):
        tellRefused()
        // A queue that is full and refuses publishing says it in this way; so it is "slow down".
        events.append(.call(call, .throttled(retryAfter: nil)))
      }
    }
    confirms.forgetFindings()
  }

  private mutating func tellRefused() {
    guard !hasToldRefused else { return }
    hasToldRefused = true
    events.append(
      .noticed(
        "rabbitmq says: nacked (a queue is full and has overflow reject-publish, or it failed; "
          + "messages are tried again, and may come behind those that it took meanwhile)",
        isProblem: true))
  }
}
