import ForebayWire

/// A client's or peer's life across its connections, as far as the sink must know it.
final class SinkSession {
  let id: ID128
  let isPeer: Bool
  /// By the sequences that receipts name: the client's own, or the link's.
  var ledger = ArrivalLedger()
  var settled = SettledRanges()
  private(set) var floor: UInt64 = 1
  var held = 0
  unowned(unsafe) var connection: SinkConnection?

  init(id: ID128, isPeer: Bool) {
    self.id = id
    self.isPeer = isPeer
  }

  func seen(_ floor: UInt64) {
    guard floor > self.floor else { return }
    self.floor = floor
    settled.removeAll(below: floor)
  }

  /// What a resuming client must know: what is held, and what became of the rest above its floor.
  func listing() -> [ReceiptRange] {
    var result: [ReceiptRange] = []
    for range in ledger.arrived.ranges where range.upperBound > floor {
      settled.forEachPart(of: max(floor, range.lowerBound)..<range.upperBound) { part, verdict in
        var receipt = verdict ?? ReceiptRange(first: 1, count: 1, outcome: .received)
        receipt.first = part.lowerBound
        receipt.count = UInt32(clamping: part.count)
        result.append(receipt)
      }
    }
    return result
  }
}
