package import ForebayWire

/// One operation of an upstream that takes batches: what the breaker counts.
struct Call {
  let route: UInt32
  /// The runs in the batch, in order of dispatch, chained.
  var first = none
  var last = none
  /// As many as were dispatched; some may be settled by now.
  var messages = 0
  /// The breaker's leave; nil once the attempt's timeout was counted as its failure.
  var token: BreakerToken?
  var startedAt: Instant

  // The route's calls, oldest first.
  var next = none
  var previous = none
}

/// What an upstream says of a call: of all its messages that aren't settled yet.
package enum CallVerdict: Equatable, Sendable {
  case accepted
  /// It may work later. None of the messages was taken.
  case failed(retryAfter: TimeSpan?)
  /// Nobody knows whether they were taken: they were sent, and no answer will come.
  case unknown
  /// "Slow down": not a failure of the upstream, until a probe gets it. None was taken. The whole route
  /// waits, and then begins with less in flight.
  case throttled(retryAfter: TimeSpan?)
  /// Each of these messages will never be taken; the upstream is healthy.
  case rejected(MessageCode)
  /// Something in the batch will never be taken, and the upstream doesn't say what. None was taken. They
  /// go again in halves until the poison is alone, which is then rejected with this code.
  case refused(MessageCode)
  /// They weren't taken, only because others of the call were rejected: they go again at once. Where
  /// none was rejected it counts as `failed`.
  case returned
}

/// What an upstream says of single messages while it still works on their call.
package enum MessageVerdict: Equatable, Sendable {
  case accepted
  case rejected(MessageCode)
}
