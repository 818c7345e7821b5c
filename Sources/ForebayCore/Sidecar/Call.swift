package import ForebayWire

/// One operation of an upstream that takes batches: what the breaker counts.
struct Call {
  let route: UInt32
  /// The runs in the batch, in order of dispatch, chained.
  var first = none
  var last = none
  var messages = 0
  /// The breaker's leave; nil once the attempt's timeout was counted as its failure.
  var token: BreakerToken?
  let startedAt: Instant

  // The route's calls, oldest first.
  var next = none
  var previous = none
}

/// What an upstream says of a call.
package enum CallVerdict: Equatable, Sendable {
  case accepted
  /// It may work later.
  case failed(retryAfter: TimeSpan?)
  /// "Slow down": not a failure of the upstream, until a probe gets it.
  case throttled(retryAfter: TimeSpan?)
  /// These messages will never be taken; the upstream is healthy.
  case rejected(MessageCode)
}
