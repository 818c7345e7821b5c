import Testing

@testable import ForebayCore

@Suite struct NurseryTests {
  private static let size = Nursery.segmentBytes

  @Test func beginsWithOneCurrentSegmentAndTheOthersFree() {
    let nursery = Nursery(segmentCount: 4)
    let (free, current, room) = (nursery.freeCount, nursery.current, nursery.room.count)
    #expect(free == 3)
    #expect(current == 0)
    #expect(room == Self.size)
  }

  @Test func theSegmentUsedLastIsUsedNext() {
    var nursery = Nursery(segmentCount: 4)
    nursery.fill(40_000)
    nursery.turnOver()
    let second = nursery.current
    nursery.fill(50_000)
    nursery.turnOver()
    let third = nursery.current
    // The second dies after the first: it is the warmer one.
    nursery.vacate(0, 40_000)
    nursery.vacate(second, 50_000)
    nursery.fill(60_000)
    nursery.turnOver()
    let fourth = nursery.current
    #expect(Set([0, second, third]).count == 3)
    #expect(fourth == second)
  }

  @Test func anEmptyCurrentSegmentStartsOver() {
    var nursery = Nursery(segmentCount: 4)
    nursery.fill(1000)
    nursery.vacate(0, 400)
    var fill = nursery[0].fill
    #expect(fill == 1000, "its bytes come back all at once")
    nursery.vacate(0, 600)
    fill = nursery[0].fill
    let free = nursery.freeCount
    #expect(fill == 0)
    #expect(free == 3, "it stays the current one")
  }

  @Test func theSegmentWithTheLeastLiveBytesIsNeitherFreeNorCurrent() {
    var nursery = Nursery(segmentCount: 4)
    var least = nursery.leastLive()
    #expect(least == nil)
    for bytes in [3000, 2000, 1000] {
      nursery.fill(bytes)
      nursery.turnOver()
    }
    let third = nursery.segments(withLive: 1000)[0]
    least = nursery.leastLive()
    #expect(least == third)
    nursery.vacate(0, 2500)
    least = nursery.leastLive()
    #expect(least == 0)
  }

  /// Random fills and deaths against a model that keeps each piece apart.
  @Test(arguments: [1, 2, 3, UInt64.random(in: 4...UInt64(UInt32.max))])
  func behavesAsItsModel(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let count = Int(random.next() % 6) + 4
    var nursery = Nursery(segmentCount: count)
    var pieces: [(segment: Int32, bytes: Int)] = []
    for step in 0..<3000 {
      let isFull = nursery.freeCount == 0
      switch random.next() % 8 {
      case 0 where !isFull:
        nursery.turnOver()
      case 1...4 where nursery.room.count > 0:
        let bytes = Int(random.next() % UInt64(min(nursery.room.count, 20_000))) + 1
        nursery.fill(bytes)
        pieces.append((nursery.current, bytes))
      default:
        guard !pieces.isEmpty else { continue }
        let dying = pieces.remove(at: Int(random.next() % UInt64(pieces.count)))
        nursery.vacate(dying.segment, dying.bytes)
      }
      let problem = disagreement(nursery, pieces)
      #expect(problem == nil, "seed \(seed), step \(step)")
      if problem != nil { return }
    }
  }

  private func disagreement(
    _ nursery: borrowing Nursery, _ pieces: [(segment: Int32, bytes: Int)]
  ) -> String? {
    var free = 0
    for index in 0..<Int32(nursery.segmentCount) {
      let live = pieces.reduce(0) { $0 + ($1.segment == index ? $1.bytes : 0) }
      let segment = nursery[index]
      if segment.live != live { return "segment \(index) counts \(segment.live), not \(live)" }
      if live > segment.fill || segment.fill > Self.size { return "\(segment) is impossible" }
      if segment.isFree != (live == 0 && index != nursery.current) {
        return "segment \(index) is free: \(segment.isFree), with \(live) live"
      }
      if segment.isFree { free += 1 }
      if live == 0, segment.fill != 0 { return "empty segment \(index) has \(segment.fill) bytes" }
    }
    if nursery.liveBytes != pieces.reduce(0, { $0 + $1.bytes }) { return "liveBytes is wrong" }
    return nursery.freeCount == free ? nil : "\(nursery.freeCount) segments are free, not \(free)"
  }
}

extension Nursery {
  /// Messages of so many bytes come to the current segment.
  fileprivate mutating func fill(_ byteCount: Int) {
    self[current].fill += byteCount
    self[current].live += byteCount
  }

  fileprivate func segments(withLive live: Int) -> [Int32] {
    (0..<Int32(segmentCount)).filter { self[$0].live == live }
  }
}
