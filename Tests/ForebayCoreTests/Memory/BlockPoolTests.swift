import Testing

@testable import ForebayCore

@Suite struct BlockPoolTests {
  @Test func aBlockWastesAtMostAnEighth() {
    for bytes in 1...70_000 {
      let sizeClass = BlockPool.sizeClass(bytes)
      let size = BlockPool.bytes(ofClass: sizeClass)
      #expect(size >= bytes)
      if bytes > BlockPool.smallestBytes {
        #expect(size - bytes <= size / 8, "\(bytes) bytes get \(size)")
        #expect(
          BlockPool.bytes(ofClass: sizeClass - 1) < bytes, "\(bytes) bytes fit a smaller class")
      }
    }
  }

  @Test func reusesWhatWasFreedUpToItsBound() {
    var pool = BlockPool(largestBytes: 65_536, recycledBytesMax: 10_000)
    let first = pool.allocate(4000)
    pool.free(first)
    let kept = pool.recycledBytes
    #expect(kept == BlockPool.bytes(ofClass: first.sizeClass))
    let second = pool.allocate(4000)
    #expect(second == first)
    let left = pool.recycledBytes
    #expect(left == 0)
    var others: [BlockPool.Block] = []
    for _ in 0..<10 { others.append(pool.allocate(4000)) }
    pool.free(second)
    for block in others { pool.free(block) }
    let end = (recycled: pool.recycledBytes, used: pool.usedBytes)
    #expect(end.recycled <= 10_000)
    #expect(end.used == 0)
  }

  @Test func aSmallerBoundFreesWhatLiesAboveIt() {
    var pool = BlockPool(largestBytes: 65_536, recycledBytesMax: 1 << 20)
    let blocks = [100, 4000, 20_000, 60_000].map { pool.allocate($0) }
    for block in blocks { pool.free(block) }
    let before = pool.recycledBytes
    pool.keepRecycled(atMost: 10_000)
    let kept = pool.recycledBytes
    #expect(before > 80_000)
    #expect(kept > 4000 && kept <= 10_000, "the largest go first")
    let again = pool.allocate(4000)
    #expect(again == blocks[1])
    pool.free(again)
    pool.keepRecycled(atMost: 0)
    let left = pool.recycledBytes
    #expect(left == 0)
  }
}
