import ForebayWire
import Glibc
import Testing

extension HostileTests {
  /// Connections that are there, take time, and give nothing.
  struct SlownessTests {
    private let place = Workplace()

    /// A byte a second never lets an idle timer fire: deadlines are absolute.
    @Test func aThousandThatDribbleAreEnded() async throws {
      let daemon = try await DaemonProcess.ready(in: place, ["--connections-per-user-max", "1100"])
      let siege = try await Siege(daemon)
      try await siege.attack("1000 connections with a byte a second") {
        var dribblers: [Dribbler] = []
        for index in 0..<1000 {
          let client = try WireClient(daemon)
          let saysHello = index % 2 == 0
          if !saysHello { client.send(Hello(session: .drawn())) }
          dribblers.append(
            Dribbler(
              client: client,
              frame: saysHello
                ? Hello(session: .drawn()).encoded()
                : encodedData(1, [UInt8](repeating: 1, count: 1000)),
              code: saysHello ? .helloTimeout : .frameTimeout))
        }
        let start = ContinuousClock.now
        var sent = 0
        var left = dribblers
        try await expectEventually("the end of all", every: .milliseconds(50)) {
          siege.look()
          if ContinuousClock.now >= start + .seconds(sent) {
            for dribbler in left { dribbler.client.send([dribbler.frame[sent]]) }
            sent += 1
          }
          try left.removeAll {
            while try $0.client.poll() != nil {}
            return $0.client.heard.last == .closed
          }
          return left.isEmpty
        }
        for dribbler in dribblers { try await dribbler.client.expectError(dribbler.code) }
      }
      let state = try await daemon.state()
      #expect(state.closed("HELLO_TIMEOUT") == 500 && state.closed("FRAME_TIMEOUT") == 500)
      try await siege.expectUnharmed()
    }

    private struct Dribbler {
      let client: WireClient
      let frame: [UInt8]
      let code: ErrorCode
    }

    /// The largest message is claimed and doesn't come: memory follows what came, not what was claimed.
    @Test func claimsCostNoMemory() async throws {
      let buffers = 16 << 20 as UInt64
      let daemon = try await DaemonProcess.ready(
        in: place, prefix: DaemonProcess.with(["FOREBAY_LIMITS_FRAME_TIMEOUT=2s"]),
        ["--buffer-bytes", "\(buffers)"])
      let siege = try await Siege(daemon, buffers: buffers)
      try await siege.attack("40 largest messages that never come") {
        let before = daemon.residentBytes
        var clients: [WireClient] = []
        let frame = encodedData(1, [UInt8](repeating: 1, count: 262_144 - 24))
        for _ in 0..<40 {
          let client = try WireClient(daemon)
          try await client.greet()
          client.send(Array(frame.prefix(100)))
          clients.append(client)
        }
        for client in clients {
          siege.look()
          try await client.expectError(.frameTimeout)
        }
        // They claimed 10 MiB.
        #expect(siege.residentPeak < before + (6 << 20))
      }
      #expect(try await daemon.state().closed("FRAME_TIMEOUT") == 40)
      try await siege.expectUnharmed()
    }

    /// They ask and ask, and take none of the answers.
    @Test func aHundredThatNeverReadAreEnded() async throws {
      let daemon = try await DaemonProcess.ready(
        in: place, prefix: DaemonProcess.with(["FOREBAY_LIMITS_SLOW_READER_TIMEOUT=2s"]))
      let siege = try await Siege(daemon)
      try await siege.attack("100 clients that never read") {
        let deaf = try (0..<100).map { _ in
          let client = try WireClient(daemon)
          client.send(Hello(session: .drawn()))
          return client
        }
        let question = Blocked(cost: 400, floor: 1).encoded()
        try await expectEventually("the end of all", every: .milliseconds(5)) {
          siege.look()
          for client in deaf where client.socket.isWritable { client.send(question) }
          return try await daemon.state().closed("SLOW_READER") == 100
        }
      }
      #expect(
        daemon.logLines.compactMap(logFields).contains {
          $0["msg"] == "client closed" && $0["code"] == "SLOW_READER"
        })
      try await siege.expectUnharmed()
    }
  }
}
