import ForebayUV
import Testing

@Suite struct HandleTests {
  @Test func keepsItselfAliveUntilItIsClosed() throws {
    try withLoop { loop in
      var fired = 0
      weak var weakTimer: Timer?
      do {
        let timer = try Timer(on: loop) { fired += 1 }
        timer.fire(at: loop.now)
        weakTimer = timer
      }
      #expect(weakTimer != nil)
      try turn(loop, until: { fired == 1 })
      weakTimer?.close()
      try turn(loop, until: { weakTimer == nil })
    }
  }

  @Test func doesNotKeepTheLoopAliveWhenToldSo() throws {
    try withLoop { loop in
      let timer = try Timer(on: loop) {}
      timer.fire(everyMilliseconds: 10_000)
      #expect(timer.keepsLoopAlive && loop.isAlive)
      timer.keepsLoopAlive = false
      #expect(!timer.keepsLoopAlive && !loop.isAlive)
      #expect(!loop.run())
    }
  }
}
