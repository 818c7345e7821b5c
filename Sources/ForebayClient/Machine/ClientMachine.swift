package import ForebayWire

/// The client's side of the protocol, across reconnects, without a socket and without a clock.
///
/// The shell connects and calls `connected`; hands in what it reads (`receive`) and writes what
/// `produce` gives; calls `timePassed` at `deadline`; and takes the `events` after each call. After
/// any call there may be something to produce. When a connection is gone it calls `connectionLost`,
/// and `connected` again for the next one: unsettled messages are resumed by themselves.
///
/// Every submitted message gets exactly one final event: `settled` or `abandoned`.
package struct ClientMachine: ~Copyable {
  package struct Options: Sendable {
    package var session: ID128
    /// The session may be one that an earlier process began: the daemon may know messages that this
    /// process has yet to submit. They are settled or held as soon as they are.
    package var continuesSession = false
    /// The sequence of the first message that is submitted.
    package var firstSequence: UInt64 = 1
    package var level = ReceiptLevel.delivered
    /// HELLO's extensions: name, shim, route.
    package var helloExtensions: [UInt8] = []
    /// What may wait to be sent. Little: waiting belongs to the sender, who can then slow down.
    package var queueMessages = 4_096
    package var queueBytes = 1 << 20
    /// What may be unsettled in all. The daemon's window is what bounds it in practice.
    package var unsettledMessages = 262_144
    package var unsettledBytes = 64 << 20
    package var jitterSeed: UInt64

    package init(session: ID128, jitterSeed: UInt64) {
      self.session = session
      self.jitterSeed = jitterSeed
    }
  }

  enum State: Equatable {
    /// There is no connection. Entered at start and by `connectionLost`.
    /// Can transition to: greeting.
    case disconnected
    /// HELLO is out. Can transition to: listing, ended.
    case greeting(deadline: Nanoseconds)
    /// WELCOME came; this many receipt ranges and then the first WINDOW follow.
    /// Can transition to: open, ended.
    case listing(rangesLeft: UInt32, deadline: Nanoseconds)
    /// Messages flow. Can transition to: draining, leaving, ended.
    case open
    /// GOAWAY came: nothing new is sent, what is owed still comes.
    /// Can transition to: leaving, ended.
    case draining(code: ErrorCode?, deadline: Nanoseconds)
    /// BYE is queued, and nothing follows it. Can transition to: ended.
    case leaving
    /// `ended` was told; nothing is read or written any more. Can transition to: disconnected.
    case ended
  }

  let options: Options
  var state = State.disconnected
  var log: FrameLog
  var link = Link()
  var jitter: Jitter
  var probe = BlockedProbe()
  var foreknownFinal = ForeknownRanges()
  var foreknownHeld = ForeknownRanges()
  /// Below it, messages were sent on some connection, if only in part.
  var sentEver: UInt64
  /// The newest maximum that a WELCOME named.
  package internal(set) var frameBytesMax: Int?
  package internal(set) var window = WindowView()
  package internal(set) var connections = 0
  package var events: [ClientEvent] = []

  package init(_ options: Options) {
    self.options = options
    jitter = Jitter(seed: options.jitterSeed)
    log = FrameLog(next: options.firstSequence)
    sentEver = options.firstSequence
  }

  /// What belongs to one connection, and starts anew with each.
  struct Link {
    var credit = Credit()
    var overhead: UInt64 = 0
    var heartbeat: Nanoseconds = 0
    var lastHeard: Nanoseconds = 0
    /// The first sequence that isn't sent on this connection.
    var cursor: UInt64 = 1
    /// Bytes of the frame at `cursor` that are produced already: its rest goes before all else.
    var partBytes = 0
    /// Messages and bytes that are out: sent on this connection or listed as held, not settled.
    var outCount = 0
    var outBytes = 0
    /// Frames that aren't data and wait for the next frame boundary, in order.
    var control: [UInt8] = []
    /// The floor that the daemon was told last.
    var floorTold: UInt64 = 1
    /// The largest window that this connection had, in messages: a quarter is SEEN's step.
    var largestWindow: UInt64 = 0
  }

  // MARK: Looking

  package var unsettledCount: Int { log.count }
  package var unsettledBytes: Int { log.bytes }
  /// Messages whose sender hasn't heard of them yet at the level it asked for.
  package var unansweredCount: Int { log.unansweredCount }
  package var floor: UInt64 { log.floor }
  package var submittedCount: UInt64 { log.next - options.firstSequence }
  package var credit: Credit { link.credit }
  /// Messages that wait to be sent on this connection or on the next.
  package var queuedCount: Int { log.count - link.outCount }
  package var queuedBytes: Int { log.bytes - link.outBytes }

  package var isOpen: Bool { state == .open }
  package var isBlocked: Bool { probe.isBlocked }
  package var isDraining: Bool {
    switch state {
    case .draining: return true
    case .disconnected, .greeting, .listing, .open, .leaving, .ended: return false
    }
  }
  package var isConnected: Bool {
    switch state {
    case .greeting, .listing, .open, .draining, .leaving: return true
    case .disconnected, .ended: return false
    }
  }

  package func blockedTime(now: Nanoseconds) -> Nanoseconds { probe.blockedTime(now: now) }

  // MARK: Submitting

  package enum OnSubmit: Equatable {
    /// The message is kept until its final event.
    case accepted(sequence: UInt64)
    /// The queue is full: try again after the next event or `produce`.
    case full
    /// The daemon takes no frame above this many bytes.
    case tooLarge(frameBytesMax: Int)
  }

  /// Takes a message. It is copied; nothing is sent before `produce`.
  package mutating func submit(
    _ payload: UnsafeRawBufferPointer,
    extensions: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    lane: UInt8 = 0, ttlMilliseconds: UInt32 = 0, level: ReceiptLevel = .default
  ) -> OnSubmit {
    invariant(Int(lane) < WireLimits.lanesMax, "lane \(lane) was submitted")
    invariant(
      extensions.count <= WireLimits.extensionsBytesMax,
      "\(extensions.count) bytes of extensions were submitted")
    let size = WireLimits.dataFixedBytes + extensions.count + payload.count
    let largest = frameBytesMax ?? WireLimits.frameBytesMax
    guard size <= largest else { return .tooLarge(frameBytesMax: largest) }
    guard hasRoom(frameBytes: size) else { return .full }
    let sequence = log.append(
      ttlMilliseconds: ttlMilliseconds, lane: lane, level: level, extensions: extensions,
      payload: payload)
    if options.continuesSession { applyForeknown(sequence) }
    return .accepted(sequence: sequence)
  }

  private func hasRoom(frameBytes: Int) -> Bool {
    guard options.unsettledMessages - log.count >= 1 else { return false }
    // A single message always fits, or one above the bound would wait for ever.
    if log.count > 0, options.unsettledBytes - log.bytes < frameBytes { return false }
    guard queuedCount > 0 else { return true }
    return options.queueMessages - queuedCount >= 1
      && options.queueBytes - queuedBytes >= frameBytes
  }

  /// The daemon has told of this message before it was submitted.
  private mutating func applyForeknown(_ sequence: UInt64) {
    if let verdict = foreknownFinal.take(sequence) {
      sentEver = max(sentEver, sequence + 1)
      settle(verdict)
    } else if let holding = foreknownHeld.take(sequence) {
      sentEver = max(sentEver, sequence + 1)
      hold(holding)
    }
  }

  // MARK: Connecting

  package mutating func connected(now: Nanoseconds) {
    invariant(state == .disconnected, "connected while \(state)")
    connections += 1
    link = Link()
    link.lastHeard = now
    link.cursor = log.floor
    link.floorTold = log.floor
    state = .greeting(deadline: now.after(ClientLimits.welcomeTimeout))
    let hello = Hello(session: options.session, floor: log.floor, level: options.level)
    link.control = hello.encoded(extensions: options.helloExtensions)
  }

  /// The socket is closed, by whomever. What isn't settled is sent again on the next connection,
  /// unless the daemon then says that it has it.
  package mutating func connectionLost(now: Nanoseconds) {
    state = .disconnected
    link = Link()
    log.forgetHeld()
    // The next daemon may have forgotten what this one listed; what it knows it lists again.
    foreknownFinal.removeAll()
    foreknownHeld.removeAll()
    probe.frameFits(now: now)
    windowBecame(WindowView())
  }

  // MARK: Leaving

  /// Queues the last words. The shell closes the socket at `ended(.saidBye)`.
  package mutating func sayBye() {
    switch state {
    case .open, .draining:
      tellFloor()
      sendControl(Bye())
      state = .leaving
    case .greeting, .listing:
      // Without WELCOME there is nothing to take leave of.
      end(.saidBye)
    case .disconnected, .leaving, .ended: break
    }
  }

  /// Gives every unsettled message its final event. Only at the very end: none can be resumed.
  package mutating func abandonAll() {
    while let run = log.settleRun(from: log.floor, to: log.next, sentEnd: link.cursor) {
      settledOut(run)
      let sentCount = Int(max(run.first, min(run.end, sentEver)) - run.first)
      if sentCount > 0 {
        tellAbandoned(run.first, sentCount, .unknown, .closed)
      }
      if run.count > sentCount {
        tellAbandoned(run.first + UInt64(sentCount), run.count - sentCount, .notSent, .closed)
      }
    }
  }

  /// Ends the connection: `ended` is told once, and nothing is read or written after it.
  mutating func end(_ how: ConnectionEnd) {
    guard isConnected else { return }
    state = .ended
    link.control.removeAll()
    events.append(.ended(how))
  }
}
