import ForebayClient
import Glibc

/// Sends the lines of a descriptor and waits for what becomes of them.
///
/// Line n of the input is message n of the session, so that the same input sent again under the same
/// session is recognised.
struct SendRun: ~Copyable {
  struct Plan {
    var options = ClientOptions()
    var lane = 0
    var ttl: Duration?
    /// How long there may be no progress at all.
    var timeout = Duration.seconds(30)
    /// Of the input in bytes, where it is known: for the progress bar.
    var inputBytes: Int?
  }

  /// The longest wait in one go: signals that come just before it are seen after it.
  private static let tick = Duration.milliseconds(100)

  private let plan: Plan
  private let descriptor: Int32
  private let client: ForebayClient
  private var tally = OutcomeTally()
  private var progress = ProgressLine()
  private let startedAt = ContinuousClock.now
  private var bytes = 0
  private var problem: String?
  private var patience: Patience
  private var toldProblem: String?
  /// All of the input is handed to the client.
  private var isInputOver = false

  init(_ plan: Plan, descriptor: Int32) throws(ForebayError) {
    self.plan = plan
    self.descriptor = descriptor
    client = try ForebayClient(plan.options)
    patience = Patience(limit: plan.timeout)
  }

  consuming func run() -> SendSummary {
    var status = ExitStatus.success
    do throws(ForebayError) {
      status = try sendAll()
    } catch {
      problem = error.text
      status = Self.status(error.code)
    }
    return finish(status)
  }

  // MARK: Sending

  private mutating func sendAll() throws(ForebayError) -> ExitStatus {
    // The daemon says how long a line may be.
    while true {
      if let payloadMax = client.statistics.payloadBytesMax {
        return try send(LineReader(descriptor: descriptor, lineBytesMax: payloadMax))
      }
      try client.poll(timeout: Self.tick)
      if let status = mustStop(isWaitingForInput: false) { return status }
    }
  }

  private mutating func send(_ reader: consuming LineReader) throws(ForebayError) -> ExitStatus {
    var inputStatus: ExitStatus?
    while true {
      var needsInput = false
      if inputStatus == nil {
        switch try submitLines(&reader) {
        case .queueFull: break
        case .needsInput: needsInput = true
        case .stop(let status):
          inputStatus = status
          isInputOver = true
        }
      }
      if let inputStatus, client.unansweredCount == 0 { return inputStatus }
      if needsInput, isReadable() {
        if !reader.fill() {
          problem = "can't read the input: \(String(cString: strerror(errno)))"
          inputStatus = .inputOutput
        }
        try client.poll(timeout: .zero)
      } else {
        try client.poll(timeout: Self.tick, orReadable: needsInput ? descriptor : nil)
      }
      if let status = mustStop(isWaitingForInput: needsInput) { return status }
    }
  }

  private enum Submitted {
    case queueFull, needsInput
    /// No more of the input is sent; this is how the input ended.
    case stop(ExitStatus)
  }

  private mutating func submitLines(
    _ reader: inout LineReader
  ) throws(ForebayError) -> Submitted {
    while true {
      switch reader.next() {
      case .line where reader.lineNumber < plan.options.firstNumber: continue
      case .line(let line):
        do throws(ForebayError) {
          guard try client.trySubmit(line.bytes, lane: plan.lane, ttl: plan.ttl) != nil else {
            reader.putBack()
            return .queueFull
          }
          bytes += line.count
        } catch {
          // A daemon that came back may take less than the one that we began with.
          guard error.code == .tooLarge else { throw error }
          return tooLong(reader.lineNumber)
        }
      case .needsInput: return .needsInput
      case .end: return .stop(.success)
      case .tooLong(let number): return tooLong(number)
      }
    }
  }

  private mutating func tooLong(_ line: Int) -> Submitted {
    problem = "line \(line) is longer than the daemon takes"
    return .stop(.badInput)
  }

  private func isReadable() -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  // MARK: Watching

  /// Counts what came, draws, and says whether to give up.
  private mutating func mustStop(isWaitingForInput: Bool) -> ExitStatus? {
    for report in client.takeReports() { tally.count(report) }
    let statistics = client.statistics
    let sent = Int(statistics.submitted) - statistics.queued
    progress.update(facts(sent: sent), statistics)
    tellProblem(statistics)
    if let status = Interrupts.status { return status }
    let isIdle = isWaitingForInput && client.unsettledCount == 0 && statistics.status == .ready
    guard patience.isOver(marker: sent + tally.settled, isIdle: isIdle) else { return nil }
    let waited = TimeText.seconds(plan.timeout)
    if statistics.payloadBytesMax == nil || statistics.status == .connecting {
      problem = statistics.lastProblem ?? "no answer from the daemon for \(waited) s"
      return .unavailable
    }
    problem = "no progress for \(waited) s"
    if let reason = statistics.windowReason { problem? += ": the window is shut, \(reason)" }
    return .timeout
  }

  private func facts(sent: Int) -> ProgressLine.Facts {
    var facts = ProgressLine.Facts(sent: sent, settled: tally.settled)
    let submitted = Int(client.statistics.submitted)
    if let size = plan.inputBytes, size > 0 {
      // By what is sent, not by what was read ahead; each line has its newline.
      let handedIn = Double(bytes + submitted) / Double(size)
      facts.fraction = min(1, handedIn * Double(sent) / Double(max(1, submitted)))
    }
    facts.isAllSent = isInputOver && sent == submitted
    return facts
  }

  /// A lost connection is worth a line, once: it explains the wait.
  private mutating func tellProblem(_ statistics: ClientStatistics) {
    guard let last = statistics.lastProblem, last != toldProblem else { return }
    toldProblem = last
    progress.clear()
    complain("\(last); trying again")
  }

  // MARK: Ending

  private consuming func finish(_ status: ExitStatus) -> SendSummary {
    let firstUnsettled = client.firstUnsettled
    let isAnswered = client.unansweredCount == 0
    let statistics = client.statistics
    for report in client.takeReports() { tally.count(report) }
    // Who stopped half-way may want to go on.
    let isWhole = status == .success || status == .bad
    let left = client.close(timeout: .zero, keepsSession: !isWhole)
    for report in client.takeReports() { tally.count(report) }
    progress.clear()
    var summary = SendSummary(
      status: status, messages: Int(statistics.submitted), bytes: bytes,
      elapsed: ContinuousClock.now - startedAt, tally: tally, statistics: statistics,
      session: client.session.description, firstUnsettled: firstUnsettled, problem: problem)
    if isAnswered, plan.options.receipt != .delivered {
      summary.atLevel = (plan.options.receipt, left.reduce(0) { $0 + $1.messages.count })
    }
    if status == .success, tally.bad > 0 { summary.status = .bad }
    return summary
  }

  private static func status(_ code: ForebayError.Code) -> ExitStatus {
    switch code {
    case .permission: return .noPermission
    case .protocolBroken: return .protocolBroken
    case .tooLarge: return .badInput
    case .timeout: return .timeout
    case .invalid: return .usage
    default: return .unavailable
    }
  }
}

/// Gives up when nothing has moved for too long.
struct Patience {
  let limit: Duration
  private var marker = -1
  private var since = ContinuousClock.now

  init(limit: Duration) { self.limit = limit }

  mutating func isOver(marker: Int, isIdle: Bool) -> Bool {
    let now = ContinuousClock.now
    if marker != self.marker || isIdle {
      self.marker = marker
      since = now
    }
    return now - since >= limit
  }
}
