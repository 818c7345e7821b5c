import ForebayCore
import Testing

@testable import forebay_bench

@Suite struct SequenceSetTests {
  @Test func joinsWhatTouches() {
    var set = SequenceSet()
    #expect(set.insert(1..<5) == 0)
    #expect(set.insert(5..<9) == 0)
    #expect(set.ranges == [1..<9])
    #expect(set.insert(20..<30) == 0)
    #expect(set.insert(9..<20) == 0)
    #expect(set.ranges == [1..<30])
  }

  @Test func countsWhatWasThere() {
    var set = SequenceSet()
    set.insert(10..<20)
    set.insert(30..<40)
    #expect(set.insert(15..<35) == 10)
    #expect(set.ranges == [10..<40])
    #expect(set.insert(10..<40) == 30)
  }

  @Test func findsNeighbours() {
    var set = SequenceSet()
    set.insert(10..<20)
    set.insert(30..<40)
    #expect(set.firstAbsent(from: 5) == 5)
    #expect(set.firstAbsent(from: 10) == 20)
    #expect(set.firstAbsent(from: 20) == 20)
    #expect(set.firstPresent(from: 5) == 10)
    #expect(set.firstPresent(from: 20) == 30)
    #expect(set.firstPresent(from: 40) == nil)
  }

  @Test(arguments: UInt64(1)...40)
  func agreesWithAPlainSet(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var set = SequenceSet()
    var plain = Set<UInt64>()
    for _ in 0..<200 {
      let start = UInt64.random(in: 1...120, using: &random)
      let range = start..<(start + UInt64.random(in: 1...12, using: &random))
      if Int.random(in: 0..<10, using: &random) == 0 {
        set.removeAll(below: start)
        plain = plain.filter { $0 >= start }
      } else {
        #expect(set.insert(range) == UInt64(range.filter(plain.contains).count), "seed \(seed)")
        plain.formUnion(range)
      }
      #expect(set.count == UInt64(plain.count), "seed \(seed)")
      for sequence in UInt64(1)...133 {
        #expect(set.contains(sequence) == plain.contains(sequence), "seed \(seed)")
      }
      #expect(set.intersects(range) == range.contains(where: plain.contains), "seed \(seed)")
    }
  }
}
