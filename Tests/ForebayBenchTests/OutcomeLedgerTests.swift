import ForebayCore
import Testing

@testable import forebay_bench

@Suite struct OutcomeLedgerTests {
  @Test func movesItsFloorInOrder() {
    var ledger = OutcomeLedger()
    ledger.sent(10)
    #expect(ledger.settled(1..<4) == .settled(3))
    #expect(ledger.floor == 4)
    #expect(ledger.outstanding == 7)
  }

  @Test func waitsForTheGapBelow() {
    var ledger = OutcomeLedger()
    ledger.sent(10)
    #expect(ledger.settled(5..<8) == .settled(3))
    #expect(ledger.floor == 1)
    #expect(ledger.settled(1..<5) == .settled(4))
    #expect(ledger.floor == 8)
    #expect(ledger.settledAbove.isEmpty)
  }

  @Test func tellsRepeatedFromUnknown() {
    var ledger = OutcomeLedger()
    ledger.sent(10)
    #expect(ledger.settled(1..<6) == .settled(5))
    #expect(ledger.settled(4..<13) == .partly(settled: 5, repeated: 2, unknown: 2))
    #expect(ledger.settled(20..<22) == .partly(settled: 0, repeated: 0, unknown: 2))
    #expect(ledger.settled(1..<3) == .partly(settled: 0, repeated: 2, unknown: 0))
    #expect(ledger.outstanding == 0)
  }

  @Test(arguments: UInt64(1)...40)
  func accountsForEveryMessage(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var ledger = OutcomeLedger()
    var settled = Set<UInt64>()
    for _ in 0..<200 {
      if Bool.random(using: &random) { ledger.sent(Int.random(in: 1...9, using: &random)) }
      let start = UInt64.random(in: 1...(ledger.sentEnd + 3), using: &random)
      let range = start..<(start + UInt64.random(in: 1...9, using: &random))
      let known = range.filter { $0 < ledger.sentEnd }
      let new = UInt64(known.count { !settled.contains($0) })
      let repeated = UInt64(known.count) - new
      let unknown = UInt64(range.count - known.count)
      settled.formUnion(known)
      let expected: OutcomeLedger.OnSettled =
        repeated == 0 && unknown == 0
        ? .settled(new) : .partly(settled: new, repeated: repeated, unknown: unknown)
      #expect(ledger.settled(range) == expected, "seed \(seed)")
      #expect(ledger.outstanding == ledger.sentEnd - 1 - UInt64(settled.count), "seed \(seed)")
      #expect(!settled.contains(ledger.floor), "seed \(seed)")
      #expect((1..<ledger.floor).allSatisfy(settled.contains), "seed \(seed)")
    }
  }
}
