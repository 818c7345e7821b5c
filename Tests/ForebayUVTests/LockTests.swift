import ForebayUV
import Testing

@Suite struct LockTests {
  @Test func letsOneThreadInAtATime() throws {
    try withLoop { loop in
      let counter = Counter()
      var ended = 0
      for _ in 0..<4 {
        try Work(
          on: loop, { for _ in 0..<10_000 { counter.increment() } }, then: { _ in ended += 1 })
      }
      try turn(loop, until: { ended == 4 })
      #expect(counter.value == 40_000)
    }
  }

  private final class Counter: @unchecked Sendable {
    let lock = Lock()
    var value = 0

    func increment() { lock.withLock { value += 1 } }
  }
}
