import Testing

@testable import ForebayUV

@Suite struct WriteRequestTests {
  @Test func reusesWhatComesBack() {
    var pool = WriteRequestPool()
    let first = pool.take(capacity: 10)
    #expect(first.capacity == WriteRequestPool.smallest)
    pool.giveBack(first)
    let second = pool.take(capacity: 5_000)
    #expect(second === first)
    #expect(second.capacity == 5_000)
  }

  @Test func keepsNeitherManyNorLargeRequests() {
    var pool = WriteRequestPool()
    let large = pool.take(capacity: WriteRequestPool.largestKept + 1)
    pool.giveBack(large)
    #expect(pool.take(capacity: 1) !== large)
    let many = (0..<WriteRequestPool.mostKept + 5).map { _ in WriteRequest(capacity: 1) }
    for request in many { pool.giveBack(request) }
    let kept = (0..<many.count).map { _ in pool.take(capacity: 1) }
      .filter { taken in many.contains { $0 === taken } }
    #expect(kept.count == WriteRequestPool.mostKept)
  }
}
