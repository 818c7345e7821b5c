import ForebayWire

/// Numbers that a `RollingWindow` sums.
package protocol Tally: Sendable {
  static var zero: Self { get }
  static func += (a: inout Self, b: Self)
  static func -= (a: inout Self, b: Self)
}

/// What happened lately: ten buckets of equal length, of which the oldest is forgotten as a whole.
///
/// So the window reaches back between nine tenths of its span and all of it. Adding to it costs one
/// comparison while the current bucket lasts; nothing runs between events, and no history is kept.
package struct RollingWindow<Counts: Tally>: Sendable {
  /// Ten: forgetting then moves a rate by a tenth at most, for a third of a kilobyte.
  package static var bucketCount: Int { 10 }
  private static var pastCount: Int { bucketCount - 1 }

  /// The buckets before the current one, as a ring in which `next` is the oldest.
  private var past: InlineArray<9, Counts>
  private var next = 0
  private var pastSum: Counts = .zero
  private var current: Counts = .zero
  private var currentEnd: Instant
  private var startedAt: Instant
  private var bucketWidth: TimeSpan

  package init(span: TimeSpan, now: Instant) {
    bucketWidth = span / UInt64(Self.bucketCount)
    invariant(bucketWidth > .zero, "a rolling window spans at least one nanosecond a bucket")
    past = InlineArray(repeating: .zero)
    startedAt = now
    currentEnd = now + bucketWidth
  }

  package var span: TimeSpan { bucketWidth * UInt64(Self.bucketCount) }

  /// Everything in the window as of the last `advance(to:)`.
  package var sum: Counts {
    var sum = pastSum
    sum += current
    return sum
  }

  /// When the current bucket ends, and with it the oldest is forgotten.
  package var nextForgetting: Instant { currentEnd }

  @inline(__always)
  package mutating func add(_ counts: Counts, now: Instant) {
    if now >= currentEnd { rotate(now) }
    current += counts
  }

  @inline(__always)
  package mutating func advance(to now: Instant) {
    if now >= currentEnd { rotate(now) }
  }

  /// Forgets everything and starts anew.
  package mutating func restart(now: Instant) {
    past = InlineArray(repeating: .zero)
    next = 0
    pastSum = .zero
    current = .zero
    startedAt = now
    currentEnd = now + bucketWidth
  }

  /// Goes on with buckets of another length. What a bucket holds goes to where it ended; what is older
  /// than the new span is forgotten.
  package mutating func spanChanged(_ span: TimeSpan, now: Instant) {
    advance(to: now)
    var changed = Self(span: span, now: startedAt)
    guard changed.bucketWidth != bucketWidth else { return }
    let start = startedAt.nanoseconds
    for age in (1...Self.pastCount).reversed() {
      let back = bucketWidth.nanoseconds.multipliedReportingOverflow(by: UInt64(age))
      let end = currentEnd.nanoseconds
      guard !back.overflow, end > back.partialValue, end - back.partialValue > start else {
        continue
      }
      let bucket = past[(next + Self.pastCount - age) % Self.pastCount]
      changed.add(bucket, now: Instant(nanoseconds: end - back.partialValue - 1))
    }
    changed.add(current, now: now)
    self = changed
  }

  /// How much time `sum` covers: from one bucket (so that a burst just after the start isn't taken
  /// for a rate) to the whole span.
  package func covered(now: Instant) -> TimeSpan {
    let inCurrent = bucketWidth.nanoseconds - min(bucketWidth, currentEnd.since(now)).nanoseconds
    let reach = bucketWidth * UInt64(Self.pastCount) + .nanoseconds(inCurrent)
    return max(bucketWidth, min(reach, now.since(startedAt)))
  }

  @inline(never)
  private mutating func rotate(_ now: Instant) {
    // `distantFuture` ends no bucket: the sum that gives the next end would stop moving.
    guard now < .distantFuture else { return }
    let steps = now.since(currentEnd).nanoseconds / bucketWidth.nanoseconds + 1
    for _ in 0..<min(steps, UInt64(Self.bucketCount)) {
      pastSum -= past[next]
      pastSum += current
      past[next] = current
      current = .zero
      next = next == Self.pastCount - 1 ? 0 : next + 1
    }
    currentEnd = currentEnd + bucketWidth * steps
  }
}
