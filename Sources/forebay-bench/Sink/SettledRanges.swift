import ForebayWire

/// The outcomes of one session's messages above its floor, as sorted ranges.
struct SettledRanges: Equatable, Sendable {
  private(set) var ranges: [ReceiptRange] = []

  mutating func insert(_ range: ReceiptRange) {
    guard let last = ranges.last else {
      ranges.append(range)
      return
    }
    if last.end == range.first, last.hasSameVerdict(as: range),
      range.count <= UInt32.max - last.count
    {
      ranges[ranges.count - 1].count += range.count
    } else if last.end <= range.first {
      ranges.append(range)
    } else {
      ranges.insert(range, at: firstIndex(endingAfter: range.first))
    }
  }

  mutating func removeAll(below floor: UInt64) {
    let keep = firstIndex(endingAfter: floor)
    if keep > 0 { ranges.removeSubrange(0..<keep) }
    if let first = ranges.first, first.first < floor {
      ranges[0].count -= UInt32(floor - first.first)
      ranges[0].first = floor
    }
  }

  /// Calls `body` with each part of `range` and its outcome, or nil where it isn't settled.
  func forEachPart(of range: Range<UInt64>, _ body: (Range<UInt64>, ReceiptRange?) -> Void) {
    var next = range.lowerBound
    var index = firstIndex(endingAfter: next)
    while next < range.upperBound {
      guard index < ranges.count, ranges[index].first < range.upperBound else {
        return body(next..<range.upperBound, nil)
      }
      let settled = ranges[index]
      if settled.first > next { body(next..<settled.first, nil) }
      let start = max(next, settled.first)
      next = min(settled.end, range.upperBound)
      body(start..<next, settled)
      index += 1
    }
  }

  private func firstIndex(endingAfter sequence: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].end <= sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
