package import ForebayWire

/// What became of a session's messages, for as long as its client may not know.
///
/// Ranges in ascending order without overlap, all at or above the floor; neighbours with the same
/// verdict are one. Messages settle nearly in order, so appending is the usual case.
package struct OutcomeLog {
  private var ranges: [ReceiptRange] = []
  /// Index of the first range that isn't forgotten.
  private var head = 0
  /// The lowest sequence without a final receipt, by the client's word.
  package private(set) var floor: UInt64 = 1
  /// Messages in the log.
  package private(set) var messages: UInt64 = 0

  package init() {}

  package var isEmpty: Bool { messages == 0 }

  package mutating func record(_ outcome: ReceiptRange) {
    guard outcome.end > floor else { return }
    var range = outcome
    if range.first < floor {
      range.count = UInt32(range.end - floor)
      range.first = floor
    }
    messages += UInt64(range.count)
    if let last = ranges.last, head < ranges.count {
      if last.end == range.first, last.hasSameVerdict(as: range) {
        ranges[ranges.count - 1].count += range.count
        return
      }
      guard last.end > range.first else { return ranges.append(range) }
      return insert(range)
    }
    ranges.append(range)
  }

  /// Records what of `outcome` isn't recorded yet.
  package mutating func recordNew(_ outcome: ReceiptRange) {
    guard let last = ranges.last, last.end > outcome.first else { return record(outcome) }
    var first = outcome.first
    while first < outcome.end {
      if let known = range(holding: first) {
        first = known.end
      } else {
        let end = min(next(from: first) ?? outcome.end, outcome.end)
        var part = outcome
        part.first = first
        part.count = UInt32(end - first)
        record(part)
        first = end
      }
    }
  }

  private mutating func insert(_ range: ReceiptRange) {
    let place = firstIndex(endingAbove: range.first)
    invariant(
      place == ranges.count || ranges[place].first >= range.end,
      "a message has one final outcome")
    let joinsLower =
      place > head && ranges[place - 1].end == range.first
      && ranges[place - 1].hasSameVerdict(as: range)
    let joinsUpper =
      place < ranges.count && ranges[place].first == range.end
      && ranges[place].hasSameVerdict(as: range)
    switch (joinsLower, joinsUpper) {
    case (true, true):
      ranges[place - 1].count += range.count + ranges[place].count
      ranges.remove(at: place)
    case (true, false):
      ranges[place - 1].count += range.count
    case (false, true):
      ranges[place].first = range.first
      ranges[place].count += range.count
    case (false, false):
      ranges.insert(range, at: place)
    }
  }

  /// Everything below `floor` is known to the client. A floor never goes back.
  package mutating func forget(below newFloor: UInt64) {
    guard newFloor > floor else { return }
    floor = newFloor
    while head < ranges.count, ranges[head].first < newFloor {
      if ranges[head].end <= newFloor {
        messages -= UInt64(ranges[head].count)
        head += 1
      } else {
        let cut = newFloor - ranges[head].first
        ranges[head].first = newFloor
        ranges[head].count -= UInt32(cut)
        messages -= cut
      }
    }
    if head == ranges.count {
      ranges.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 32, head * 2 >= ranges.count {
      ranges.removeFirst(head)
      head = 0
    }
  }

  /// The recorded range that holds `sequence`.
  package func range(holding sequence: UInt64) -> ReceiptRange? {
    let place = firstIndex(endingAbove: sequence)
    guard place < ranges.count, ranges[place].first <= sequence else { return nil }
    return ranges[place]
  }

  /// The lowest recorded sequence at or above `sequence`.
  package func next(from sequence: UInt64) -> UInt64? {
    let place = firstIndex(endingAbove: sequence)
    guard place < ranges.count else { return nil }
    return max(ranges[place].first, sequence)
  }

  package var all: ArraySlice<ReceiptRange> { ranges[head...] }

  private func firstIndex(endingAbove sequence: UInt64) -> Int {
    var low = head
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].end > sequence { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
