import ForebayWire

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

  /// The time in which so many messages come at this rate, rounded up; saturates.
  package func time(for messages: UInt64) -> TimeSpan {
    let product = messages.multipliedFullWidth(by: span.nanoseconds)
    guard product.high < self.messages else { return .nanoseconds(.max) }
    let (quotient, remainder) = self.messages.dividingFullWidth(product)
    return .nanoseconds(quotient) + .nanoseconds(remainder == 0 ? 0 : 1)
  }

  /// The time from one message to the next if only `percent` of them counted; `nil` at rate zero.
  package func interval(percent: UInt32) -> TimeSpan? {
    let (counted, overflow) = messages.multipliedReportingOverflow(by: UInt64(percent))
    return counted == 0 ? nil : (span * 100) / (overflow ? .max : counted)
  }
}
