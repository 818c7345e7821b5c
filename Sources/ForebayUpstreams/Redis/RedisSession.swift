import ForebayCore
import ForebayWire

/// One connection to a Redis server, without its socket: what it is sent is put into `output`, what it
/// answers comes in by `received`, what that means goes out as events.
///
///     greeting: AUTH, SELECT, CLIENT SETNAME, PING ─▶ ready ─▶ calls, answered in their order
///
/// **A call is a transaction** (MULTI, its XADDs, EXEC), so that it is taken as a whole or not at all:
/// with plain pipelining a server whose memory is full for a moment would take what comes after a message
/// that it refused. Calls of one message, and those of routes without order, go without.
struct RedisSession: ~Copyable {
  enum Phase: Equatable {
    /// So many answers of the greeting are left. Can transition to: ready, over.
    case greeting(left: Int)
    /// Can transition to: over.
    case ready
    case over
  }

  private(set) var phase = Phase.over
  private let options: RedisOptions
  private let encoder: RedisEncoder
  private let isOrdered: Bool
  /// In the order in which they were sent; `head` is the one that is being answered.
  private var calls: [Pending] = []
  private var head = 0
  /// What came and isn't whole.
  private var stash: [UInt8] = []
  /// Poured out by whoever called.
  private var events: [SessionEvent] = []
  /// The last complaint that was told, so that a thousand of one kind are one line.
  private var told: RedisComplaint?

  /// A call that waits for answers.
  private struct Pending {
    let call: UInt32
    let messages: Int
    let isTransaction: Bool
    /// Answers so far: of a transaction MULTI, each XADD, EXEC and its elements.
    var answers = 0
    /// The first complaint that isn't a message's own.
    var complaint: RedisComplaint?
    var hasRejected = false
    /// Messages in a row that are taken and not yet told.
    var taken = 0..<0
    /// The array that EXEC answered with has begun.
    var isExecuted = false
  }

  init(_ options: RedisOptions, route: String, isOrdered: Bool) {
    self.options = options
    self.isOrdered = isOrdered
    encoder = RedisEncoder(options, route: route)
    calls.reserveCapacity(RedisUpstream.callsMax)
  }

  mutating func takeEvents(_ empty: inout [SessionEvent]) { swap(&events, &empty) }

  // MARK: Sending

  /// The connection is open: says who we are.
  mutating func opened(_ output: inout OutputQueue) {
    calls.removeAll(keepingCapacity: true)
    head = 0
    stash.removeAll(keepingCapacity: true)
    var count = 2
    if let password = options.password {
      RedisEncoder.command(["AUTH"] + (options.user.map { [$0] } ?? []) + [password], to: &output)
      count += 1
    }
    if options.database > 0 {
      RedisEncoder.command(["SELECT", "\(options.database)"], to: &output)
      count += 1
    }
    RedisEncoder.command(["CLIENT", "SETNAME", "forebayd"], to: &output)
    // Any command would be told that it is loading, or wants a password.
    RedisEncoder.command(["PING"], to: &output)
    phase = .greeting(left: count)
  }

  /// Appends a call's messages.
  mutating func dispatch(_ call: UInt32, _ core: borrowing Sidecar, _ output: inout OutputQueue) {
    invariant(phase == .ready, "calls come when the server is ready")
    let messages = core.messageCount(ofCall: call)
    let isTransaction = isOrdered && messages > 1
    if isTransaction { Self.append(Self.multi, to: &output) }
    // A closure may not capture what is inout; the core calls it at once and keeps nothing.
    withUnsafeMutablePointer(to: &output) { output in
      core.eachStretch(ofCall: call) { encoder.encode($0, to: &output.pointee) }
    }
    if isTransaction { Self.append(Self.exec, to: &output) }
    sent(call, messages: messages)
  }

  /// A call is written: its answers come behind those of the calls before it.
  mutating func sent(_ call: UInt32, messages: Int) {
    calls.append(
      Pending(call: call, messages: messages, isTransaction: isOrdered && messages > 1))
  }

  private static let multi = RedisEncoder.whole(["MULTI"])
  private static let exec = RedisEncoder.whole(["EXEC"])

  private static func append(_ bytes: [UInt8], to output: inout OutputQueue) {
    bytes.withUnsafeBytes { output.append($0) }
  }

  mutating func closed() {
    phase = .over
    calls.removeAll(keepingCapacity: true)
    head = 0
    stash.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }

  // MARK: Receiving

  mutating func received(_ bytes: UnsafeRawBufferPointer) {
    guard !stash.isEmpty else { return read(bytes) }
    stash.append(contentsOf: bytes)
    let whole = stash
    stash.removeAll(keepingCapacity: true)
    whole.withUnsafeBytes { read($0) }
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) {
    var place = 0
    while place < bytes.count, phase != .over {
      switch RESPReader.read(bytes, at: place) {
      case .partial:
        stash.append(contentsOf: bytes[place...])
        tellTaken()
        return forgetAnswered()
      case .garbage(let what):
        return close("it sent \(what): this is no Redis server", isThrottle: false)
      case .token(let token, let next):
        place = next
        switch phase {
        case .greeting(let left): greeted(token, left: left, bytes)
        case .ready: answered(token, bytes)
        case .over: break
        }
      }
    }
    tellTaken()
    forgetAnswered()
  }

  /// The last event: what is out and not told is nobody's any more once the connection is closed.
  private mutating func close(_ reason: String, isThrottle: Bool) {
    tellTaken()
    phase = .over
    events.append(.close(reason, isThrottle: isThrottle))
  }

  private mutating func greeted(
    _ token: RESPReader.Token, left: Int, _ bytes: UnsafeRawBufferPointer
  ) {
    if case .error(let range) = token {
      let complaint = RedisComplaint(Self.text(bytes, range))
      // An ACL that forbids CLIENT SETNAME forbids nothing that matters.
      let isName = left == 2 && complaint.text.hasPrefix("NOPERM")
      if !isName {
        complain(complaint)
        return close(
          "it refuses us: \(complaint.text)", isThrottle: complaint.meaning == .throttled)
      }
    }
    guard left > 1 else {
      phase = .ready
      return events.append(.ready)
    }
    phase = .greeting(left: left - 1)
  }

  private mutating func answered(_ token: RESPReader.Token, _ bytes: UnsafeRawBufferPointer) {
    guard head < calls.count else {
      // A server that is shutting down, or cuts a slow client off, says so before it closes.
      var what = "an answer that nothing was asked for"
      if case .error(let range) = token { what = Self.text(bytes, range) }
      return close(what, isThrottle: false)
    }
    if calls[head].isTransaction {
      transactionAnswered(token, bytes)
    } else {
      commandAnswered(token, bytes)
    }
  }

  /// One XADD by itself.
  private mutating func commandAnswered(_ token: RESPReader.Token, _ bytes: UnsafeRawBufferPointer)
  {
    let index = calls[head].answers
    calls[head].answers += 1
    take(token, of: index, bytes)
    if phase == .ready, calls[head].answers == calls[head].messages { settle() }
  }

  private mutating func transactionAnswered(
    _ token: RESPReader.Token, _ bytes: UnsafeRawBufferPointer
  ) {
    let place = calls[head].answers
    let messages = calls[head].messages
    calls[head].answers += 1
    if calls[head].isExecuted {
      take(token, of: place - messages - 2, bytes)
      if phase == .ready, calls[head].answers == 2 * messages + 2 { settle() }
    } else if place == messages + 1 {
      executed(token, bytes)
    } else if case .error(let range) = token {
      queueingFailed(RedisComplaint(Self.text(bytes, range)), message: place - 1)
    }
  }

  /// A command of the transaction wasn't taken into its queue: EXEC will refuse all of it.
  private mutating func queueingFailed(_ complaint: RedisComplaint, message: Int) {
    if complaint.meaning == .rejected, message >= 0 {
      reject(message, complaint)
    } else if calls[head].complaint == nil {
      calls[head].complaint = complaint
    }
  }

  private mutating func executed(_ token: RESPReader.Token, _ bytes: UnsafeRawBufferPointer) {
    switch token {
    // One that refused a command and executes the others is none that we know: what it took is open.
    case .array(let count)
    where count == calls[head].messages && !calls[head].hasRejected && calls[head].complaint == nil:
      calls[head].isExecuted = true
    case .error(let range):
      let complaint = RedisComplaint(Self.text(bytes, range))
      // EXECABORT only says that there was a complaint before.
      let isAbort = complaint.text.hasPrefix("EXECABORT")
      if calls[head].complaint == nil, !(isAbort && calls[head].hasRejected) {
        calls[head].complaint = complaint
      }
      settle()
    case .array, .simple, .integer, .bulk, .null:
      close("it answered EXEC with something else than its commands' answers", isThrottle: false)
    }
  }

  /// The answer to the message at `index` of the call.
  private mutating func take(
    _ token: RESPReader.Token, of index: Int, _ bytes: UnsafeRawBufferPointer
  ) {
    switch token {
    case .bulk:
      if calls[head].taken.upperBound == index {
        calls[head].taken = calls[head].taken.lowerBound..<(index + 1)
      } else {
        tellTaken()
        calls[head].taken = index..<(index + 1)
      }
    case .error(let range):
      let complaint = RedisComplaint(Self.text(bytes, range))
      if complaint.meaning == .rejected {
        reject(index, complaint)
      } else if calls[head].complaint == nil {
        calls[head].complaint = complaint
      }
    case .simple, .integer, .array, .null:
      close("it answered XADD with something else than an entry's id", isThrottle: false)
    }
  }

  private mutating func reject(_ index: Int, _ complaint: RedisComplaint) {
    complain(complaint)
    calls[head].hasRejected = true
    events.append(
      .messages(call: calls[head].call, index..<(index + 1), .rejected(RedisComplaint.tooLarge)))
  }

  /// What was taken of a call that isn't answered to its end is told when there is nothing more to read.
  private mutating func tellTaken() {
    guard phase == .ready, head < calls.count, !calls[head].taken.isEmpty else { return }
    events.append(.messages(call: calls[head].call, calls[head].taken, .accepted))
    calls[head].taken = calls[head].taken.upperBound..<calls[head].taken.upperBound
  }

  /// All answers of the call are in.
  private mutating func settle() {
    let call = calls[head]
    let verdict: CallVerdict
    var closes: RedisComplaint?
    switch call.complaint?.meaning {
    case nil: verdict = call.isTransaction && !call.isExecuted ? .returned : .accepted
    case .throttled: verdict = .throttled(retryAfter: nil)
    case .failed, .rejected: verdict = .failed(retryAfter: nil)
    case .failedHere:
      verdict = .failed(retryAfter: nil)
      closes = call.complaint
    }
    // What was taken of a call is settled by itself where the rest has another verdict.
    if verdict != .accepted { tellTaken() }
    head += 1
    if let complaint = call.complaint { complain(complaint) } else { told = nil }
    events.append(.call(call.call, verdict))
    if let closes { close("it can't serve us: \(closes.text)", isThrottle: false) }
  }

  private mutating func complain(_ complaint: RedisComplaint) {
    guard complaint != told else { return }
    told = complaint
    events.append(.noticed(complaint.said(by: "redis"), isProblem: true))
  }

  private mutating func forgetAnswered() {
    if head == calls.count {
      calls.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= RedisUpstream.callsMax {
      calls.removeFirst(head)
      head = 0
    }
  }

  private static func text(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
    String(decoding: bytes[range].prefix(200), as: UTF8.self)
  }
}

extension RedisEncoder {
  static func whole(_ words: [String]) -> [UInt8] {
    Array("*\(words.count)\r\n".utf8) + words.flatMap(bulk)
  }
}
