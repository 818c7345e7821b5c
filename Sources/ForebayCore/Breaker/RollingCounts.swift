/// What the breaker counts while closed: calls and their results, and the messages offered.
package struct CallTally: Tally, Equatable {
  package var samples: UInt64 = 0
  package var failures: UInt64 = 0
  package var slow: UInt64 = 0
  package var offered: UInt64 = 0

  package init(
    samples: UInt64 = 0, failures: UInt64 = 0, slow: UInt64 = 0, offered: UInt64 = 0
  ) {
    self.samples = samples
    self.failures = failures
    self.slow = slow
    self.offered = offered
  }

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
