import Testing

@testable import ForebayCore

@Suite struct SlabTests {
  @Test func agreesWithADictionary() {
    for seed in 1...20 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      var slab = Slab<UInt64>(minimumCapacity: 8)
      var model: [(index: UInt32, value: UInt64)] = []
      for _ in 0..<500 {
        if model.isEmpty || random.next() % 3 > 0 {
          let value = random.next()
          let index = slab.insert(value)
          #expect(!model.contains { $0.index == index }, "seed \(seed): index \(index) is taken")
          model.append((index, value))
        } else {
          let place = Int(random.next() % UInt64(model.count))
          slab.remove(model[place].index)
          let isThere = slab.contains(model[place].index)
          #expect(!isThere)
          model.remove(at: place)
        }
        let count = slab.count
        #expect(count == model.count)
      }
      for (index, value) in model {
        let found = slab[index]
        #expect(found == value, "seed \(seed)")
      }
    }
  }
}
