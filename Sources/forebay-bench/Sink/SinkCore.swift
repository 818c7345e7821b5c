import ForebayCore
import ForebayWire

/// The sink without its sockets: sessions, what waits to be settled, the failures of the moment,
/// and the counts.
final class SinkCore {
  struct Settings: Sendable {
    var windowMessages: UInt64 = 4096
    /// A peer has many clients behind it, so its window is another.
    var peerWindowMessages: UInt64 = 65_536
    var windowBytes: UInt64 = 64 << 20
    var frameBytesMax = 256 << 10
    var overhead = 128
    /// Messages settled a second; nil means at once.
    var rate: Double?
    var latency = TimeSpan.zero
    var script: FailureScript?
  }

  /// What the shell must do for the script.
  enum Command: Equatable {
    case closeAll
    case stopListening
    case listen
  }

  let settings: Settings
  var counts = SinkCounts()
  private var sessions: [ID128: SinkSession] = [:]
  private var origins: [ID128: OriginLedger] = [:]
  private var connections: [Int: SinkConnection] = [:]
  private var connectionNumber = 0
  /// Connections with something to flush at the end of the turn.
  private(set) var dirty: [SinkConnection] = []
  private var waiting = WaitingMessages()
  private var bucket: TokenBucket?
  private var script: FailureScript?
  private(set) var failures: Set<FailureScript.Failure> = []
  private var throttleEnd: Instant?

  init(_ settings: Settings, now: Instant) {
    self.settings = settings
    script = settings.script
    bucket = settings.rate.map { TokenBucket(perSecond: $0, now: now) }
  }

  // MARK: Connections

  func connectionAccepted() -> SinkConnection {
    connectionNumber += 1
    counts.connections += 1
    let connection = SinkConnection(number: connectionNumber, core: self)
    connections[connectionNumber] = connection
    return connection
  }

  func connectionLost(_ connection: SinkConnection) {
    guard connections.removeValue(forKey: connection.number) != nil else { return }
    if let session = connection.session, session.connection === connection {
      session.connection = nil
    }
  }

  func changed(_ connection: SinkConnection) {
    if !connection.isDirty {
      connection.isDirty = true
      dirty.append(connection)
    }
  }

  /// Hands every changed connection to `body`, once.
  func flushEach(_ body: (SinkConnection) -> Void) {
    guard !dirty.isEmpty else { return }
    for connection in dirty {
      connection.isDirty = false
      body(connection)
    }
    dirty.removeAll(keepingCapacity: true)
  }

  /// The session that a HELLO names, and whether it existed before.
  func session(for hello: Hello) -> (session: SinkSession, isResumed: Bool) {
    if let old = sessions[hello.session], old.isPeer == hello.isPeer { return (old, true) }
    let session = SinkSession(id: hello.session, isPeer: hello.isPeer)
    sessions[hello.session] = session
    counts.sessions += 1
    return (session, false)
  }

  func byeReceived(_ session: SinkSession) {
    if session.held == 0 { sessions[session.id] = nil }
  }

  // MARK: Messages

  /// Counts a run, and settles it at once where nothing stands against it.
  func arrived(_ run: SinkRun, on connection: SinkConnection, now: Instant) {
    guard let session = connection.session else { return }
    counts.received(run.count, now: now)
    if session.ledger.arrived.intersects(run.range) {
      arrivedAgain(run, on: connection, now: now)
      return
    }
    let anomalies = session.ledger.arrived(run.range, lane: run.lane)
    if session.isPeer {
      counts.add(origins[run.tag, default: OriginLedger()].arrived(run.originRange, lane: run.lane))
    } else {
      counts.add(anomalies)
    }
    take(run, session, on: connection, now: now)
  }

  private func take(
    _ run: SinkRun, _ session: SinkSession, on connection: SinkConnection, now: Instant
  ) {
    session.held += run.count
    let entry = WaitingMessages.Entry(
      session: session, connection: connection.number, first: run.first, count: run.count,
      cost: run.cost, due: now + settings.latency)
    if waiting.isEmpty, bucket == nil, settings.latency == .zero, !failures.contains(.stall) {
      settle(entry, as: run.outcome)
    } else {
      waiting.append(entry, outcome: run.outcome)
      counts.heldMax = max(counts.heldMax, waiting.count)
    }
  }

  /// Some of the run came before. The client gets the stored outcome of what is settled; what is
  /// held will be settled for all its copies; the rest is as new as ever.
  private func arrivedAgain(_ run: SinkRun, on connection: SinkConnection, now: Instant) {
    guard let session = connection.session else { return }
    let known = session.ledger.arrived
    var next = run.range.lowerBound
    while next < run.range.upperBound {
      let end = known.firstAbsent(from: next)
      if end > next {
        let old = run.part(next..<min(end, run.range.upperBound))
        counts.resent += UInt64(old.count)
        connection.answerAgain(old)
        next = old.range.upperBound
      } else {
        let end = min(known.firstPresent(from: next) ?? .max, run.range.upperBound)
        let new = run.part(next..<end)
        arrived(new, on: connection, now: now)
        counts.received -= UInt64(new.count)
        next = end
      }
    }
  }

  private func settle(_ entry: WaitingMessages.Entry, as outcome: SinkOutcome) {
    let session = entry.session
    let verdict = failures.contains(.reject) ? SinkOutcome.rejected : outcome
    let range = ReceiptRange(
      first: entry.first, count: UInt32(entry.count), outcome: verdict.outcome, code: verdict.code)
    session.settled.insert(range)
    session.held -= entry.count
    counts.settled(entry.count, verdict.outcome)
    guard let connection = session.connection else { return }
    connection.settled(range)
    if connection.number == entry.connection {
      connection.release(messages: entry.count, bytes: entry.cost)
    }
  }

  // MARK: Time

  /// Plays the script and settles what has waited long enough.
  func tick(now: Instant) -> [Command] {
    var commands: [Command] = []
    while let event = script?.next(now: now) { play(event, into: &commands) }
    guard !failures.contains(.stall) else { return commands }
    while let head = waiting.head, head.entry.due <= now {
      let count = bucket?.take(upTo: head.entry.count, now: now) ?? head.entry.count
      guard count > 0 else { break }
      let (entry, outcome) = waiting.takeFirst(count)
      settle(entry, as: outcome)
    }
    return commands
  }

  /// When `tick` has something to do. It doesn't move with the clock: asking again and again mustn't
  /// put a tick off.
  var nextTick: Instant? {
    var next = script?.steps.first?.at
    if let head = waiting.head, !failures.contains(.stall) {
      let due = max(head.entry.due, bucket?.nextToken ?? head.entry.due)
      next = min(next ?? due, due)
    }
    return next
  }

  private func play(_ event: FailureScript.Event, into commands: inout [Command]) {
    switch event {
    case .closeAll: commands.append(.closeAll)
    case .begin(let failure, let until):
      guard failures.insert(failure).inserted else { return }
      if failure == .refuse { commands.append(.stopListening) }
      if failure == .throttle {
        throttleEnd = until
        for connection in inOrder(connections) { connection.throttle() }
      }
    case .end(let failure):
      guard failures.remove(failure) != nil else { return }
      if failure == .refuse { commands.append(.listen) }
      if failure == .throttle { for connection in inOrder(connections) { connection.unthrottle() } }
    }
  }

  private func inOrder(_ connections: [Int: SinkConnection]) -> [SinkConnection] {
    connections.values.sorted { $0.number < $1.number }
  }

  var allConnections: [SinkConnection] { inOrder(connections) }
  var isThrottling: Bool { failures.contains(.throttle) }

  func throttleLeft(now: Instant) -> TimeSpan { throttleEnd?.since(now) ?? .zero }

  var waitingCount: Int { waiting.count }
  var originCount: Int { origins.count }
}

typealias OriginLedger = ArrivalLedger
