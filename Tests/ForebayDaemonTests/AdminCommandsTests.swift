import ForebayWire
import Glibc
import Testing

/// Every command of the admin socket, against a real daemon: what it answers and what it does.
@Suite(.fewAtOnce) struct AdminCommandsTests {
  private let place = Workplace()

  /// A daemon whose only upstream isn't there, so that what it takes it holds.
  private func stuck(_ options: [String] = []) async throws -> DaemonProcess {
    try await DaemonProcess.ready(
      in: place, ["--upstream", "orders=forebay+unix:\(place.file("nowhere.sock"))"] + options)
  }

  private func holding(
    _ count: UInt64, _ daemon: DaemonProcess
  ) async throws -> WireClient {
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...count)
    try await expectEventually("\(count) held messages") {
      try await daemon.state().heldMessages == count
    }
    return client
  }

  @Test(arguments: [
    ("help", "show clients"), ("help pause", "arguments: <route|all> [timeout]"), ("ping", "pong"),
    ("ready", "ready"), ("version", "protocol: 1"), ("level", "level admin"),
    ("show info", "admin.commands: "), ("show state", "routes[0].steering: running"),
    ("show clients", "[0].blocked_seconds: "), ("show routes", "[0].upstream: journal:"),
    ("show breakers", "[0].forced: no"), ("show buffer", "[0].oldest_seconds: -"),
    ("show credits", "[0].class: default"), ("show classes", "[0].name: default"),
    ("show links", "links"), ("show errors", "errors"), ("wait ready 1s", "ready"),
  ])
  func looks(command: String, expected: String) async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    let text = try await daemon.admin(command) ?? ""
    #expect(text.hasPrefix("+OK "), "\(text)")
    #expect(text.contains(expected), "\(text)")
    let json = try await daemon.admin(command + " json") ?? ""
    #expect(json.hasPrefix("+OK "), "\(json)")
    let body = json.split(separator: "\n").dropFirst().joined(separator: "\n")
    let python = try Program.start(
      "/usr/bin/env", ["python3", "-c", "import json,sys; json.loads(sys.argv[1] or '{}')", body],
      in: place)
    #expect(try await python.end().status == 0, "\(json)")
  }

  @Test func showsOneClientAndChoosesAmongMany() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let clients = try (0..<5).map { _ in try WireClient(daemon) }
    for client in clients { try await client.greet() }
    let all = try await daemon.admin("show clients") ?? ""
    let ids = all.split(separator: "\n").compactMap {
      $0.contains("].id: ") ? $0.split(separator: " ").last.map(String.init) : nil
    }
    #expect(ids.count == 5)
    #expect(try await daemon.admin("show client \(ids[2])")?.contains("id: \(ids[2])\n") == true)
    #expect(try await daemon.admin("show client 99.1")?.hasPrefix("-ERR NOT_FOUND") == true)
    #expect(try await daemon.admin("show client x")?.hasPrefix("-ERR BAD_VALUE") == true)
    func count(_ query: String) async throws -> Int {
      let shown = try await daemon.admin("show clients \(query)") ?? ""
      return shown.split(separator: "\n").filter { $0.contains("].id: ") }.count
    }
    #expect(try await count("where id=\(ids[1])") == 1)
    #expect(try await count("where id!=\(ids[1]) uid=\(getuid()) limit 3") == 3)
    #expect(try await count("where window>100000") == 0)
    #expect(try await count("sort -id limit 2") == 2)
    for wrong in [
      "where colour=red", "where held=1", "where uid", "sort colour", "limit x", "limit", "foo",
    ] {
      let answer = try await daemon.admin("show clients \(wrong)") ?? ""
      #expect(answer.hasPrefix("-ERR BAD_VALUE") || answer.hasPrefix("-ERR USAGE"), "\(answer)")
    }
  }

  @Test func pauseWaitsAndResumeCancelsIt() async throws {
    let daemon = try await stuck()
    let client = try await holding(5, daemon)
    let operator1 = try AdminSocket(daemon)
    operator1.send("pause orders 60s")
    try await client.wait(for: "a paused window") { $0.isShut(because: .paused) ? true : nil }
    #expect(!operator1.hasHeard())
    #expect(try await daemon.admin("show routes")?.contains("state: paused\n") == true)
    #expect(try await daemon.admin("resume orders") == "+OK resumed")
    let reply = try await operator1.reply()
    #expect(reply.hasPrefix("-ERR CANCELLED"), "\(reply)")
    #expect(try await daemon.admin("resume all") == "+OK already running")
    let late = try await daemon.admin("pause orders 200ms") ?? ""
    #expect(late == "-ERR TIMEOUT paused, and 5 messages are still held")
    #expect(try await daemon.admin("hold orders") == "+OK held")
    #expect(try await daemon.admin("pause orders")?.hasPrefix("-ERR CANCELLED paused, but") == true)
    #expect(try await daemon.admin("pause nowhere")?.hasPrefix("-ERR NOT_FOUND") == true)
  }

  @Test func pauseEndsWhenNothingIsHeld() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...50)
    try await client.expectOutcome(.delivered, of: 1...50)
    // The client never answers RECLAIM, so it is ended after five seconds, and then nothing can come.
    #expect(try await daemon.admin("pause default") == "+OK paused")
    #expect(try await daemon.admin("pause default") == "+OK already paused")
    #expect(try await daemon.state().isBalanced)
  }

  @Test func holdKeepsWhatComesAndResumeForwardsIt() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    #expect(try await daemon.admin("hold all") == "+OK held")
    #expect(try await daemon.admin("hold default") == "+OK already held")
    let client = try await holding(20, daemon)
    #expect(try await daemon.state().delivered == 0)
    let buffer = try await daemon.admin("show buffer") ?? ""
    #expect(!buffer.contains("oldest_seconds: -"), "\(buffer)")
    #expect(try await daemon.admin("resume default") == "+OK resumed")
    try await client.expectOutcome(.delivered, of: 1...20)
    #expect(try await daemon.admin("wait resumed 5") == "+OK resumed")
  }

  @Test func drainStaysAliveAndUndrainServesAgain() async throws {
    let daemon = try await stuck()
    let client = try await holding(3, daemon)
    let operator1 = try AdminSocket(daemon)
    operator1.send("drain 60s")
    try await client.wait(for: "GOAWAY") { if case .goAway = $0 { true } else { nil } }
    #expect(try await daemon.admin("ready") == "-ERR NOT_READY draining")
    #expect(try await daemon.admin("show state")?.contains("lifecycle: draining\n") == true)
    let refused = try WireClient(daemon)
    try await refused.wait(for: "GOAWAY") { if case .goAway = $0 { true } else { nil } }
    #expect(try await daemon.admin("undrain") == "+OK running")
    #expect(try await operator1.reply().hasPrefix("-ERR CANCELLED"))
    #expect(try await daemon.admin("undrain") == "+OK already running")
    #expect(try await daemon.admin("ready") == "+OK ready")
    try await WireClient(daemon).greet()
    #expect(daemon.program.isRunning)
  }

  @Test func anIdleDaemonDrainsAtOnceAndEndsWhenToldTo() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    #expect(try await daemon.admin("drain") == "+OK drained")
    #expect(try await daemon.admin("drain") == "+OK already drained")
    #expect(try await daemon.admin("wait drained 1s") == "+OK drained")
    #expect(try await daemon.admin("shutdown") == "+OK draining")
    #expect(try await daemon.program.end().status == 0)
  }

  @Test func shutdownNowDoesNotWait() async throws {
    let daemon = try await stuck(["--drain-timeout", "1h"])
    let client = try await holding(3, daemon)
    let session = try AdminSocket(daemon)
    #expect(try await session.ask("shutdown") == "+OK draining")
    #expect(try await session.ask("undrain").hasPrefix("-ERR UNAVAILABLE"))
    #expect(try await session.ask("drain").hasPrefix("-ERR UNAVAILABLE"))
    session.send("shutdown now")
    #expect(try await daemon.program.end().status == 0)
    withExtendedLifetime(client) {}
  }

  @Test func breakersAreForcedProbedAndLetGo() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    #expect(try await daemon.admin("breaker default open") == "+OK forced_open")
    #expect(try await daemon.admin("breaker all open") == "+OK already forced_open")
    let shown = try await daemon.admin("show breakers") ?? ""
    #expect(shown.contains("forced: yes") && shown.contains("reason: operator_command"))
    #expect(try await daemon.admin("breaker default probe") == "+OK already forced_open")
    #expect(try await daemon.admin("wait breaker:default=forced_open 1") != nil)
    #expect(try await daemon.admin("breaker default auto") == "+OK half_open")
    #expect(try await daemon.admin("breaker default close") == "+OK forced_closed")
    #expect(try await daemon.admin("breaker default auto") == "+OK closed")
    #expect(try await daemon.admin("breaker default melt")?.hasPrefix("-ERR USAGE") == true)
    #expect(try await daemon.admin("breaker default")?.hasPrefix("-ERR USAGE") == true)
    #expect(
      try await daemon.admin("wait breaker:default=open 100ms")
        == "-ERR TIMEOUT the breaker is closed")
  }

  @Test func killEndsWhatFits() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let clients = try (0..<3).map { _ in try WireClient(daemon) }
    for client in clients { try await client.greet() }
    let mine = "uid=\(getuid())"
    #expect(
      try await daemon.admin("kill client \(mine) dry-run")?.hasPrefix("+OK 3 would be") == true)
    #expect(try await daemon.admin("kill client uid=1 class=default")?.hasPrefix("+OK 0 k") == true)
    #expect(try await daemon.admin("kill client idle>1h")?.hasPrefix("+OK 0 killed") == true)
    let all = try await daemon.admin("show clients limit 1") ?? ""
    let id = all.split(separator: "\n")[1].split(separator: " ").last ?? ""
    #expect(try await daemon.admin("kill client \(id)")?.hasPrefix("+OK 1 killed") == true)
    try await expectEventually("two clients") {
      try await daemon.state().number("clients") == 2
    }
    #expect(try await daemon.admin("kill client \(id)")?.hasPrefix("-ERR NOT_FOUND") == true)
    #expect(try await daemon.admin("kill client \(mine)")?.hasPrefix("+OK 2 killed") == true)
    for client in clients { try await client.expectError(.killed) }
    #expect(try await daemon.state().closed("KILLED") == 3)
    for wrong in ["", "everybody", "class=none", "uid=x", "idle>soon", "dry-run"] {
      let answer = try await daemon.admin("kill client \(wrong)") ?? ""
      #expect(answer.hasPrefix("-ERR "), "\(wrong): \(answer)")
    }
  }

  @Test func creditIsSetForAClientAndAClass() async throws {
    let daemon = try await stuck()
    #expect(
      try await daemon.admin("set credit default 7")
        == "+OK default: at most 7 messages unsettled")
    let client = try WireClient(daemon)
    let window = try await client.greet()
    #expect(window.limitMessages == 7)
    #expect(try await daemon.admin("show classes")?.contains("window_maximum_set: 7") == true)
    let shown = try await daemon.admin("show clients") ?? ""
    #expect(shown.contains("window_maximum: 7\n"))
    let id = shown.split(separator: "\n")[1].split(separator: " ").last ?? ""
    #expect(try await daemon.admin("set credit \(id) 50")?.hasPrefix("+OK ") == true)
    try await client.waitForWindow { $0.limitMessages > 7 }
    #expect(try await daemon.admin("set credit \(id) default") == "+OK \(id): as configured")
    #expect(try await daemon.admin("set credit default 0")?.hasPrefix("-ERR BAD_VALUE") == true)
    #expect(try await daemon.admin("set credit default 10001")?.hasPrefix("-ERR BAD") == true)
    #expect(try await daemon.admin("set credit nobody 5")?.hasPrefix("-ERR NOT_FOUND") == true)
    #expect(try await daemon.admin("set credit 77.1 5")?.hasPrefix("-ERR NOT_FOUND") == true)
  }

  @Test func logLevelAndConnectionsAreSet() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    #expect(try await daemon.admin("set log info") == "+OK already info")
    #expect(try await daemon.admin("set log error") == "+OK log level error")
    #expect(try await daemon.admin("set log loud")?.hasPrefix("-ERR USAGE") == true)
    let client = try WireClient(daemon)
    try await client.greet()
    #expect(try await daemon.admin("set maxclients 1") == "+OK at most 1 clients")
    let late = try WireClient(daemon)
    try await late.wait(for: "GOAWAY") { if case .goAway = $0 { true } else { nil } }
    #expect(try await daemon.admin("set maxclients 1") == "+OK already 1")
    #expect(try await daemon.admin("set maxclients 0")?.hasPrefix("-ERR BAD_VALUE") == true)
    #expect(try await daemon.admin("show info")?.contains("clients_maximum: 1\n") == true)
    let errors = try await daemon.admin("show errors") ?? ""
    #expect(errors.contains("[0].reason: TOO_MANY_CONNECTIONS"), "\(errors)")
  }

  @Test func errorsShowWhereABadFrameWas() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send([0, 0, 0, 8, 77, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef])
    try await client.expectError(.unknownFrameType)
    let shown = try await daemon.admin("show errors") ?? ""
    #expect(shown.contains("[0].reason: UNKNOWN_FRAME_TYPE"))
    #expect(shown.contains("[0].offset: 44\n"), "\(shown)")
    #expect(shown.contains("[0].bytes: 000000084d000000deadbeef"), "\(shown)")
    let viewer = try AdminSocket(daemon)
    #expect(try await viewer.ask("level view") == "+OK level view")
    #expect(try await viewer.ask("show errors").contains("[0].bytes: -"))
    // A ring: what is old makes place.
    for _ in 0..<70 { try WireClient(daemon).send(Array(repeating: 0xff, count: 44)) }
    try await expectEventually("71 errors") {
      try await daemon.admin("show info")?.contains("\nerrors: 71\n") == true
    }
    let full = try await daemon.admin("show errors") ?? ""
    #expect(full.contains("[63].reason: ") && !full.contains("[64]."))
    #expect(!full.contains("UNKNOWN_FRAME_TYPE"))
  }
}
