import ForebayUV
import Synchronization
import Testing

@Suite struct AsyncTests {
  @Test func isWokenFromAnotherThread() throws {
    try withLoop { loop in
      let woken = Mutex(0)
      let async = try Async(on: loop) { woken.withLock { $0 += 1 } }
      let waker = async.waker
      var workEnded = false
      try Work(on: loop, { waker.wake() }, then: { _ in workEnded = true })
      try turn(loop, until: { woken.withLock { $0 } > 0 && workEnded })
      #expect(woken.withLock { $0 } == 1)
    }
  }

  @Test func ignoresWakesWhileAndAfterItCloses() throws {
    try withLoop { loop in
      let stop = Atomic(false)
      let wakes = Atomic(0)
      var woken = 0
      var async: Async? = try Async(on: loop) { woken += 1 }
      let waker = try #require(async?.waker)
      var workEnded = false
      try Work(
        on: loop,
        {
          while !stop.load(ordering: .relaxed) {
            waker.wake()
            wakes.wrappingAdd(1, ordering: .relaxed)
          }
        }, then: { _ in workEnded = true })
      try turn(loop, until: { woken > 10 })
      async?.close()
      async = nil
      let before = woken
      let seen = wakes.load(ordering: .relaxed)
      try turn(loop, until: { wakes.load(ordering: .relaxed) > seen + 1_000 })
      stop.store(true, ordering: .relaxed)
      try turn(loop, until: { workEnded })
      #expect(woken == before)
      waker.wake()
    }
  }
}
