import ForebayUV
import Testing

@Suite struct TurnHookTests {
  @Test func runsOnceATurnInOrder() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      var events: [String] = []
      pair.farOwner.onRead = { _, _ in events.append("read") }
      try pair.far.startReading()
      let after = try TurnHook(on: loop, .afterPolling)
      let before = try TurnHook(on: loop, .beforePolling)
      let idle = try TurnHook(on: loop, .idle)
      after.start { events.append("after") }
      before.start { events.append("before") }
      idle.start { events.append("idle") }
      let timer = try Timer(on: loop) { events.append("timer") }
      timer.fire(at: 0)
      #expect(write(pair.near, "x") == .written(1))
      loop.runWithoutWaiting()
      #expect(events == ["timer", "idle", "before", "read", "after"])

      events = []
      idle.stop()
      loop.runWithoutWaiting()
      #expect(events == ["before", "after"])
      before.stop()
      after.stop()
      loop.runWithoutWaiting()
      #expect(events == ["before", "after"])
    }
  }

  @Test func doesNotKeepTheLoopAlive() throws {
    try withLoop { loop in
      let hooks = try [TurnHook.Place.afterPolling, .beforePolling, .idle].map {
        try TurnHook(on: loop, $0)
      }
      for hook in hooks { hook.start {} }
      #expect(!loop.run())
    }
  }
}
