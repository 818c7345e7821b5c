import ForebayCore

/// When messages were handed to the kernel, one entry for each write, in sequence order.
struct SendTimes {
  private struct Entry {
    var range: Range<UInt64>
    var at: Instant
  }

  private var entries: [Entry] = []
  private var head = 0

  mutating func sent(_ range: Range<UInt64>, at: Instant) {
    entries.append(Entry(range: range, at: at))
  }

  /// Calls `body` with each time of the messages in `range` and how many were sent then.
  func forEach(in range: Range<UInt64>, _ body: (Instant, Int) -> Void) {
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < entries.count, entries[index].range.lowerBound < range.upperBound {
      let count = entries[index].range.clamped(to: range).count
      if count > 0 { body(entries[index].at, count) }
      index += 1
    }
  }

  /// Forgets the writes all of whose messages are below `floor`.
  mutating func removeAll(below floor: UInt64) {
    while head < entries.count, entries[head].range.upperBound <= floor { head += 1 }
    if head == entries.count {
      entries.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 1024, head * 2 > entries.count {
      entries.removeSubrange(0..<head)
      head = 0
    }
  }

  /// Forgets everything: what is unanswered will be sent again.
  mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    head = 0
  }

  private func firstIndex(endingAfter sequence: UInt64) -> Int {
    guard head < entries.count, entries[head].range.upperBound <= sequence else { return head }
    var low = head
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].range.upperBound <= sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
