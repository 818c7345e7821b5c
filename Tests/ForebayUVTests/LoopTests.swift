import ForebayUV
import Testing

@Suite struct LoopTests {
  @Test func readsAClockThatOnlyGoesForward() {
    var last = Loop.now
    for _ in 0..<1_000 {
      let now = Loop.now
      #expect(now >= last)
      last = now
    }
  }

  @Test func cannotCloseWhileAHandleIsOpen() throws {
    let loop = try Loop()
    let timer = try Timer(on: loop) {}
    #expect(throws: UVError(.busy, "uv_loop_close")) { try loop.close() }
    timer.close()
    #expect(throws: UVError(.busy, "uv_loop_close")) { try loop.close() }
    loop.run()
    try loop.close()
    try loop.close()
  }

  @Test func finishesEverything() throws {
    let loop = try Loop()
    let pair = try StreamPair(on: loop)
    try pair.far.startReading()
    try [UInt8](repeating: 7, count: 4_000_000).withUnsafeBytes {
      try pair.near.write(copying: $0)
    }
    let timer = try Timer(on: loop) {}
    timer.fire(everyMilliseconds: 1)
    let hook = try TurnHook(on: loop, .idle)
    hook.start {}
    _ = try Async(on: loop) {}
    var workEnded = false
    try Work(on: loop, {}, then: { _ in workEnded = true })
    #expect(loop.isAlive)
    try loop.finish()
    #expect(pair.nearOwner.isClosed && pair.farOwner.isClosed && workEnded)
    #expect(!timer.isOpen && !hook.isOpen)
    try loop.finish()
  }

  @Test func finishesWhatCallbacksOpenMeanwhile() throws {
    let loop = try Loop()
    let pair = try StreamPair(on: loop)
    var later: Timer?
    var hook: TurnHook?
    try Work(
      on: loop, {},
      then: { _ in
        later = try? Timer(on: loop) {}
        later?.fire(everyMilliseconds: 3_600_000)
        // It keeps no loop alive, and must be closed all the same.
        hook = try? TurnHook(on: loop, .afterPolling)
      })
    try loop.finish()
    #expect(later?.isOpen == false && hook?.isOpen == false)
    #expect(pair.nearOwner.isClosed)
  }

  @Test func stopsAtTheEndOfTheTurn() throws {
    try withLoop { loop in
      var count = 0
      let timer = try Timer(on: loop) {
        count += 1
        if count == 3 { loop.stop() }
      }
      timer.fire(everyMilliseconds: 1)
      #expect(loop.run())
      #expect(count == 3)
      timer.cancel()
      #expect(!loop.isAlive)
      #expect(!loop.run())
    }
  }
}
