import ForebayWire
import Glibc
import Testing

extension HostileTests {
  /// The process runs out of descriptors, whoever's fault it is.
  @Suite(.enabled(if: exists("/usr/bin/prlimit"), "needs prlimit"))
  struct DescriptorTests {
    private let place = Workplace()

    /// With so few, connections would be dropped without a word: it says so at once.
    @Test func aLimitThatIsTooLowIsRefusedAtTheStart() async throws {
      let daemon = try DaemonProcess(in: place, prefix: ["/usr/bin/prlimit", "--nofile=70:70"])
      #expect(try await daemon.program.end().status == 1)
      #expect(daemon.errors.contains("descriptor limit"), "\(daemon.errors)")
      #expect(daemon.errors.contains("at least 80"), "\(daemon.errors)")
      #expect(!exists(daemon.socket) && !exists(daemon.journal))
    }

    /// Far more come than there are descriptors for: who is in goes on, the others are told, and places that
    /// become free are given away.
    @Test func moreThanThereArePlacesForAreToldSo() async throws {
      let daemon = try await DaemonProcess.ready(
        in: place, prefix: ["/usr/bin/prlimit", "--nofile=160:160"])
      let siege = try await Siege(daemon)
      var refused: UInt64 = 0
      try await siege.attack("1000 connections for 96 places") {
        var inside: [WireClient] = []
        for _ in 0..<1000 {
          let client = try WireClient(daemon)
          client.send(Hello(session: .drawn()))
          let isIn = try await client.wait(for: "an answer") { frame -> Bool? in
            switch frame {
            case .welcome: true
            case .goAway(let goAway):
              ErrorCode(rawValue: goAway.code) == .tooManyConnections ? false : nil
            case .window, .receipt, .reclaim, .ping, .error, .closed: nil
            }
          }
          if isIn { inside.append(client) } else { refused += 1 }
          if refused % 100 == 50 {
            siege.look()
            inside.removeLast().socket.close()
          }
        }
        for client in inside {
          try await client.waitForWindow { $0.limitMessages > 0 }
          client.send(messages: 1...1)
        }
        for client in inside { try await client.expectOutcome(.delivered, of: 1...1) }
        #expect(inside.count >= 80)
      }
      #expect(refused >= 800)
      #expect(try await daemon.state().closed("TOO_MANY_CONNECTIONS") == refused)
      try await siege.expectUnharmed()
    }

    /// The limit is lowered under it, as by an operator's mistake: nobody new gets in, those inside notice
    /// nothing, it doesn't spin, and when there are descriptors again all is as before.
    @Test func withoutADescriptorTheOthersGoOn() async throws {
      let daemon = try await DaemonProcess.ready(in: place)
      let siege = try await Siege(daemon)
      let producers = (1...3).map { Producer("p\($0)", to: daemon) }
      for producer in producers { producer.offer(20) }
      try await turnUntilSettled(producers)
      try await siege.attack("no descriptor left") {
        // Every number below the limit is in use.
        try await setLimit("\(try #require(daemon.lowestFreeDescriptor)):", of: daemon)
        let ticks = daemon.processorTicks
        // Those who asked before may have left a number or two.
        var inside: [WireClient] = []
        for _ in 0..<50 {
          // Served, or ended at once: never a connection that hangs half open.
          let client = try WireClient(daemon)
          client.send(Hello(session: .drawn()))
          let isIn = try await client.wait(for: "an answer") { frame -> Bool? in
            switch frame {
            case .window: true
            case .closed: false
            case .welcome, .receipt, .reclaim, .ping, .goAway, .error: nil
            }
          }
          if isIn { inside.append(client) }
        }
        #expect(inside.count < 5)
        for producer in producers { producer.offer(200) }
        try await turnUntilSettled(producers)
        try await Task.sleep(for: .milliseconds(700))
        siege.look()
        // A busy loop would take a hundred a second.
        print(
          "no descriptor left: \(daemon.processorTicks - ticks) hundredths of a second of processor time"
        )
        try await setLimit("1024:", of: daemon)
        let late = Producer("late", to: daemon)
        late.offer(20)
        try await turnUntilSettled([late])
        late.disconnect()
      }
      #expect(producers.allSatisfy { $0.connects == 1 && $0.errors.isEmpty })
      for producer in producers { producer.disconnect() }
      try await siege.expectUnharmed()
    }

    /// The soft limit alone, so that it can be raised again.
    private func setLimit(_ limit: String, of daemon: DaemonProcess) async throws {
      let set = try Program.start(
        "/usr/bin/prlimit", ["--pid", "\(daemon.program.id)", "--nofile=\(limit)"], in: place)
      #expect(try await set.end().status == 0)
    }
  }
}
