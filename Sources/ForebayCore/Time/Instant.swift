/// A point in monotonic time, in nanoseconds since some start that only the shell knows.
///
/// The core never reads a clock: every event brings its instant.
package struct Instant: Comparable, Hashable, Sendable {
  package var nanoseconds: UInt64
  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  package static let distantFuture = Instant(nanoseconds: .max)

  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Saturates at `distantFuture`.
  package static func + (a: Instant, b: TimeSpan) -> Instant {
    let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// The time since `earlier`; zero if it lies ahead, since clocks of two processors may differ.
  package func since(_ earlier: Instant) -> TimeSpan {
    TimeSpan(nanoseconds: nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0)
  }
}

/// A length of time, never negative, in nanoseconds.
package struct TimeSpan: Comparable, Hashable, Sendable {
  package var nanoseconds: UInt64
  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  package static let zero = TimeSpan(nanoseconds: 0)
  package static func nanoseconds(_ count: UInt64) -> TimeSpan { TimeSpan(nanoseconds: count) }
  package static func microseconds(_ count: UInt64) -> TimeSpan {
    TimeSpan(nanoseconds: saturating(count, 1_000))
  }
  package static func milliseconds(_ count: UInt64) -> TimeSpan {
    TimeSpan(nanoseconds: saturating(count, 1_000_000))
  }
  package static func seconds(_ count: UInt64) -> TimeSpan {
    TimeSpan(nanoseconds: saturating(count, 1_000_000_000))
  }

  /// Whole milliseconds, rounded up, so that a wait is never announced shorter than it is.
  package var millisecondsRoundedUp: UInt64 {
    nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1)
  }

  package static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.nanoseconds < b.nanoseconds }
  package static func + (a: TimeSpan, b: TimeSpan) -> TimeSpan {
    let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
    return TimeSpan(nanoseconds: overflow ? .max : sum)
  }
  package static func * (a: TimeSpan, factor: UInt64) -> TimeSpan {
    TimeSpan(nanoseconds: saturating(a.nanoseconds, factor))
  }
  package static func / (a: TimeSpan, divisor: UInt64) -> TimeSpan {
    TimeSpan(nanoseconds: a.nanoseconds / divisor)
  }

  private static func saturating(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? .max : product
  }
}
