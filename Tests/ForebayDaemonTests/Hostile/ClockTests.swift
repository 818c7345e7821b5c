import ForebayStore
import ForebayWire
import Glibc
import Testing

/// Clocks that are wrong, and times that pass without us. These tests mostly wait, so they wait beside all
/// others.
struct ClockTests {
  private let place = Workplace()

  private static let faketime =
    ["x86_64", "aarch64"].map { "/usr/lib/\($0)-linux-gnu/faketime/libfaketimeMT.so.1" }
    .first(where: exists)

  /// The wall clock goes back and forth by hours. Nothing that counts time looks at it; only what is
  /// written for people to read shows it.
  @Test(.enabled(if: faketime != nil, "needs faketime"))
  func theWallClockMovesNothing() async throws {
    let library = try #require(Self.faketime)
    let file = place.file("offset")
    func step(_ offset: String) {
      let fresh = place.write("\(offset)\n", to: "offset.new")
      #expect(rename(fresh, file) == 0)
    }
    step("+0")
    let daemon = try await DaemonProcess.ready(
      in: place,
      prefix: DaemonProcess.with([
        "LD_PRELOAD=\(library)", "FAKETIME_TIMESTAMP_FILE=\(file)", "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        // The library changes the environment of the first program that it is loaded into, and then Swift
        // doesn't find that program's arguments.
        "/usr/bin/env",
      ]), ["--rate", "2000"])
    let session = ID128.drawn()
    let client = try WireClient(daemon)
    try await client.greet(session: session)
    #expect(try await daemon.admin("hold all") == "+OK held")
    // The first two wait through all of it; the others expire in the middle.
    client.send(encodedData(1, [1]) + encodedData(2, [2], ttl: 3_600_000))
    let producer = Producer("p", to: daemon)
    var sequence: UInt64 = 2
    for offset in ["+5h", "-7h", "+49h", "+0"] {
      step(offset)
      sequence += 1
      client.send(encodedData(sequence, [3], ttl: 200))
      try await client.expectOutcome(.expired, of: sequence...sequence)
      #expect(client.outcomes(of: 1).isEmpty && client.outcomes(of: 2).isEmpty)
      #expect(try await daemon.state().heldMessages == 2)
    }
    #expect(try await daemon.admin("resume all") == "+OK resumed")
    try await client.expectOutcome(.delivered, of: 1...2)
    client.socket.close()
    // Load while it goes on: rate, windows, journal, receipts.
    for round in 1...4 {
      producer.offer(300)
      step(round % 2 == 0 ? "-30h" : "+30h")
      try await turnUntilSettled([producer])
    }
    // Fifteen minutes is how long a session is remembered, and none have passed.
    let again = try WireClient(daemon)
    try await again.greet(session: session)
    #expect(again.welcome?.isResumed == true && again.welcome?.known == sequence)
    #expect(producer.errors.isEmpty && producer.connects == 1)
    let state = try await daemon.state()
    #expect(state.values.keys.allSatisfy { !$0.hasPrefix("closed.") || $0 == "closed.by_client" })
    #expect(state.total("expired") == 4 && state.isBalanced)
    #expect(try await daemon.stop() == 0)
    let times = try JournalContents(daemon.journal).records.map(\.receivedAtMilliseconds)
    #expect((times.max() ?? 0) - (times.min() ?? 0) > 50 * 3_600_000, "the clock did step")
  }

  /// A machine that has been up for thirty years, or for a moment: only differences count.
  @Test(.enabled(if: timeNamespaces, "needs time namespaces"), arguments: [1_000_000_000, 0])
  func anyMonotonicTimeWillDo(offset: Int) async throws {
    // Nearly as if the machine had just been started.
    let seconds = offset == 0 ? -Int(uptime()) + 1 : offset
    let daemon = try await DaemonProcess.ready(
      in: place, prefix: ["/usr/bin/unshare", "-T", "--monotonic", "\(seconds)"],
      ["--rate", "2000"])
    let producer = Producer("p", to: daemon)
    producer.offer(800)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(Array(encodedData(1, [1]).prefix(10)))
    try await turnUntilSettled([producer])
    try await client.expectError(.frameTimeout)
    let silent = try WireClient(daemon)
    try await silent.expectError(.helloTimeout)
    let up = try await daemon.state().number("uptime_ms")
    #expect(up > 0 && up < 3_600_000)
    producer.disconnect()
    #expect(try await daemon.stop() == 0)
    try JournalContents(daemon.journal).expectExactly([producer])
  }

  private static let timeNamespaces =
    geteuid() == 0 && exists("/usr/bin/unshare")
    && system("/usr/bin/unshare -T --monotonic 1000 /bin/true 2>/dev/null") == 0

  private func uptime() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec)
  }

  /// The whole process stands still, as when a machine is suspended. What everybody sent meanwhile lies in
  /// the sockets when it goes on, with every deadline long past: nobody is ended for having been late.
  @Test func aDaemonThatStoodStillBlamesNobody() async throws {
    let port = try freePort()
    let daemon = try await DaemonProcess.ready(
      in: place,
      prefix: DaemonProcess.with([
        "FOREBAY_LIMITS_HELLO_TIMEOUT=7s", "FOREBAY_LIMITS_FRAME_TIMEOUT=7s",
        "FOREBAY_LIMITS_HEARTBEAT=7s",
      ]), ["--peer-listen", "127.0.0.1:\(port)"])
    let producer = Producer("p", to: daemon)
    producer.offer(200)
    try await turnUntilSettled([producer])
    let pinged = try WireClient(port: port)
    try await pinged.greet()
    let halfFrame = try WireClient(daemon)
    try await halfFrame.greet()
    let token = try await pinged.wait(for: "PING") {
      if case .ping(let ping) = $0 { ping.token } else { nil }
    }
    let halfHello = try WireClient(daemon)
    let hello = Hello(session: .drawn()).encoded()
    let frame = encodedData(1, [UInt8](repeating: 1, count: 100))
    halfHello.send(Array(hello[..<20]))
    halfFrame.send(Array(frame[..<50]))
    // It has read them.
    #expect(try await daemon.admin("ping") == "+OK pong")
    daemon.program.kill(SIGSTOP)
    halfHello.send(Array(hello[20...]))
    halfFrame.send(Array(frame[50...]))
    pinged.send(Pong(token: token))
    producer.offer(200)
    let end = ContinuousClock.now + .seconds(9)
    try await turn([producer], until: "deadlines that are past") { ContinuousClock.now > end }
    daemon.program.kill(SIGCONT)
    try await halfHello.waitForWindow { $0.limitMessages > 0 }
    try await halfFrame.expectOutcome(.delivered, of: 1...1)
    pinged.send(messages: 1...3)
    try await pinged.expectOutcome(.delivered, of: 1...3)
    try await turnUntilSettled([producer])
    #expect(producer.connects == 1 && producer.errors.isEmpty)
    let state = try await daemon.state()
    #expect(
      state.values.keys.allSatisfy { !$0.hasPrefix("closed.") || $0 == "closed.by_client" },
      "\(state.values.filter { $0.key.hasPrefix("closed.") })")
    #expect(state.isBalanced)
  }

  /// The same between two daemons: the peer's answers came while the first one stood still.
  @Test func aLinkOutlivesAPause() async throws {
    let port = try freePort()
    let second = try await DaemonProcess.ready(
      in: place, name: "second", ["--peer-listen", "127.0.0.1:\(port)", "--rate", "500"])
    let first = try await DaemonProcess.ready(
      in: place, name: "first",
      ["--upstream", "forebay+tcp:127.0.0.1:\(port)", "--attempt-timeout", "2s"])
    let producer = Producer("p", to: first)
    producer.offer(600)
    try await turn([producer], until: "a load") { producer.count(.delivered) > 100 }
    first.program.kill(SIGSTOP)
    try await Task.sleep(for: .seconds(4))
    first.program.kill(SIGCONT)
    try await turnUntilSettled([producer])
    #expect(!first.logLines.contains { $0.contains("link closed") }, "\(first.errors)")
    #expect(try await first.state().breaker == "closed")
    #expect(try await first.stop() == 0)
    #expect(try await second.stop() == 0)
    try JournalContents(second.journal).expectExactly([producer])
  }
}
