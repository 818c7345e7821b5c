import ForebayWire

@testable import ForebayCore

/// An upstream that takes batches: it remembers what it was given and what it took, and answers as
/// the test says.
final class TestUpstream: TimedPart {
  struct Delivery: Equatable {
    let tag: ID128
    let sequence: UInt64
    let lane: UInt8
    let payloadBytes: Int
  }

  struct HeldCall {
    let call: UInt32
    let messages: [Delivery]
    var answersAt: Instant?
    var verdict = CallVerdict.accepted
  }

  enum Manner {
    /// Every call is accepted at once.
    case accept
    /// Calls wait until the test settles them.
    case hold
    case answer(CallVerdict)
    /// Decides for each call: the verdict and when it comes.
    case decide(([Delivery]) -> (CallVerdict, after: TimeSpan))
  }

  var manner = Manner.accept
  private(set) var calls: [HeldCall] = []
  /// Everything that was accepted, in order.
  private(set) var accepted: [Delivery] = []
  private(set) var rejected: [Delivery] = []
  /// Calls, as they came.
  private(set) var dispatched: [[Delivery]] = []
  private var last: [Flow: UInt64] = [:]
  private unowned var harness: SidecarHarness!
  private var route: UInt32 = 0
  /// Off where a client may send a message again that it never heard of.
  var refusesDuplicates = true
  var isOrdered = true
  var failsInOrder = false
  /// Answers come when they are due, whatever call came first.
  var overtakes = false
  /// An answer has come before an earlier call's.
  private(set) var hasOvertaken = false
  /// Messages that may come out of order, because a daemon before this one lost its memory.
  var isExcused: ((ID128, UInt64) -> Bool)?
  private var seen: Set<Key> = []
  /// Before then it wants to see nothing of these again.
  private var silences: [Key: Instant] = [:]

  private struct Flow: Hashable {
    let tag: ID128
    let lane: UInt8
  }
  private struct Key: Hashable {
    let tag: ID128
    let sequence: UInt64
  }

  func attach(to harness: SidecarHarness, route: UInt32) {
    self.harness = harness
    self.route = route
    harness.clock.join(self)
  }

  // MARK: The core's side

  func dispatch(_ call: UInt32) {
    let messages = copy(call)
    dispatched.append(messages)
    if messages.isEmpty { harness.problem("call \(call) is empty") }
    for message in messages where isTooEarly(message) {
      harness.problem("message \(message.sequence) came before its retry was due")
    }
    if harness.core.calls[call].token?.isProbe == true, messages.count != 1 {
      harness.problem("a probe has \(messages.count) messages")
    }
    switch manner {
    case .accept:
      // Never before an earlier one.
      if calls.isEmpty {
        settle(HeldCall(call: call, messages: messages), .accepted)
      } else {
        calls.append(HeldCall(call: call, messages: messages, answersAt: harness.now))
      }
    case .hold: calls.append(HeldCall(call: call, messages: messages))
    case .answer(let verdict): settle(HeldCall(call: call, messages: messages), verdict)
    case .decide(let decide):
      let (verdict, after) = decide(messages)
      calls.append(
        HeldCall(
          call: call, messages: messages, answersAt: harness.now + after, verdict: verdict))
    }
  }

  private func copy(_ call: UInt32) -> [Delivery] {
    var messages: [Delivery] = []
    harness.core.eachStretch(ofCall: call) { stretch in
      var offset = 0
      for index in 0..<stretch.count {
        let view = DataFrameView(stretch.bytes.baseAddress! + offset)
        let sequence = stretch.firstSequence + UInt64(index)
        let frame = UnsafeRawBufferPointer(
          rebasing: stretch.bytes[offset..<(offset + view.byteCount)])
        if view.header.sequence != sequence {
          harness.problem("message \(sequence) came as \(view.header)")
        }
        if let sender = harness.senders[stretch.tag] {
          if !sender.isItsMessage(sequence, frame) {
            let expected = sender.ledger[sequence].frame(of: sender.session)
            let first = zip(expected, frame).enumerated().first { $1.0 != $1.1 }?.offset
            harness.problem(
              "message \(sequence) came with \(frame.count) bytes, \(expected.count) were sent, and "
                + "differs from \(first ?? -1) on")
          }
          if view.header.lane != stretch.lane {
            harness.problem("message \(sequence) changed lanes")
          }
        }
        messages.append(
          Delivery(
            tag: stretch.tag, sequence: sequence, lane: stretch.lane,
            payloadBytes: view.payload.count))
        offset += view.byteCount
      }
      if offset != stretch.bytes.count { harness.problem("a stretch has bytes of no frame") }
    }
    return messages
  }

  // MARK: Answers

  /// Answers the oldest call.
  func settleNext(_ verdict: CallVerdict) {
    guard !calls.isEmpty else { return harness.problem("no call is out") }
    settle(calls.removeFirst(), verdict)
  }

  func settleAll(_ verdict: CallVerdict) {
    while !calls.isEmpty { settleNext(verdict) }
  }

  private func settle(_ call: HeldCall, _ verdict: CallVerdict) {
    switch verdict {
    case .accepted: for message in call.messages { accept(message) }
    case .rejected: rejected += call.messages
    case .refused where call.messages.count == 1: rejected += call.messages
    case .failed(let after), .throttled(let after): askForSilence(call.messages, after)
    case .refused, .returned, .unknown: break
    }
    harness.callSettled(call.call, verdict)
  }

  private func askForSilence(_ messages: [Delivery], _ span: TimeSpan?) {
    guard let span else { return }
    for message in messages {
      silences[Key(tag: message.tag, sequence: message.sequence)] = harness.now + span
    }
  }

  private func isTooEarly(_ message: Delivery) -> Bool {
    let until = silences.removeValue(forKey: Key(tag: message.tag, sequence: message.sequence))
    return until.map { harness.now < $0 } ?? false
  }

  /// Rejects one message of the oldest call, and has the others come again.
  func rejectInNext(_ place: Int, _ code: MessageCode) {
    let call = calls.removeFirst()
    rejected.append(call.messages[place])
    harness.messagesSettled(call.call, place..<(place + 1), .rejected(code))
    harness.callSettled(call.call, .returned)
  }

  /// Takes some messages of the oldest call, which stays out with the rest.
  func acceptInNext(_ messages: Range<Int>) {
    for message in calls[0].messages[messages] { accept(message) }
    harness.messagesSettled(calls[0].call, messages, .accepted)
  }

  /// Fails the oldest call, of which some messages may be settled.
  func loseHeld() { harness.callSettled(calls.removeFirst().call, .unknown) }

  // MARK: The connection

  /// Connects succeed at once, or fail at once.
  var acceptsConnects = true
  private(set) var connects = 0
  private(set) var isConnected = false

  func connect() {
    connects += 1
    if !hangsConnects { connectsAt = harness.now }
  }
  var hangsConnects = false
  private var connectsAt: Instant?

  /// All that is out is lost with it.
  func loseConnection(retryAfter: TimeSpan? = nil, isThrottle: Bool = false) {
    isConnected = false
    connectsAt = nil
    harness.upstreamCloses(route, retryAfter: retryAfter, isThrottle: isThrottle)
  }

  /// Also what was dispatched before the core heard of it.
  func callsAreLost() {
    for call in calls { harness.watch?.willLose(call.call) }
    calls = []
  }

  private func connectEnds() {
    connectsAt = nil
    guard acceptsConnects else { return loseConnection() }
    isConnected = true
    harness.upstreamConnected(route)
  }

  private func accept(_ message: Delivery) {
    accepted.append(message)
    // Whoever breaks the protocol may number its messages as it likes.
    guard harness.senders[message.tag] != nil else { return }
    let key = Key(tag: message.tag, sequence: message.sequence)
    if refusesDuplicates, !seen.insert(key).inserted {
      harness.problem("message \(message.sequence) was delivered twice")
    }
    if isExcused?(message.tag, message.sequence) == true { return }
    let flow = Flow(tag: message.tag, lane: message.lane)
    if isOrdered, refusesDuplicates, let before = last[flow], before >= message.sequence {
      harness.problem("message \(message.sequence) came after \(before)")
    }
    last[flow] = message.sequence
  }

  func hasAccepted(_ tag: ID128, _ sequence: UInt64) -> Bool {
    seen.contains(Key(tag: tag, sequence: sequence))
  }

  /// A failed call fails all that came after it.
  private func failLater(than verdict: CallVerdict) {
    switch verdict {
    case .accepted, .rejected: return
    case .failed, .throttled, .refused, .returned, .unknown: break
    }
    for index in calls.indices {
      calls[index].verdict = .failed(retryAfter: nil)
      calls[index].answersAt = harness.now
    }
  }

  // MARK: Time

  /// In order, a call's answer never overtakes an earlier one's.
  var nextDeadline: Instant? {
    let answer = nextToAnswer.flatMap { calls[$0].answersAt } ?? .distantFuture
    let next = min(answer, connectsAt ?? .distantFuture)
    return next == .distantFuture ? nil : next
  }

  private var nextToAnswer: Int? {
    guard overtakes else { return calls.isEmpty ? nil : 0 }
    var next: Int?
    for (index, call) in calls.enumerated() {
      guard let at = call.answersAt else { continue }
      if at < next.flatMap({ calls[$0].answersAt }) ?? .distantFuture { next = index }
    }
    return next
  }

  func fire() {
    if let at = connectsAt, at <= harness.now { connectEnds() }
    while let next = nextToAnswer, let at = calls[next].answersAt, at <= harness.now {
      if next > 0 { hasOvertaken = true }
      let call = calls.remove(at: next)
      if failsInOrder { failLater(than: call.verdict) }
      settle(call, call.verdict)
    }
  }

  /// Calls that are out are answered at once, by another verdict if one is given.
  func hurry(_ verdict: CallVerdict? = nil) {
    for index in calls.indices {
      calls[index].answersAt = harness.now
      if let verdict { calls[index].verdict = verdict }
    }
  }
}
