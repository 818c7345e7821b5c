import ForebayWire

/// Which of one origin's messages have arrived, and whether each lane's came in order.
struct ArrivalLedger: Sendable {
  private(set) var arrived = SequenceSet()
  private var highest = [UInt64](repeating: 0, count: WireLimits.lanesMax)

  struct Anomalies: Equatable, Sendable {
    /// Had arrived before.
    var repeated: UInt64 = 0
    /// Were new, but a later one of their lane had come before them.
    var outOfOrder: UInt64 = 0
  }

  mutating func arrived(_ range: Range<UInt64>, lane: UInt8) -> Anomalies {
    let repeated = arrived.insert(range)
    let lane = Int(lane)
    if range.lowerBound > highest[lane] {
      highest[lane] = range.upperBound - 1
      return Anomalies(repeated: repeated)
    }
    // Gaps are legal, so a number below the highest is late only if it is new.
    let late = UInt64(range.clamped(to: 0..<(highest[lane] + 1)).count)
    highest[lane] = max(highest[lane], range.upperBound - 1)
    return Anomalies(repeated: repeated, outOfOrder: late > repeated ? late - repeated : 0)
  }
}
