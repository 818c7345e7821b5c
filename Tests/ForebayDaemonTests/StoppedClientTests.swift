import ForebayWire
import Glibc
import Testing

/// SIGSTOP of clients: processes that are there, hold credit and messages, and do nothing. These tests
/// mostly wait, so they wait beside all others.
struct StoppedClientTests {
  private let place = Workplace()

  /// What it held goes on, its unused credit goes to those who wait; the others don't feel it. When it
  /// goes on, it resumes and hears of each of its messages once.
  @Test func aStoppedClientKeepsNobodyWaiting() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      [
        "--buffer-messages", "64", "--buffer-bytes", "2MiB", "--frame-bytes", "64KiB", "--rate",
        "4000",
      ])
    let stopped = try Program.start(
      "forebay-bench",
      [
        "load", daemon.socket, "--clients", "30", "--count", "8000", "--size", "100..2000",
        "--reconnect", "--drain", "60s",
      ], in: place)
    try await expectEventually("a load") { try await daemon.state().delivered > 500 }
    stopped.kill(SIGSTOP)
    let before = try await daemon.state().delivered
    let others = (1...3).map { Producer("other\($0)", to: daemon) }
    for producer in others { producer.offer(150, payloadBytes: 60_000) }
    try await turnUntilSettled(others)
    #expect(others.allSatisfy { $0.errors.isEmpty && $0.connects == 1 })
    let state = try await daemon.state()
    #expect(state.isBalanced && state.delivered >= before + 450)
    #expect(
      state.closed("RECLAIM_TIMEOUT") > 0, "those that kept what others waited for were cut off")

    stopped.kill(SIGCONT)
    let ended = try await stopped.end()
    #expect(ended.status == 0, "one outcome each: \(ended.errors)")
    #expect(ended.output.contains("\"delivered\":8000"), "\(ended.output)")
    #expect(try await daemon.state().isBalanced)
    #expect(try await daemon.stop() == 0)
    let journal = try JournalContents(daemon.journal)
    #expect(journal.records.count == 8450 && Set(journal.keys).count == 8450)
    journal.of(others).expectExactly(others)
  }

  /// A client over TCP that is stopped, or whose network is gone, is found out by PING.
  @Test func aSilentClientOverTCPIsEnded() async throws {
    let port = try freePort()
    let daemon = try await DaemonProcess.ready(
      in: place, ["--peer-listen", "127.0.0.1:\(port)"])
    let (silent, alive) = (try WireClient(port: port), try WireClient(port: port))
    for client in [silent, alive] {
      try await client.greet()
      client.send(messages: 1...3)
      try await client.expectOutcome(.delivered, of: 1...3)
      #expect((client.welcome?.heartbeatMilliseconds ?? 0) > 0)
    }
    var pongs = 0
    try await expectEventually("the end of the silent one", every: .milliseconds(20)) {
      while let frame = try alive.poll() {
        guard case .ping(let ping) = frame else { continue }
        alive.send(Pong(token: ping.token))
        pongs += 1
      }
      return try silent.poll() == .closed
    }
    try await silent.expectError(.heartbeatTimeout)
    #expect(pongs >= 1 && silent.heard.contains { if case .ping = $0 { true } else { false } })
    #expect(try await daemon.state().closed("HEARTBEAT_TIMEOUT") == 1)
    alive.send(messages: 4...6)
    try await alive.expectOutcome(.delivered, of: 4...6)
  }
}
