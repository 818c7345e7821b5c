/// What one client has sent and what became of it: every message must get exactly one final
/// outcome.
struct OutcomeLedger: Equatable, Sendable {
  /// The lowest sequence without a final outcome.
  private(set) var floor: UInt64 = 1
  /// The first sequence that was never sent.
  private(set) var sentEnd: UInt64 = 1
  /// Final outcomes above the floor: those that came out of order.
  private(set) var settledAbove = SequenceSet()
  private(set) var outstanding: UInt64 = 0

  /// What was sent and has no final outcome, in order.
  var unsettled: [Range<UInt64>] {
    var ranges: [Range<UInt64>] = []
    var start = floor
    for settled in settledAbove.ranges {
      if start < settled.lowerBound { ranges.append(start..<settled.lowerBound) }
      start = settled.upperBound
    }
    if start < sentEnd { ranges.append(start..<sentEnd) }
    return ranges
  }

  enum OnSettled: Equatable {
    case settled(UInt64)
    /// Of the range, `settled` were waiting, `repeated` had an outcome already and `unknown` were
    /// never sent.
    case partly(settled: UInt64, repeated: UInt64, unknown: UInt64)
  }

  mutating func sent(_ count: Int) {
    sentEnd += UInt64(count)
    outstanding += UInt64(count)
  }

  mutating func settled(_ range: Range<UInt64>) -> OnSettled {
    if range.lowerBound == floor, range.upperBound <= sentEnd, settledAbove.isEmpty {
      floor = range.upperBound
      outstanding -= UInt64(range.count)
      return .settled(UInt64(range.count))
    }
    let known = range.clamped(to: floor..<sentEnd)
    let unknown = UInt64(range.clamped(to: max(sentEnd, range.lowerBound)..<UInt64.max).count)
    let below = UInt64(range.count) - UInt64(known.count) - unknown
    let repeated = settledAbove.insert(known) + below
    let settled = UInt64(range.count) - repeated - unknown
    outstanding -= settled
    if let first = settledAbove.ranges.first, first.lowerBound == floor {
      floor = first.upperBound
      settledAbove.removeAll(below: floor)
    }
    return repeated == 0 && unknown == 0
      ? .settled(settled) : .partly(settled: settled, repeated: repeated, unknown: unknown)
  }
}
