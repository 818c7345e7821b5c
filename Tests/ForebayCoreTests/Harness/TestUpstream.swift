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
  private var seen: Set<Key> = []

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
        if view.header.sequence != sequence || view.header.lane != stretch.lane {
          harness.problem("message \(sequence) came as \(view.header)")
        }
        if let sender = harness.senders[stretch.tag], !sender.isItsMessage(sequence, frame) {
          let expected = sender.ledger[sequence].frame(of: sender.session)
          let first = zip(expected, frame).enumerated().first { $1.0 != $1.1 }?.offset
          harness.problem(
            "message \(sequence) came with \(frame.count) bytes, \(expected.count) were sent, and "
              + "differs from \(first ?? -1) on")
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
    case .failed, .throttled: break
    }
    harness.callSettled(call.call, verdict)
  }

  private func accept(_ message: Delivery) {
    let key = Key(tag: message.tag, sequence: message.sequence)
    if refusesDuplicates, !seen.insert(key).inserted {
      harness.problem("message \(message.sequence) was delivered twice")
    }
    let flow = Flow(tag: message.tag, lane: message.lane)
    if isOrdered, refusesDuplicates, let before = last[flow], before >= message.sequence {
      harness.problem("message \(message.sequence) came after \(before)")
    }
    last[flow] = message.sequence
    accepted.append(message)
  }

  // MARK: Time

  /// In order: a call's answer never overtakes an earlier one's.
  var nextDeadline: Instant? { calls.first?.answersAt }

  func fire() {
    while let first = calls.first, let at = first.answersAt, at <= harness.now {
      calls.removeFirst()
      settle(first, first.verdict)
    }
  }
}
