import ForebayUV
import Glibc
import Synchronization
import Testing

@Suite struct WorkTests {
  @Test func runsOnAnotherThreadAndCompletesOnThisOne() throws {
    try withLoop { loop in
      let here = UInt(pthread_self())
      let there = Mutex<UInt>(0)
      var completedOn: UInt?
      try Work(
        on: loop, { there.withLock { $0 = UInt(pthread_self()) } },
        then: { error in
          #expect(error == nil)
          completedOn = UInt(pthread_self())
        })
      try turn(loop, until: { completedOn != nil })
      #expect(completedOn == here)
      #expect(there.withLock { $0 } != here)
    }
  }

  @Test func cannotBeCancelledOnceItHasEnded() throws {
    try withLoop { loop in
      var ended = false
      let work = try Work(on: loop, {}, then: { _ in ended = true })
      try turn(loop, until: { ended })
      #expect(!work.cancel())
    }
  }
}
