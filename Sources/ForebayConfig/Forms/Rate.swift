package import ForebayCore

/// A rate limit as it is configured: so many messages a period, and what may come at once.
package struct Rate: Equatable, Sendable {
  /// Nil for no limit.
  package var allowed: Allowed?
  /// Nil for a tenth of a second's worth: short enough to look even, long enough to batch.
  package var burst: UInt64?

  package init(_ allowed: Allowed? = nil, burst: UInt64? = nil) {
    self.allowed = allowed
    self.burst = burst
  }

  package struct Allowed: Equatable, Sendable {
    package var messages: UInt64
    package var period: TimeSpan
    package init(_ messages: UInt64, per period: TimeSpan) {
      self.messages = messages
      self.period = period
    }

    private static let periods: [(String, TimeSpan)] = [
      ("/s", .seconds(1)), ("/m", .seconds(60)), ("/h", .seconds(3600)), ("", .seconds(1)),
    ]

    /// `500/s`, `30/m`, `10/h`, or a number a second.
    package init?(_ text: String) {
      guard let (suffix, period) = Self.periods.first(where: { text.hasSuffix($0.0) }),
        let messages = Quantity.number(String(text.dropLast(suffix.count)))
      else { return nil }
      self.init(messages, per: period)
    }

    package var text: String {
      "\(messages)" + (Self.periods.first { $0.1 == period }?.0 ?? "/s")
    }
  }

  /// What the core is told.
  package var limit: RateLimit? {
    guard let allowed else { return nil }
    let tenth = allowed.messages / max(1, allowed.period / .milliseconds(100))
    return RateLimit(messages: allowed.messages, per: allowed.period, burst: burst ?? max(1, tenth))
  }
}

extension TimeSpan {
  fileprivate static func / (a: TimeSpan, b: TimeSpan) -> UInt64 { a.nanoseconds / b.nanoseconds }
}
