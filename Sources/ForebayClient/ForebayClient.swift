import ForebayWire
import Glibc

/// A client that blocks: no threads, no callbacks out of nowhere. Everything happens inside its
/// calls, so call `poll` now and then, also when there is nothing to submit.
///
///     let client = try ForebayClient()
///     try client.submit(Array("hello".utf8))
///     try client.flush(timeout: .seconds(30))
///     for report in client.takeReports() { print(report.messages, report.outcome) }
///     client.close(timeout: .seconds(5))
///
/// It connects, waits for a daemon that isn't there yet, and after a lost connection resumes its
/// session, all by itself. Every message that `submit` took gets exactly one final outcome. Not for
/// use by several threads at once.
public final class ForebayClient {
  public let session: SessionID
  private let path: String
  private var machine: ClientMachine
  private var backoff: ConnectBackoff
  private let connection = Connection()
  private var connectAt: Nanoseconds = 0
  private var failure: ForebayError?
  private var isClosed = false
  private var lastProblem: String?
  private var reports: [OutcomeReport] = []
  private let onReport: ((OutcomeReport) -> Void)?

  /// Checks the options; connecting happens in the calls that need it.
  ///
  /// With `onReport`, outcomes go there, from within this client's calls; it must not call the
  /// client. Without it they are kept for `takeReports`.
  public init(
    _ options: ClientOptions = ClientOptions(), onReport: ((OutcomeReport) -> Void)? = nil
  ) throws(ForebayError) {
    try Self.check("route", options.route, bytesMax: ClientOptions.routeBytesMax)
    try Self.check("name", options.name, bytesMax: ClientOptions.nameBytesMax)
    guard (1...WireLimits.sequenceMax).contains(options.firstNumber) else {
      throw ForebayError(code: .invalid, text: "messages are numbered from 1 on")
    }
    session = options.continuedSession ?? SessionID()
    path = options.socketPath
    machine = ClientMachine(options.machineOptions(session: session))
    backoff = ConnectBackoff(seed: .random(in: .min ... .max))
    self.onReport = onReport
  }

  private static func check(
    _ what: String, _ value: String?, bytesMax: Int
  ) throws(ForebayError) {
    guard (value?.utf8.count ?? 0) <= bytesMax else {
      throw ForebayError(
        code: .invalid, text: "the \(what) is longer than \(bytesMax) bytes")
    }
  }

  // MARK: Sending

  /// Takes a message, sends it as soon as the window allows, and returns its number. While the
  /// queue is full it waits; after `timeout` it throws, and the message is certainly not sent.
  ///
  /// `lane` is 0...7. `ttl` counts from the daemon's receipt of the message; nil means no limit.
  @discardableResult
  public func submit(
    _ payload: RawSpan, lane: Int = 0, ttl: Duration? = nil, receipt: ReceiptStage? = nil,
    timeout: Duration = .seconds(30)
  ) throws(ForebayError) -> UInt64 {
    let deadline = MonotonicClock.now().after(timeout.nanosecondsClamped)
    while true {
      if let number = try trySubmit(payload, lane: lane, ttl: ttl, receipt: receipt) {
        // It is taken: what goes wrong from here on is the next call's to tell.
        _ = try? turn()
        return number
      }
      let wake = try wait(until: deadline, orReadable: nil)
      if wake == .timedOut { throw timedOut("the window didn't open") }
    }
  }

  @discardableResult
  public func submit(
    _ payload: [UInt8], lane: Int = 0, ttl: Duration? = nil, receipt: ReceiptStage? = nil,
    timeout: Duration = .seconds(30)
  ) throws(ForebayError) -> UInt64 {
    try submit(payload.span.bytes, lane: lane, ttl: ttl, receipt: receipt, timeout: timeout)
  }

  /// Takes a message if there is room in the queue, or returns nil. It does no I/O at all: the
  /// message goes out with the next `submit`, `poll` or `flush`.
  public func trySubmit(
    _ payload: RawSpan, lane: Int = 0, ttl: Duration? = nil, receipt: ReceiptStage? = nil
  ) throws(ForebayError) -> UInt64? {
    try checkUsable()
    guard (0..<WireLimits.lanesMax).contains(lane) else {
      throw ForebayError(code: .invalid, text: "lane \(lane) isn't in 0...7")
    }
    let ttlMilliseconds = try milliseconds(ttl)
    let level = ReceiptLevel(receipt)
    let submitted = payload.withUnsafeBytes {
      machine.submit(
        $0, lane: UInt8(lane), ttlMilliseconds: ttlMilliseconds, level: level)
    }
    switch submitted {
    case .accepted(let sequence):
      handleEvents(now: MonotonicClock.now)
      return sequence
    case .full: return nil
    case .tooLarge(let frameBytesMax):
      throw ForebayError(
        code: .tooLarge,
        text: "the message has \(payload.byteCount) bytes; the daemon takes "
          + "\(frameBytesMax - WireLimits.dataFixedBytes)")
    }
  }

  private func milliseconds(_ ttl: Duration?) throws(ForebayError) -> UInt32 {
    guard let ttl else { return 0 }
    let rounded = (ttl.nanosecondsClamped + 999_999) / 1_000_000
    guard rounded >= 1, let milliseconds = UInt32(exactly: rounded) else {
      throw ForebayError(code: .invalid, text: "a ttl is between 1 ms and 49 days")
    }
    return milliseconds
  }

  // MARK: Waiting

  public enum Wake: Sendable {
    /// Something was sent, received or settled, or a connection came or went.
    case progress
    /// The other descriptor is readable, or at its end.
    case readable
    case timedOut
    /// A signal came.
    case interrupted
  }

  /// Does what there is to do, and waits up to `timeout` for there to be something. `descriptor` is
  /// one more to wait for, so that a program can wait for its input and its window at once.
  @discardableResult
  public func poll(
    timeout: Duration, orReadable descriptor: Int32? = nil
  ) throws(ForebayError) -> Wake {
    try checkUsable()
    let deadline = MonotonicClock.now().after(timeout.nanosecondsClamped)
    return try wait(until: deadline, orReadable: descriptor)
  }

  /// What `flush` waits for.
  public enum FlushGoal: Sendable {
    /// Every message has come as far as its receipt level asks.
    case answered
    /// Every message has its final outcome.
    case settled
  }

  /// Waits until everything submitted has got where `goal` says. Returns how many messages have
  /// not; 0 is success.
  @discardableResult
  public func flush(
    timeout: Duration, until goal: FlushGoal = .settled
  ) throws(ForebayError) -> Int {
    let deadline = MonotonicClock.now().after(timeout.nanosecondsClamped)
    while true {
      try checkUsable()
      let left = goal == .answered ? machine.unansweredCount : machine.unsettledCount
      if left == 0 { return 0 }
      if try wait(until: deadline, orReadable: nil) == .timedOut {
        return goal == .answered ? machine.unansweredCount : machine.unsettledCount
      }
    }
  }

  /// Flushes, says goodbye and closes. Returns what was left unsettled, each as `notSent` or
  /// `unknown`: nothing is dropped in silence. The second call does nothing.
  ///
  /// With `keepsSession` it closes without a goodbye, and the daemon keeps what it knows for some
  /// minutes, so that another process can go on with the session.
  @discardableResult
  public func close(timeout: Duration, keepsSession: Bool = false) -> [OutcomeReport] {
    guard !isClosed else { return [] }
    let deadline = MonotonicClock.now().after(timeout.nanosecondsClamped)
    if machine.unsettledCount > 0, failure == nil {
      _ = try? flush(timeout: timeout)
    }
    if failure == nil, !keepsSession { sayBye(until: deadline) }
    connection.close()
    isClosed = true
    machine.abandonAll()
    let left = machine.events.compactMap(OutcomeReport.init)
    handleEvents(now: MonotonicClock.now)
    return left
  }

  private func sayBye(until deadline: Nanoseconds) {
    machine.sayBye()
    let byeDeadline = max(deadline, MonotonicClock.now().after(Self.byeTime))
    while connection.isConnected, machine.isConnected || connection.isWriteWaiting {
      guard let wake = try? wait(until: byeDeadline, orReadable: nil), wake != .timedOut else {
        return
      }
    }
  }

  // MARK: Looking

  /// The outcomes since the last call, in the order in which they came. Empty with `onReport`.
  public func takeReports() -> [OutcomeReport] {
    defer { reports.removeAll(keepingCapacity: true) }
    return reports
  }

  /// Messages without a final outcome.
  public var unsettledCount: Int { machine.unsettledCount }
  /// Messages that haven't come as far as their receipt level asks.
  public var unansweredCount: Int { machine.unansweredCount }
  /// The number of the first message without a final outcome; the next one's if there is none.
  public var firstUnsettled: UInt64 { machine.floor }
  /// Whether the daemon has let us in and not yet asked us to leave.
  public var isReady: Bool { machine.isOpen }

  public var statistics: ClientStatistics {
    let window = machine.window
    return ClientStatistics(
      status: status, submitted: machine.submittedCount, unsettled: machine.unsettledCount,
      unsettledBytes: machine.unsettledBytes, queued: machine.queuedCount,
      windowMessages: machine.credit.openMessages, windowBytes: machine.credit.openBytes,
      windowReason: window.reason == .none ? nil : window.reason.wireName,
      retryAfter: window.retryAfterMilliseconds == 0
        ? nil : .milliseconds(Int64(window.retryAfterMilliseconds)),
      blockedTime: .nanoseconds(
        Int64(clamping: machine.blockedTime(now: MonotonicClock.now()))),
      reconnects: max(0, machine.connections - 1),
      payloadBytesMax: machine.frameBytesMax.map { $0 - WireLimits.dataFixedBytes },
      lastProblem: lastProblem)
  }

  private var status: ClientStatistics.Status {
    if isClosed || failure != nil { return .closed }
    if machine.isDraining { return .draining }
    guard machine.isOpen else { return .connecting }
    return machine.isBlocked ? .blocked : .ready
  }

  // MARK: The loop inside each call

  /// What is written of BYE after its caller's time is up: it is a few bytes.
  private static let byeTime = Nanoseconds.milliseconds(100)

  private func checkUsable() throws(ForebayError) {
    if isClosed { throw ForebayError(code: .closed, text: "the client is closed") }
    if let failure { throw failure }
  }

  private func timedOut(_ what: String) -> ForebayError {
    let problem = connection.isConnected ? "" : lastProblem.map { " (\($0))" } ?? ""
    return ForebayError(code: .timeout, text: what + " in time" + problem)
  }

  private func wait(
    until deadline: Nanoseconds, orReadable extra: Int32?
  ) throws(ForebayError) -> Wake {
    while true {
      if try turn() { return .progress }
      let now = MonotonicClock.now()
      var wakeAt = deadline
      if let machineDeadline = machine.deadline { wakeAt = min(wakeAt, machineDeadline) }
      if !connection.isConnected { wakeAt = min(wakeAt, connectAt) }
      switch pollDescriptors(milliseconds: wakeAt.pollMilliseconds(from: now), extra: extra) {
      case .socket: continue
      case .extra: return .readable
      case .interrupted: return .interrupted
      case .nothing: if MonotonicClock.now() >= deadline { return .timedOut }
      }
    }
  }

  private enum PollResult { case socket, extra, interrupted, nothing }

  private func pollDescriptors(milliseconds: Int32, extra: Int32?) -> PollResult {
    // poll(2) skips negative descriptors.
    let interest = Int16(POLLIN) | (connection.isWriteWaiting ? Int16(POLLOUT) : 0)
    var entries = (
      pollfd(fd: connection.descriptor ?? -1, events: interest, revents: 0),
      pollfd(fd: extra ?? -1, events: Int16(POLLIN), revents: 0)
    )
    let count = withUnsafeMutableBytes(of: &entries) {
      Glibc.poll($0.baseAddress!.assumingMemoryBound(to: pollfd.self), 2, milliseconds)
    }
    if count < 0 { return errno == EINTR ? .interrupted : .nothing }
    if entries.0.revents != 0 { return .socket }
    return entries.1.revents != 0 ? .extra : .nothing
  }

  /// Everything that can be done without waiting. True if anything was.
  private func turn() throws(ForebayError) -> Bool {
    if let failure { throw failure }
    let now = MonotonicClock.now()
    var isMoved = false
    if !connection.isConnected, !isClosed, now >= connectAt { isMoved = connect(now: now) }
    if connection.isConnected {
      machine.timePassed(now: now)
      let turn = connection.turn(&machine, now: now)
      isMoved = isMoved || turn.isMoved
      handleEvents(now: { now })
      if turn.isLost, connection.isConnected {
        lastProblem = "the daemon closed the connection"
        connectionLost(now: now, hint: 0)
        isMoved = true
      }
    }
    if let failure { throw failure }
    return isMoved
  }

  private func connect(now: Nanoseconds) -> Bool {
    do throws(ConnectFailure) {
      try connection.connect(path: path)
      machine.connected(now: now)
      backoff.connected(now: now)
      return true
    } catch {
      lastProblem = ForebayError(error, path: path).text
      switch error {
      case .later: connectAt = backoff.failed(now: now)
      case .permanent, .pathTooLong, .pathUnusable: failure = ForebayError(error, path: path)
      }
      return false
    }
  }

  private func connectionLost(now: Nanoseconds, hint: Nanoseconds) {
    connection.close()
    machine.connectionLost(now: now)
    connectAt = backoff.failed(now: now, atLeast: hint)
    handleEvents(now: { now })
  }

  private func handleEvents(now: () -> Nanoseconds) {
    guard !machine.events.isEmpty else { return }
    var events: [ClientEvent] = []
    swap(&events, &machine.events)
    for event in events {
      if let report = OutcomeReport(event) { deliver(report) }
      if case .ended(let end) = event { connectionEnded(end, now: now()) }
    }
  }

  private func deliver(_ report: OutcomeReport) {
    if let onReport { return onReport(report) }
    if let last = reports.indices.last, reports[last].extend(with: report) { return }
    reports.append(report)
  }

  private func connectionEnded(_ end: ConnectionEnd, now: Nanoseconds) {
    // BYE is produced but perhaps not written: `close` sees to the rest.
    if end == .saidBye { return }
    lastProblem = end.text
    var hint: Nanoseconds = 0
    if case .refused(_, let milliseconds) = end { hint = .milliseconds(UInt64(milliseconds)) }
    switch end.remedy {
    case .again: break
    case .bug: hint = max(hint, ClientLimits.bugWait)
    case .stop: failure = ForebayError(end)
    }
    connectionLost(now: now, hint: hint)
  }
}
