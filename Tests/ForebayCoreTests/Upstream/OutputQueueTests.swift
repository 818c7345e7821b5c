import Testing

@testable import ForebayCore

@Suite struct OutputQueueTests {
  private func append(_ text: String, to queue: inout OutputQueue) {
    Array(text.utf8).withUnsafeBytes { queue.append($0) }
  }

  @Test func whatWentInComesOutInOrder() {
    var queue = OutputQueue()
    var random = SplitMix64(seed: 7)
    var next: UInt8 = 0
    var expected: UInt8 = 0
    for _ in 0..<5000 {
      let count = Int(random.next() % 3000)
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: Int(next) + $0) }
      bytes.withUnsafeBytes { queue.append($0) }
      next = UInt8(truncatingIfNeeded: Int(next) + count)
      let taken = Int(random.next() % UInt64(queue.count + 1))
      let isRight = queue.waiting.prefix(taken).enumerated().allSatisfy {
        $0.element == UInt8(truncatingIfNeeded: Int(expected) + $0.offset)
      }
      #expect(isRight)
      expected = UInt8(truncatingIfNeeded: Int(expected) + taken)
      queue.took(taken)
    }
  }

  @Test func itSaysWhenItIsBusyAndWhenNoLonger() {
    var queue = OutputQueue()
    append(String(repeating: "x", count: OutputQueue.highMark - 1), to: &queue)
    #expect(queue.passMark() == .unchanged)
    append("x", to: &queue)
    #expect(queue.passMark() == .busy)
    #expect(queue.passMark() == .unchanged)
    queue.took(OutputQueue.highMark - OutputQueue.lowMark - 1)
    #expect(queue.passMark() == .unchanged)
    queue.took(1)
    #expect(queue.passMark() == .ready)
  }

  @Test func whatItGrewByIsGivenBack() {
    var queue = OutputQueue()
    append(String(repeating: "x", count: OutputQueue.keptMax + 1), to: &queue)
    #expect(queue.capacity > OutputQueue.keptMax)
    queue.took(queue.count)
    #expect(queue.capacity == OutputQueue.firstCapacity)
    #expect(queue.count == 0)
  }

  @Test func aSteadyStreamNeedsNoMoreThanItsBacklog() {
    var queue = OutputQueue()
    append(String(repeating: "x", count: 10_000), to: &queue)
    for _ in 0..<10_000 {
      append(String(repeating: "y", count: 1000), to: &queue)
      queue.took(1000)
    }
    #expect(queue.capacity == OutputQueue.firstCapacity)
  }
}
