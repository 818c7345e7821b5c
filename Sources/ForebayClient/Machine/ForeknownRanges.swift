import ForebayWire

/// What the daemon said about sequences that this process hasn't submitted yet.
///
/// It happens when a process continues a session that an earlier one began: the daemon lists what
/// became of the earlier one's messages, and this process will submit the same ones again.
struct ForeknownRanges: Equatable {
  /// In ascending order, without overlaps, none of them passed.
  private var ranges: [ReceiptRange] = []

  var count: Int { ranges.count }

  /// What is said first about a sequence stays. The caller keeps final outcomes and holdings in two
  /// lists, so that the final one can come later.
  mutating func insert(_ range: ReceiptRange) {
    var rest: ReceiptRange? = range
    while let fresh = rest {
      let place = index(endingAfter: fresh.first)
      guard place < ranges.endIndex else { return add(fresh, at: place) }
      let following = ranges[place]
      if let part = fresh.prefix(upTo: following.first) { add(part, at: place) }
      rest = fresh.suffix(from: following.end)
    }
  }

  private mutating func add(_ range: ReceiptRange, at place: Int) {
    if place > 0, ranges[place - 1].end == range.first,
      ranges[place - 1].hasSameVerdict(as: range),
      let sum = UInt32(exactly: UInt64(ranges[place - 1].count) + UInt64(range.count))
    {
      ranges[place - 1].count = sum
    } else {
      ranges.insert(range, at: place)
    }
  }

  /// The first range with a sequence from `sequence` on.
  private func index(endingAfter sequence: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].end > sequence { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The verdict on `sequence`. Asked in ascending order: what lies below is forgotten.
  mutating func take(_ sequence: UInt64) -> ReceiptRange? {
    while let first = ranges.first, first.end <= sequence { ranges.removeFirst() }
    guard let first = ranges.first, first.first <= sequence else { return nil }
    var one = first
    one.first = sequence
    one.count = 1
    return one
  }

  mutating func removeAll() { ranges.removeAll() }
}

extension ReceiptRange {
  /// The part from `sequence` on, if any.
  func suffix(from sequence: UInt64) -> ReceiptRange? {
    guard sequence < end else { return nil }
    guard sequence > first else { return self }
    var part = self
    part.first = sequence
    part.count = UInt32(end - sequence)
    return part
  }

  /// The part below `sequence`, if any.
  func prefix(upTo sequence: UInt64) -> ReceiptRange? {
    guard sequence > first else { return nil }
    guard sequence < end else { return self }
    var part = self
    part.count = UInt32(sequence - first)
    return part
  }
}
