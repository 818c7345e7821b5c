import ForebayUV
import Glibc
import Testing

@Suite struct SignalHandleTests {
  @Test func turnsASignalIntoACall() throws {
    try withLoop { loop in
      var count = 0
      let handle = try SignalHandle(on: loop, SIGUSR1) { count += 1 }
      #expect(!loop.isAlive)
      kill(getpid(), SIGUSR1)
      try turn(loop, until: { count == 1 })
      kill(getpid(), SIGUSR1)
      try turn(loop, until: { count == 2 })
      #expect(handle.signal == SIGUSR1)
    }
  }

  @Test func refusesASignalThatCannotBeCaught() throws {
    try withLoop { loop in
      #expect(throws: UVError(.invalidArgument, "uv_signal_start")) {
        try SignalHandle(on: loop, SIGKILL) {}
      }
    }
  }
}
