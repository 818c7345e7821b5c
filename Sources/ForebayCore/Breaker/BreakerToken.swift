/// Proof that the breaker let a call pass; its result is reported with it, exactly once.
///
/// A plain value of 16 bytes, to be kept beside the call. It names the generation it was given in:
/// once the breaker has moved on, the result still settles its messages but moves nothing here.
package struct BreakerToken: Equatable, Sendable {
  package let generation: UInt32
  /// Tells the probes of one half-open period apart, so that none is settled twice.
  let serial: UInt16
  package let isProbe: Bool
  package let startedAt: Instant

  /// The same permit for a call that began at another instant: a replay is told how long a call took
  /// when it is over.
  package func started(at instant: Instant) -> BreakerToken {
    BreakerToken(generation: generation, serial: serial, isProbe: isProbe, startedAt: instant)
  }
}

/// What became of one call to the upstream, in the breaker's eyes.
///
/// A call is what the upstream answers as one: a request, a whole batch, a connect. A lost
/// connection is *one* failure however many calls it took along: report `failure` for one of them
/// and `neutral` for the rest, or five messages in flight would be five consecutive failures.
package enum CallResult: Equatable, Sendable {
  /// The upstream is well. Refusing a message as bad for ever is a healthy answer too.
  case success
  /// It failed, timed out, or couldn't be reached; with what the upstream asked for, if it did.
  case failure(retryAfter: TimeSpan?)
  /// It said "too much" (HTTP 429 and the like). While closed that concerns the concurrency limit
  /// alone; to a probe, a single message, it is the answer "not yet": a failure.
  case throttled(retryAfter: TimeSpan?)
  /// It says nothing about the upstream: cancelled or expired before sending, refused locally.
  case neutral
}
