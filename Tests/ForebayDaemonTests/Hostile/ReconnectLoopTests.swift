import ForebayWire
import Glibc
import Testing

extension HostileTests {
  /// Those who come again and again, for credit, for places, or for nothing.
  struct ReconnectLoopTests {
    private let place = Workplace()

    private func daemonWithStuckRoutes(
      _ variables: [String] = [], _ options: [String] = []
    ) async throws -> DaemonProcess {
      try await DaemonProcess.ready(
        in: place, prefix: DaemonProcess.with(variables),
        [
          "--upstream", "good=journal:\(place.file("good.db"))",
          "--upstream", "stuck=forebay+unix:\(place.file("gone.sock"))",
          "--upstream", "twin=forebay+unix:\(place.file("gone.sock"))",
          "--buffer-bytes", "16MiB", "--buffer-messages", "2000", "--window-messages", "2000",
        ] + options)
    }

    /// A new session for each window, and the connection is gone before anything is settled: what is held
    /// stays charged to the user, so it comes to no more than for one that stays.
    @Test func reconnectingBringsNoFreshCredit() async throws {
      let daemon = try await daemonWithStuckRoutes()
      let siege = try await Siege(daemon, buffers: 48 << 20)
      let honest = try WireClient(daemon)
      try await honest.greet(route: "twin")
      try await siege.attack("300 reconnects for fresh credit") {
        for _ in 0..<300 {
          let client = try WireClient(daemon)
          client.send(
            Hello(session: .drawn()), extensions: encodedExtension(.route, Array("stuck".utf8)))
          let window = try await client.waitForWindow { _ in true }
          if window.limitMessages > 0 { client.send(messages: 1...window.limitMessages) }
          client.socket.close()
          siege.look()
        }
        // As much as its window ever allows.
        var sent: UInt64 = 0
        var isShut = false
        while !isShut {
          let limit = try #require(honest.window).limitMessages
          if limit > sent { honest.send(messages: (sent + 1)...limit) }
          sent = max(sent, limit)
          try await honest.waitForWindow {
            isShut = $0.state == .shut && $0.receivedMessages == sent && $0.limitMessages == sent
            return isShut || $0.limitMessages > sent
          }
        }
      }
      honest.socket.close()
      let state = try await daemon.state()
      let looped = state.number("routes[1].held.messages")
      let stayed = state.number("routes[2].held.messages")
      print(
        "reconnect loop: it holds \(looped) messages after 300 connections, one that stays \(stayed)"
      )
      #expect(looped > 0 && looped <= stayed + 64, "a turn of r more at most")
      #expect(state.number("routes[1].held.bytes") <= 16 << 20)
      try await siege.expectUnharmed()
    }

    /// One message each, and never an answer: sessions that hold something can't be forgotten, so there is
    /// a cap on them.
    @Test func sessionsOfOneUserAreCapped() async throws {
      let daemon = try await daemonWithStuckRoutes(
        ["FOREBAY_LIMITS_SESSIONS_PER_PRINCIPAL_MAX=100"], ["--connections-per-user-max", "100"])
      let siege = try await Siege(daemon, route: "good", buffers: 48 << 20)
      try await siege.attack("sessions without end") {
        for _ in 0..<100 {
          let client = try WireClient(daemon)
          try await client.greet(route: "stuck")
          client.send(messages: 1...1)
          client.socket.close()
        }
        try await expectEventually("all held") {
          try await daemon.state().number("routes[1].held.messages") == 100
        }
        for _ in 0..<200 {
          let client = try WireClient(daemon)
          client.send(
            Hello(session: .drawn()), extensions: encodedExtension(.route, Array("stuck".utf8)))
          try await client.expectError(.tooManySessions)
          siege.look()
        }
      }
      #expect(try await daemon.state().closed("TOO_MANY_SESSIONS") == 200)
      try await siege.expectUnharmed()
    }

    /// What became of messages is remembered for clients that don't come back to ask, within a bound.
    @Test func outcomesThatNobodyFetchesAreBounded() async throws {
      let buffers = 16 << 20 as UInt64
      let daemon = try await DaemonProcess.ready(in: place, ["--buffer-bytes", "\(buffers)"])
      let siege = try await Siege(daemon, buffers: buffers)
      let critical = encodedExtension(ExtensionType(rawValue: 200), [])
      try await siege.attack("sessions that never fetch their outcomes") {
        // Rejected at once, for one reason and another in turn: a range for each message.
        for _ in 0..<1500 {
          let client = try WireClient(daemon)
          let window = try await client.greet()
          client.send(
            (1...window.limitMessages).flatMap {
              $0 % 2 == 0
                ? encodedData($0, [], level: .stored) : encodedData($0, [], extensions: critical)
            })
          client.socket.close()
          siege.look()
        }
      }
      try await siege.expectUnharmed()
    }

    /// Nothing but connecting and hanging up, from two processes, as fast as they can.
    @Test func connectingInALoopStarvesNobody() async throws {
      let daemon = try await DaemonProcess.ready(in: place)
      let siege = try await Siege(daemon)
      let script = """
        import socket, sys
        while True:
          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.close()
        """
      try await siege.attack("two processes that connect and hang up") {
        let loops = try (0..<2).map { _ in
          try Program.start("/usr/bin/env", ["python3", "-c", script, daemon.socket], in: place)
        }
        let before = try await daemon.state().closed("by_client")
        let end = ContinuousClock.now + .seconds(2)
        try await expectEventually("many connections", every: .milliseconds(20)) {
          siege.look()
          let state = try await daemon.state()
          return ContinuousClock.now > end && state.closed("by_client") > before + 2000
        }
        for loop in loops { loop.kill(SIGKILL) }
      }
      try await siege.expectUnharmed()
    }

    /// Whom the kernel can't name is told so, as often as they come.
    @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
    func theUserThatNobodyIsStaysOutside() async throws {
      let daemon = try await DaemonProcess.ready(in: place)
      daemon.admitEverybody()
      let siege = try await Siege(daemon)
      // ERROR, NOT_PERMITTED: 20 bytes and no more.
      let script = """
        import socket, sys
        for _ in range(60):
          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
          said = b""
          while more := s.recv(100): said += more
          print(said.hex())
        """
      let told = ErrorFrame(.notPermitted).encoded().map {
        $0 < 16 ? "0\(String($0, radix: 16))" : String($0, radix: 16)
      }
      .joined()
      try await siege.attack("a user that the kernel can't name") {
        let stranger = try OtherUsers.start(
          "/usr/bin/env", ["python3", "-c", script, daemon.socket], as: 65_534, in: place)
        let ended = try await stranger.end()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(
          ended.output.split(separator: "\n") == Array(repeating: Substring(told), count: 60))
      }
      #expect(try await daemon.state().closed("NOT_PERMITTED") == 60)
      #expect(
        daemon.logLines.compactMap(logFields).contains {
          $0["msg"] == "client refused" && $0["code"] == "NOT_PERMITTED" && $0["uid"] == "65534"
        })
      try await siege.expectUnharmed()
    }
  }
}
