import Glibc
import Testing

/// `forebayctl` as a process: what it prints for people and for scripts, and how it ends.
@Suite(.fewAtOnce) struct AdminClientTests {
  private let place = Workplace()

  private func ask(_ daemon: DaemonProcess, _ words: String...) async throws -> Program.Ended {
    try await Program.start("forebayctl", ["-s", daemon.adminSocket] + words, in: place).end()
  }

  /// The same on a terminal of its own.
  private func askOnTerminal(
    _ daemon: DaemonProcess, _ words: String, columns: Int, before: String = ""
  ) async throws -> String {
    let command =
      "\(before) stty cols \(columns); \(Program.folder)/forebayctl -s \(daemon.adminSocket) \(words)"
    let script = try Program.start("/usr/bin/script", ["-qec", command, "/dev/null"], in: place)
    return try await script.end().output.replacing("\r\n", with: "\n")
  }

  /// Commands, and the status that each ends with.
  private static let asked: [(String, Int32)] = [
    ("ping", 0), ("ready", 0), ("show state", 0), ("-o json show routes", 0), ("hold all", 0),
    ("--help", 0), ("make coffee", 64), ("pause", 64), ("--nonsense ping", 64), ("-o xml", 64),
    ("", 64), ("show client x", 65), ("pause nowhere", 65), ("wait held<0 100ms", 75),
  ]

  @Test(arguments: asked)
  func endsWithTheStatusOfTheReply(line: String, status: Int32) async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let ended = try await Program.start(
      "forebayctl",
      ["admin", "-s", daemon.adminSocket] + line.split(separator: " ").map(String.init), in: place
    ).end()
    #expect(ended.status == status, "\(line): \(ended.output) \(ended.errors)")
    #expect(ended.errors.isEmpty == (status == 0), "what went wrong is said on standard error")
    #expect(ended.output.isEmpty == (status != 0))
  }

  @Test func tellsAFailedCheckFromAnUnreachableDaemon() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    #expect(try await ask(daemon, "drain").output == "drained\n")
    let notReady = try await ask(daemon, "ready")
    #expect(notReady.status == 1 && notReady.errors == "forebayctl: NOT_READY: drained\n")
    daemon.program.kill(SIGSTOP)
    #expect(try await ask(daemon, "--timeout", "300ms", "ping").status == 75)
    daemon.program.kill(SIGCONT)
    try await daemon.kill9()
    #expect(try await ask(daemon, "ping").status == 69)
  }

  @Test func tellsThatALevelIsTooLow() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, prefix: ["/usr/bin/env", "FOREBAY_ADMIN_LEVEL=view"])
    let refused = try await ask(daemon, "hold", "all")
    #expect(refused.status == 77 && refused.errors.contains("PERMISSION"), "\(refused.errors)")
    #expect(try await ask(daemon, "show", "routes").output.contains("state: running"))
  }

  @Test func tellsThatSomethingElseAnswers() async throws {
    let path = place.file("other.sock")
    let other = try Program.start(
      "/usr/bin/env",
      [
        "python3", "-c",
        """
        import socket, sys
        s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
        c, _ = s.accept(); c.recv(100); c.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n"); c.recv(1)
        """, path,
      ], in: place)
    try await expectEventually("the other to listen") { access(path, F_OK) == 0 }
    var ended = try await Program.start("forebayctl", ["-s", path, "ping"], in: place).end()
    // The file is there a moment before anybody listens.
    while ended.status == 69 {
      ended = try await Program.start("forebayctl", ["-s", path, "ping"], in: place).end()
    }
    #expect(ended.status == 76, "\(ended.errors)")
    withExtendedLifetime(other) {}
  }

  @Test func drawsTablesOnATerminalOnly() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let narrow = try await askOnTerminal(
      daemon, "show routes", columns: 80, before: "unset NO_COLOR;")
    let lines = narrow.split(separator: "\n").map(String.init)
    #expect(lines[0].contains("\u{1b}[1mROUTE    STATE    BREAKER"), "\(narrow)")
    #expect(lines[1].hasPrefix("default  running  closed"))
    #expect(lines.last?.contains("columns left out: ") == true)
    let wide = try await askOnTerminal(
      daemon, "show routes", columns: 200, before: "export NO_COLOR=1;")
    #expect(!wide.contains("\u{1b}") && wide.contains("UPSTREAM"), "\(wide)")
    #expect(!wide.contains("left out"))
    let bare = try await askOnTerminal(daemon, "--no-header show routes", columns: 80)
    #expect(bare.hasPrefix("default  running"))
    let state = try await askOnTerminal(
      daemon, "show state", columns: 80, before: "export NO_COLOR=1;")
    #expect(state.hasPrefix("lifecycle  ") && state.contains("  running\n"), "\(state)")
    #expect(state.contains("64.0 MiB\n"), "quantities are for people")
    let piped = try await ask(daemon, "show", "routes")
    #expect(piped.output.hasPrefix("[0].name: default\n"))
    let asked = try await ask(daemon, "-o", "table", "show", "routes")
    #expect(asked.output.hasPrefix("ROUTE ") && !asked.output.contains("\u{1b}"))
  }

  @Test func printsJSONThatOthersRead() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    for words in [["show", "state"], ["show", "clients"], ["help"], ["show", "errors"]] {
      let file = place.write(
        try await Program.start(
          "forebayctl", ["-s", daemon.adminSocket, "-o", "json"] + words, in: place
        ).end().output, to: "reply.json")
      let read = try await Program.start(
        "/usr/bin/env", ["python3", "-m", "json.tool", file], in: place
      )
      .end()
      #expect(read.status == 0, "\(words): \(read.errors)")
    }
  }

  @Test func watchesUntilItIsEnded() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let watch = try Program.start(
      "forebayctl", ["-s", daemon.adminSocket, "--watch=20ms", "ping"], in: place)
    try await expectEventually("some answers") {
      watch.output.split(separator: "\n").filter { $0 == "pong" }.count >= 5
    }
    // It goes on over a restart.
    try await daemon.stop()
    try await expectEventually("a complaint") { watch.errors.contains("can't connect") }
    try await daemon.restart()
    let before = watch.output.count
    try await expectEventually("more answers") { watch.output.count > before + 20 }
    watch.kill(SIGTERM)
    #expect(try await watch.end().status == 128 + SIGTERM)
  }
}
