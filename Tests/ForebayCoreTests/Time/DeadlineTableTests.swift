import Testing

@testable import ForebayCore

@Suite struct DeadlineTableTests {
  @Test func agreesWithASortedList() {
    for seed in 1...40 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      var table = DeadlineTable()
      var model = [Instant?](repeating: nil, count: 30)
      for _ in 0..<600 {
        let slot = UInt32(random.next() % 30)
        let at = Instant(nanoseconds: random.next() % 1000)
        switch random.next() % 5 {
        case 0, 1:
          table.set(slot, at)
          model[Int(slot)] = at
        case 2:
          table.set(slot, nil)
          model[Int(slot)] = nil
        case 3:
          table.pull(slot, to: at)
          model[Int(slot)] = min(model[Int(slot)] ?? at, at)
        default:
          let due = model.indices.filter { model[$0].map { $0 <= at } ?? false }
            .min { (model[$0]!, $0) < (model[$1]!, $1) }
          let popped = table.popExpired(at)
          #expect(popped == due.map(UInt32.init), "seed \(seed)")
          if let due { model[due] = nil }
        }
        let next = table.nextOrNever
        #expect(next == model.compactMap { $0 }.min() ?? .distantFuture, "seed \(seed)")
      }
    }
  }
}
