import ForebayWire

/// What the breaker counts while closed: calls and their results, and the messages offered.
package struct CallTally: Tally, Equatable {
  package var samples: UInt64 = 0
  package var failures: UInt64 = 0
  package var slow: UInt64 = 0
  package var offered: UInt64 = 0

  package static let zero = CallTally()
  package static func += (a: inout CallTally, b: CallTally) {
    a.samples &+= b.samples
    a.failures &+= b.failures
    a.slow &+= b.slow
    a.offered &+= b.offered
  }
  package static func -= (a: inout CallTally, b: CallTally) {
    a.samples &-= b.samples
    a.failures &-= b.failures
    a.slow &-= b.slow
    a.offered &-= b.offered
  }
}

/// The breaker's rolling window: ten buckets of calls, failures, slow calls and offered messages.
package typealias RollingCounts = RollingWindow<CallTally>

extension RollingCounts {
  /// Whether the calls in the window, if enough, failed at this rate or were slow at that one.
  func tripReason(_ settings: BreakerSettings) -> BreakerReport.OpenReason? {
    let sum = self.sum
    guard sum.samples >= UInt64(settings.minimumSamples) else { return nil }
    if let percent = settings.failureRatePercent,
      sum.failures * 100 >= sum.samples * UInt64(percent)
    {
      return .failureRate
    }
    let isSlow = sum.slow * 100 >= sum.samples * UInt64(settings.slowRatePercent)
    return isSlow ? .slowRate : nil
  }
}

/// So many messages in so much time, kept as the two numbers so that nothing is rounded away.
package struct OfferedRate: Comparable, Sendable {
  package let messages: UInt64
  package let span: TimeSpan

  /// `span` must be longer than zero.
  package init(messages: UInt64, span: TimeSpan) {
    invariant(span > .zero, "a rate is over some time")
    self.messages = messages
    self.span = span
  }

  package static let zero = OfferedRate(messages: 0, span: .seconds(1))

  package static func == (a: OfferedRate, b: OfferedRate) -> Bool { !(a < b) && !(b < a) }
  package static func < (a: OfferedRate, b: OfferedRate) -> Bool {
    a.messages.multipliedFullWidth(by: b.span.nanoseconds)
      < b.messages.multipliedFullWidth(by: a.span.nanoseconds)
  }

  /// The messages that come at this rate in `time`, rounded down; saturates.
  package func messages(in time: TimeSpan) -> UInt64 {
    let product = messages.multipliedFullWidth(by: time.nanoseconds)
    // A quotient that doesn't fit is the one case in which the division would trap.
    guard product.high < span.nanoseconds else { return .max }
    return span.nanoseconds.dividingFullWidth(product).quotient
  }

  /// The time from one message to the next if only `percent` of them counted; `nil` at rate zero.
  package func interval(percent: UInt32) -> TimeSpan? {
    let (counted, overflow) = messages.multipliedReportingOverflow(by: UInt64(percent))
    return counted == 0 ? nil : (span * 100) / (overflow ? .max : counted)
  }
}
