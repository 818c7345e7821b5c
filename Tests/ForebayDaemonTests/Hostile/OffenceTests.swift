import ForebayWire
import Glibc
import Testing

extension HostileTests {
  /// Bytes that end the connection they come on, again and again on fresh ones.
  struct OffenceTests {
    private let place = Workplace()

    private struct Offence {
      let name: String
      let code: ErrorCode
      /// After HELLO and the first WINDOW.
      var isGreeted = true
      let bytes: @Sendable () -> [UInt8]
    }

    private static func flood(_ frame: some ControlFrame) -> [UInt8] {
      let one = frame.encoded()
      return (0..<20_000).flatMap { _ in one }
    }

    private static let offences: [Offence] = [
      Offence(name: "lengths of 4 GiB", code: .frameTooLarge, isGreeted: false) {
        [255, 255, 255, 255, 2, 0, 0, 0]
      },
      Offence(name: "messages of 16 MiB", code: .frameTooLarge) {
        [1, 0, 0, 0, 2, 0, 0, 0] + [UInt8](repeating: 0, count: 64)
      },
      Offence(name: "lengths of nothing", code: .frameTooShort) {
        [UInt8](repeating: 0, count: 65_536)
      },
      Offence(name: "empty messages beyond the window", code: .flowControl) {
        (1...20_000 as ClosedRange<UInt64>).flatMap { encodedData($0, []) }
      },
      Offence(name: "large messages beyond the window", code: .flowControl) {
        let payload = [UInt8](repeating: 1, count: 200_000)
        return (1...60 as ClosedRange<UInt64>).flatMap { encodedData($0, payload) }
      },
      Offence(name: "a flood of SEEN", code: .controlFlood) { flood(Seen(floor: 1)) },
      Offence(name: "a flood of BLOCKED", code: .controlFlood) {
        flood(Blocked(cost: 400, floor: 1))
      },
      Offence(name: "a flood of BACKLOG", code: .controlFlood) {
        flood(Backlog(bytes: 1, messages: 1))
      },
      Offence(name: "a flood of PONG", code: .controlFlood) { flood(Pong(token: 1)) },
      Offence(name: "a flood of RECLAIMED", code: .controlFlood) { flood(Reclaimed(number: 7)) },
      Offence(name: "a flood of PING", code: .wrongDirection) { flood(Ping(token: 1)) },
      Offence(name: "a flood of HELLO", code: .helloRepeated) { flood(Hello(session: .drawn())) },
    ]

    @Test func offendersAreNamedAndNobodyElseFeelsThem() async throws {
      let buffers = 16 << 20 as UInt64
      let daemon = try await DaemonProcess.ready(in: place, ["--buffer-bytes", "\(buffers)"])
      let siege = try await Siege(daemon, buffers: buffers)
      for offence in Self.offences {
        let code = offence.code.wireName
        let before = try await daemon.state().closed(code)
        var committed: UInt64 = 0
        try await siege.attack(offence.name) {
          let end = ContinuousClock.now + .milliseconds(600)
          while ContinuousClock.now < end {
            // Some at once.
            let clients = try (0..<4).map { _ in try WireClient(daemon) }
            for client in clients {
              if offence.isGreeted { try await client.greet() }
              client.send(offence.bytes())
              committed += 1
            }
            for client in clients { try await client.expectError(offence.code) }
            siege.look()
          }
        }
        #expect(try await daemon.state().closed(code) == before + committed, "\(offence.name)")
      }
      try await siege.expectUnharmed()
      let errors = try await daemon.admin("show errors") ?? ""
      #expect(errors.contains("reason: HELLO_REPEATED"), "\(errors.prefix(300))")
      #expect(try await daemon.stop() == 0)
    }

    /// Messages of nothing, as many as the window allows: legal, so nobody is ended. Records are what they
    /// cost, and those are counted.
    @Test func emptyMessagesFillRecordsAndNoMore() async throws {
      let daemon = try await DaemonProcess.ready(
        in: place, ["--buffer-messages", "2000", "--rate", "20000"])
      let siege = try await Siege(daemon)
      try await siege.attack("empty messages within the window") {
        let load = try Program.start(
          "forebay-bench",
          ["load", daemon.socket, "--clients", "8", "--size", "0", "--duration", "10m"], in: place)
        try await expectEventually("a flood") {
          siege.look()
          return try await daemon.state().received > 20_000
        }
        load.kill(SIGKILL)
      }
      let state = try await daemon.state()
      #expect(state.number("routes[0].held_peak.messages") <= 2000)
      #expect(state.number("routes[0].held_peak.messages") > 500, "there was a flood")
      try await expectEventually("the rest") { try await daemon.state().heldMessages == 0 }
      try await siege.expectUnharmed()
    }
  }
}
