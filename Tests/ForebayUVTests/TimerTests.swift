import ForebayUV
import Testing

@Suite struct TimerTests {
  @Test func firesInTheOrderOfTheInstants() throws {
    try withLoop { loop in
      var fired: [Int] = []
      let start = loop.now
      let timers = try [30, 10, 20, 0].map { milliseconds in
        let timer = try Timer(on: loop) { fired.append(milliseconds) }
        timer.fire(at: start + UInt64(milliseconds) * 1_000_000)
        return timer
      }
      try turn(loop, until: { fired.count == 4 })
      #expect(fired == [0, 10, 20, 30])
      #expect(timers.allSatisfy { !$0.isArmed })
    }
  }

  @Test func neverFiresEarly() throws {
    try withLoop { loop in
      for offset: UInt64 in [1, 999_999, 1_000_000, 1_000_001, 3_500_000] {
        // Let the loop's cached time grow old, which must not make the timer early.
        loop.runWithoutWaiting()
        let stale = loop.now
        while loop.now < stale + 3_000_000 {}
        var firedAt: UInt64?
        let timer = try Timer(on: loop) { firedAt = loop.now }
        let instant = loop.now + offset
        timer.fire(at: instant)
        try turn(loop, until: { firedAt != nil })
        #expect(try #require(firedAt) >= instant)
        timer.close()
      }
    }
  }

  @Test func takesTheLatestInstant() throws {
    try withLoop { loop in
      var fired = 0
      let timer = try Timer(on: loop) { fired += 1 }
      timer.fire(at: .max)
      #expect(timer.isArmed)
      timer.fire(at: loop.now + 1_000_000)
      timer.fire(at: loop.now + 1_000_000)
      try turn(loop, until: { fired == 1 })
      timer.fire(at: loop.now)
      timer.cancel()
      #expect(!timer.isArmed)
      timer.fire(at: loop.now)
      try turn(loop, until: { fired == 2 })
    }
  }

  @Test func canBeArmedForTheSameMillisecondAgainWhenItFires() throws {
    try withLoop { loop in
      var fired = 0
      var arm: (() -> Void)?
      let timer = try Timer(on: loop) {
        fired += 1
        if fired < 3 { arm?() }
      }
      arm = { timer.fire(at: 1) }
      arm?()
      try turn(loop, until: { fired == 3 })
      arm = nil
    }
  }
}
