import ForebayWire

/// A token bucket without a timer: the generic cell rate algorithm in its leaky-bucket form.
///
/// It holds one number, the *debt*: the time it takes until the bucket is full again. Taking a token
/// adds the time in which one token flows in; time passing takes debt away. The unit of debt is the
/// nanosecond divided by `limit.messages`. In it a token is a whole number (the period's
/// nanoseconds), and so is a nanosecond: nothing is ever rounded, so no fraction of the rate is lost
/// however often the limiter is asked. Only a wait is rounded, up.
///
/// Ask it last, after every other check: a token taken for nothing is lost unless refunded.
package struct RateLimiter: Sendable {
  package private(set) var limit: RateLimit
  private var debt: UInt64 = 0
  /// The instant at which `debt` was right. Never goes back, even if a clock does.
  private var asOf: Instant

  /// With a full bucket. `limit` must be valid.
  package init(_ limit: RateLimit, now: Instant) {
    let problems = limit.validate()
    invariant(problems.isEmpty, "rate limits are validated at start: \(problems)")
    self.limit = limit
    asOf = now
  }

  package enum TokenWait: Equatable, Sendable {
    /// Enough tokens are there.
    case none
    /// Enough will be there after this time, if nobody takes any before.
    case atLeast(TimeSpan)
    /// More than the bucket ever holds: waiting doesn't help, refuse.
    case forever
  }

  /// How long to wait until `count` tokens can be taken. Takes none.
  package func wait(for count: Int, now: Instant) -> TokenWait {
    wait(for: count, debt: debt(now))
  }

  /// Takes `count` tokens if they are there (`none`), else none of them.
  package mutating func take(_ count: Int, now: Instant) -> TokenWait {
    debt = debt(now)
    asOf = max(asOf, now)
    let wait = wait(for: count, debt: debt)
    if case .none = wait { debt += cost(count) }
    if planted(.limiterRefundsWhatItTakes) { refund(count) }
    return wait
  }

  /// Gives back tokens that were taken and not used. The bucket never holds more than the burst.
  package mutating func refund(_ count: Int) {
    let (cost, overflow) = UInt64(max(0, count)).multipliedReportingOverflow(
      by: limit.period.nanoseconds)
    debt -= min(debt, overflow ? .max : cost)
  }

  /// How many tokens could be taken now: what fits of a batch.
  package func available(now: Instant) -> Int {
    Int((capacity - debt(now)) / limit.period.nanoseconds)
  }

  /// Goes on with a new limit. Tokens taken stay taken; a smaller burst is an empty bucket at worst.
  package mutating func limitChanged(_ next: RateLimit, now: Instant) {
    var changed = RateLimiter(next, now: max(asOf, now))
    let tokens = debt(now).multipliedFullWidth(by: next.period.nanoseconds)
    if tokens.high < limit.period.nanoseconds {
      let (quotient, remainder) = limit.period.nanoseconds.dividingFullWidth(tokens)
      changed.debt = min(changed.capacity, quotient)
      if remainder > 0, changed.debt < changed.capacity { changed.debt += 1 }
    } else {
      changed.debt = changed.capacity
    }
    self = changed
  }

  private var capacity: UInt64 { limit.burst * limit.period.nanoseconds }

  /// Only for counts up to the burst, for which it can't overflow.
  private func cost(_ count: Int) -> UInt64 { UInt64(count) * limit.period.nanoseconds }

  private func debt(_ now: Instant) -> UInt64 {
    let (repaid, overflow) = now.since(asOf).nanoseconds.multipliedReportingOverflow(
      by: limit.messages)
    return overflow || repaid >= debt ? 0 : debt - repaid
  }

  private func wait(for count: Int, debt: UInt64) -> TokenWait {
    guard count > 0 else { return .none }
    guard UInt64(count) <= limit.burst else { return .forever }
    let room = capacity - debt
    let cost = cost(count)
    guard cost > room else { return .none }
    return .atLeast(.nanoseconds((cost - room - 1) / limit.messages + 1))
  }
}

extension RateLimiter? {
  /// Goes on with a new limit, or without one. A limit where there was none starts with a full bucket.
  mutating func limitChanged(_ limit: RateLimit?, now: Instant) {
    guard let limit else { return self = nil }
    if self == nil {
      self = RateLimiter(limit, now: now)
    } else {
      self!.limitChanged(limit, now: now)
    }
  }
}
