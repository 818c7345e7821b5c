package import ForebayWire

/// Receipts that wait to be written to one connection, in the order in which they came about.
///
/// Consecutive sequences with the same verdict are one range, so a steady stream of deliveries is one
/// range a turn. Bounded by the messages that the session may have unseen.
package struct ReceiptQueue {
  private var ranges: [ReceiptRange] = []

  package init() {}

  package var isEmpty: Bool { ranges.isEmpty }
  package var count: Int { ranges.count }

  package mutating func append(_ range: ReceiptRange) {
    if let last = ranges.last, last.end == range.first, last.hasSameVerdict(as: range) {
      ranges[ranges.count - 1].count += range.count
    } else {
      ranges.append(range)
    }
  }

  /// Writes as many RECEIPT frames as fit; returns the bytes written.
  package mutating func write(to buffer: UnsafeMutableRawBufferPointer) -> Int {
    var written = 0
    var taken = 0
    while taken < ranges.count {
      let room =
        (buffer.count - written - WireLimits.headerBytes) / ReceiptRange.bytes
      guard room > 0 else { break }
      let count = min(ranges.count - taken, room, WireLimits.receiptRangesMax)
      let base = buffer.baseAddress! + written
      Receipt.writeHeader(ranges: count, to: base)
      for index in 0..<count { Receipt.write(ranges[taken + index], at: index, to: base) }
      taken += count
      written += Receipt.bytes(ranges: count)
    }
    if taken == ranges.count {
      ranges.removeAll(keepingCapacity: ranges.capacity <= Self.capacityKept)
    } else {
      ranges.removeFirst(taken)
    }
    return written
  }

  /// Ranges for which memory is kept between turns; an idle connection keeps no more than 384 bytes.
  private static let capacityKept = 16

  package mutating func removeAll() { ranges.removeAll() }
}
