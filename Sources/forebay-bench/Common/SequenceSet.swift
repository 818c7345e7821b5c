/// A set of sequence numbers as sorted, disjoint, never touching ranges.
///
/// Adding at the end costs the same whatever the size, and numbers come almost always in order.
struct SequenceSet: Equatable, Sendable {
  private(set) var ranges: [Range<UInt64>] = []

  var isEmpty: Bool { ranges.isEmpty }
  var last: UInt64? { ranges.last.map { $0.upperBound - 1 } }
  var count: UInt64 { ranges.reduce(0) { $0 + UInt64($1.count) } }

  /// Adds `range` and returns how many of its numbers were there already.
  @discardableResult
  mutating func insert(_ range: Range<UInt64>) -> UInt64 {
    guard !range.isEmpty else { return 0 }
    guard let last = ranges.last, range.lowerBound <= last.upperBound else {
      ranges.append(range)
      return 0
    }
    if range.lowerBound == last.upperBound {
      ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
      return 0
    }
    return insertAmid(range)
  }

  private mutating func insertAmid(_ range: Range<UInt64>) -> UInt64 {
    let start = firstIndex(endingAtOrAfter: range.lowerBound)
    var end = start
    var merged = range
    var present: UInt64 = 0
    while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
      let old = ranges[end]
      present += UInt64(old.clamped(to: range).count)
      merged = min(merged.lowerBound, old.lowerBound)..<max(merged.upperBound, old.upperBound)
      end += 1
    }
    ranges.replaceSubrange(start..<end, with: CollectionOfOne(merged))
    return present
  }

  func contains(_ sequence: UInt64) -> Bool {
    let index = firstIndex(endingAtOrAfter: sequence + 1)
    return index < ranges.count && ranges[index].contains(sequence)
  }

  func intersects(_ range: Range<UInt64>) -> Bool {
    let index = firstIndex(endingAtOrAfter: range.lowerBound + 1)
    return index < ranges.count && ranges[index].overlaps(range)
  }

  /// The first number at or after `sequence` that isn't in the set.
  func firstAbsent(from sequence: UInt64) -> UInt64 {
    let index = firstIndex(endingAtOrAfter: sequence + 1)
    guard index < ranges.count, ranges[index].contains(sequence) else { return sequence }
    return ranges[index].upperBound
  }

  /// The first number at or after `sequence` that is in the set.
  func firstPresent(from sequence: UInt64) -> UInt64? {
    let index = firstIndex(endingAtOrAfter: sequence + 1)
    return index < ranges.count ? max(ranges[index].lowerBound, sequence) : nil
  }

  mutating func removeAll(below sequence: UInt64) {
    let keep = firstIndex(endingAtOrAfter: sequence + 1)
    if keep > 0 { ranges.removeSubrange(0..<keep) }
    if let first = ranges.first, first.lowerBound < sequence {
      ranges[0] = sequence..<first.upperBound
    }
  }

  mutating func removeAll() { ranges.removeAll(keepingCapacity: true) }

  private func firstIndex(endingAtOrAfter sequence: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
