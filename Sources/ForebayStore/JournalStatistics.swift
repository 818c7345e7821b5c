/// What a journal holds, all told.
package struct JournalStatistics: Equatable, Sendable {
  package let schema: Int64
  package let fileBytes: Int64
  package let logBytes: Int64
  package private(set) var messages = 0
  package private(set) var payloadBytes: Int64 = 0
  package private(set) var extensionBytes: Int64 = 0
  /// Nil while there are no messages, as are the following.
  package private(set) var firstID: Int64?
  package private(set) var lastID: Int64?
  package private(set) var firstReceivedAtMilliseconds: Int64?
  package private(set) var lastReceivedAtMilliseconds: Int64?
  /// Different tags: sessions of clients.
  package internal(set) var origins = 0
  /// Messages whose (tag, sequence) an earlier one has too. They come from a crash or an I/O error
  /// between a commit and its receipt.
  package private(set) var duplicates = 0

  init(schema: Int64, fileBytes: Int64, logBytes: Int64) {
    self.schema = schema
    self.fileBytes = fileBytes
    self.logBytes = logBytes
  }

  mutating func count(
    id: Int64, receivedAt: Int64, isDuplicate: Bool, extensionBytes: Int64, payloadBytes: Int64
  ) {
    messages += 1
    self.payloadBytes += payloadBytes
    self.extensionBytes += extensionBytes
    if firstID == nil {
      firstID = id
      firstReceivedAtMilliseconds = receivedAt
    }
    lastID = id
    lastReceivedAtMilliseconds = receivedAt
    if isDuplicate { duplicates += 1 }
  }
}

/// Numbers that mostly come in order, kept as ranges: a client's whole life is one of them.
struct SequenceSet {
  /// Ascending, neither touching nor overlapping.
  private(set) var ranges: [ClosedRange<UInt64>] = []

  /// False if it was there already.
  mutating func insert(_ number: UInt64) -> Bool {
    let place = firstRange(endingAtOrAfter: number)
    if place < ranges.count, ranges[place].contains(number) { return false }
    let touchesBefore = place > 0 && ranges[place - 1].upperBound == number - 1
    let touchesAfter = place < ranges.count && ranges[place].lowerBound - 1 == number
    switch (touchesBefore, touchesAfter) {
    case (true, true):
      ranges[place - 1] = ranges[place - 1].lowerBound...ranges[place].upperBound
      ranges.remove(at: place)
    case (true, false): ranges[place - 1] = ranges[place - 1].lowerBound...number
    case (false, true): ranges[place] = number...ranges[place].upperBound
    case (false, false): ranges.insert(number...number, at: place)
    }
    return true
  }

  private func firstRange(endingAtOrAfter number: UInt64) -> Int {
    if let last = ranges.last, last.upperBound < number { return ranges.count }
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
