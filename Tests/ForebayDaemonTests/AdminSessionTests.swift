import ForebayConfig
import ForebayWire
import Glibc
import Testing

@testable import ForebayDaemon

/// The admin socket as a place: levels, order, waiting, strangers, records.
@Suite(.fewAtOnce) struct AdminSessionTests {
  private let place = Workplace()

  @Test func aSessionLowersItsLevelAndNeverRaisesIt() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let session = try AdminSocket(daemon)
    #expect(try await session.ask("level") == "+OK level admin")
    #expect(try await session.ask("level operate") == "+OK level operate")
    #expect(try await session.ask("level admin").hasPrefix("-ERR PERMISSION"))
    #expect(try await session.ask("shutdown").hasPrefix("-ERR PERMISSION"))
    #expect(try await session.ask("hold all") == "+OK held")
    #expect(try await session.ask("level view") == "+OK level view")
    #expect(try await session.ask("level king").hasPrefix("-ERR BAD_VALUE"))
    #expect(try await daemon.admin("resume all") == "+OK resumed", "others keep theirs")
  }

  /// Whatever stands in the table: a session at a lower level gets nowhere, and nothing happens.
  @Test func everyRowIsGuardedByItsLevel() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let viewer = try AdminSocket(daemon)
    let handler = try AdminSocket(daemon)
    _ = try await viewer.ask("level view")
    _ = try await handler.ask("level operate")
    for command in AdminCommand.table where command.level > .view {
      let refused = try await viewer.ask(command.name)
      #expect(refused == "-ERR PERMISSION this needs level \(command.level)", "\(command.name)")
      if command.level > .operate {
        #expect(try await handler.ask(command.name).hasPrefix("-ERR PERMISSION"), "\(command.name)")
      }
    }
    #expect(try await daemon.admin("ready") == "+OK ready")
    #expect(try await daemon.state().text("routes[0].steering") == "running")
  }

  /// A word too many is refused before anything is done.
  @Test func everyRowRefusesWhatItDoesNotUnderstand() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let session = try AdminSocket(daemon)
    for command in AdminCommand.table {
      let answer = try await session.ask("\(command.name) zz zz zz zz zz zz")
      #expect(answer.hasPrefix("-ERR "), "\(command.name): \(answer)")
    }
    #expect(try await daemon.admin("ready") == "+OK ready")
  }

  @Test func commandsAreDoneInTheirOrder() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "forebay+unix:\(place.file("nowhere.sock"))"])
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...2)
    try await expectEventually("held messages") { try await daemon.state().heldMessages == 2 }
    let session = try AdminSocket(daemon)
    session.send("wait held<1 300ms; ping; show clients; level")
    #expect(try await session.reply().hasPrefix("-ERR TIMEOUT 2 messages are held"))
    #expect(try await session.reply() == "+OK pong")
    #expect(try await session.reply().hasPrefix("+OK clients\n"))
    #expect(try await session.reply() == "+OK level admin")
  }

  @Test func whoeverHangsUpWaitsNoMore() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "forebay+unix:\(place.file("nowhere.sock"))"])
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...2)
    try await expectEventually("held messages") { try await daemon.state().heldMessages == 2 }
    for isHalfClosedFirst in [false, true] {
      let session = try AdminSocket(daemon)
      session.send("pause all 1h")
      if isHalfClosedFirst { session.socket.shutDownWriting() }
      try await expectEventually("two sessions") {
        try await daemon.admin("show info")?.contains("\nadmin.sessions: 2\n") == true
      }
      session.socket.close()
      try await expectEventually("only the one that asks") {
        try await daemon.admin("show info")?.contains("\nadmin.sessions: 1\n") == true
      }
    }
    #expect(daemon.errors.contains("result=DISCONNECTED"), "\(daemon.errors)")
    #expect(try await daemon.state().text("routes[0].steering") == "paused", "the pause stays")
  }

  /// `echo 'wait …' | socat` ends its input and waits for the reply.
  @Test func whoeverOnlyEndsItsInputGetsItsReply() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let session = try AdminSocket(daemon)
    session.send("wait held<0 500ms")
    session.socket.shutDownWriting()
    #expect(try await session.reply() == "-ERR TIMEOUT 0 messages are held")
    try await session.waitForEnd()
  }

  @Test func aPromptIsForPeople() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let session = try AdminSocket(daemon)
    #expect(try await session.ask("prompt") == "+OK prompt on")
    #expect(try await session.ask("ping") == "> +OK pong")
    #expect(try await session.ask("prompt") == "> +OK prompt off")
    #expect(try await session.ask("ping") == "+OK pong")
    session.send("quit")
    try await session.waitForEnd()
  }

  @Test(arguments: [
    "\u{0}\u{1}\u{1b}[31m", "ping\u{0}", "pïng", "show", "show client", "show client -1.-1",
    "show client 4294967296.1", "wait", "wait held<", "wait held<-1", "wait breaker:",
    "wait breaker:x=closed", "wait ready 25h", "wait ready 99999999999999999999h", "pause",
    "set credit default 99999999999999999999", "set maxclients -1", "level level", "help nonsense",
    "\\", "json json", "kill client", "kill client 1.1 2.2 uid=3",
  ])
  func hostileLinesAreRefused(line: String) async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let answer = try await daemon.admin(line == "\\" ? "\\ " : line) ?? ""
    #expect(answer.hasPrefix("-ERR "), "\(line): \(answer)")
    #expect(answer.split(separator: "\n").count == 1)
    #expect(answer.unicodeScalars.allSatisfy { $0.value >= 0x20 })
    #expect(try await daemon.admin("ping") == "+OK pong")
  }

  @Test func aClientsNameCanNotForgeAReply() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    client.send(
      Hello(session: .drawn()),
      extensions: encodedExtension(.clientName, Array("x\n\n+OK forged\n\u{1b}[2J".utf8)))
    try await client.waitForWindow { $0.limitMessages > 0 }
    let shown = try await daemon.admin("show clients") ?? ""
    #expect(shown.contains("name: x\\u{a}\\u{a}+OK forged\\u{a}\\u{1b}[2J\n"), "\(shown)")
  }

  @Test func changesAreLoggedWithWhoMadeThem() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let session = try AdminSocket(daemon)
    _ = try await session.ask("hold all")
    _ = try await session.ask("show state")
    _ = try await session.ask("resume nowhere")
    _ = try await session.ask("level view; hold all")
    _ = try await session.reply()
    try await expectEventually("three lines") {
      daemon.logLines.filter { $0.contains("operator command") }.count == 3
    }
    let lines = daemon.logLines.compactMap(logFields).filter { $0["msg"] == "operator command" }
    #expect(lines.map { $0["result"] } == ["ok", "NOT_FOUND", "PERMISSION"])
    #expect(lines.map { $0["command"] } == ["hold all", "resume nowhere", "hold all"])
    #expect(lines.allSatisfy { $0["uid"] == "\(getuid())" && $0["pid"] == "\(getpid())" })
    let info = try await daemon.admin("show info") ?? ""
    #expect(info.contains("admin.changes: 1\n") && info.contains("admin.refusals: 1\n"), "\(info)")
  }

  /// Ten thousand rows leave in pieces: others are served between them, and all of them come.
  @Test func aLongListComesWhole() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--connections-per-user-max", "2000", "--connections-max", "2000"])
    let clients = try (0..<700).map { _ in
      let client = try WireClient(daemon)
      client.send(Hello(session: .drawn()))
      return client
    }
    try await expectEventually("all clients") {
      try await daemon.state().number("clients") == 700
    }
    for query in ["", " sort idle_ms", " where peer=no sort -age_seconds"] {
      let shown = try await daemon.admin("show clients\(query) json") ?? ""
      #expect(shown.split(separator: "\n").count == 701)
      #expect(shown.hasSuffix("}]") && shown.contains("+OK clients\n[{"))
    }
    #expect(try await daemon.admin("kill client uid=\(getuid())")?.hasPrefix("+OK 700 k") == true)
    withExtendedLifetime(clients) {}
  }
}
