import ForebayCore
import ForebayWire

/// One connection's window: what the sink grants whenever it has settled something.
struct SinkCredit: Sendable {
  let windowMessages: UInt64
  let windowBytes: UInt64
  private(set) var receivedMessages: UInt64 = 0
  private(set) var receivedBytes: UInt64 = 0
  private var releasedMessages: UInt64 = 0
  private var releasedBytes: UInt64 = 0
  private var limitMessages: UInt64 = 0
  private var limitBytes: UInt64 = 0
  private var reclaimNumber: UInt32 = 0
  /// What the client was asked to go down to, until it answers.
  private var reclaiming: (messages: UInt64, bytes: UInt64)?

  init(windowMessages: UInt64, windowBytes: UInt64) {
    self.windowMessages = windowMessages
    self.windowBytes = windowBytes
  }

  var messagesLeft: UInt64 { limitMessages - receivedMessages }
  var bytesLeft: UInt64 { limitBytes - receivedBytes }

  mutating func charge(messages: Int, bytes: Int) {
    receivedMessages += UInt64(messages)
    receivedBytes += UInt64(bytes)
  }

  mutating func release(messages: Int, bytes: Int) {
    releasedMessages += UInt64(messages)
    releasedBytes += UInt64(bytes)
  }

  /// Raises the limits as far as the window allows and returns the frame to send, if the step is at
  /// least a quarter of the window or `isUrgent`.
  mutating func grant(isUrgent: Bool) -> Window? {
    guard reclaiming == nil else { return nil }
    let messages = releasedMessages + windowMessages
    let bytes = releasedBytes + windowBytes
    let isWorthIt =
      isUrgent || messages - min(messages, limitMessages) >= max(1, windowMessages / 4)
      || bytes - min(bytes, limitBytes) >= max(1, windowBytes / 4)
    guard isWorthIt else { return nil }
    limitMessages = max(limitMessages, messages)
    limitBytes = max(limitBytes, bytes)
    return window(state: .open, reason: .none, retryAfter: .zero)
  }

  /// The limits as they are, or as they will be once the client has answered a RECLAIM.
  func window(state: WindowState, reason: WindowReason, retryAfter: TimeSpan) -> Window {
    Window(
      limitBytes: reclaiming?.bytes ?? limitBytes,
      limitMessages: reclaiming?.messages ?? limitMessages,
      receivedBytes: receivedBytes, receivedMessages: receivedMessages,
      retryAfterMilliseconds: UInt32(clamping: retryAfter.millisecondsRoundedUp), state: state,
      reason: reason)
  }

  /// Asks for everything that the client hasn't used.
  mutating func reclaim() -> Reclaim {
    reclaimNumber += 1
    reclaiming = (receivedMessages, receivedBytes)
    return Reclaim(
      number: reclaimNumber, limitBytes: receivedBytes, limitMessages: receivedMessages)
  }

  mutating func reclaimed(number: UInt32) {
    guard number == reclaimNumber, let target = reclaiming else { return }
    limitMessages = max(target.messages, receivedMessages)
    limitBytes = max(target.bytes, receivedBytes)
    reclaiming = nil
  }
}
