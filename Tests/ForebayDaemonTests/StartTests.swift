import ForebayWire
import Glibc
import Testing

/// How `forebayd` starts, and how it refuses to.
@Suite(.fewAtOnce) struct StartTests {
  private let place = Workplace()

  @Test func servesWithItsDirectoriesMade() async throws {
    let daemon = try DaemonProcess(
      in: place,
      [
        "--upstream", "journal:\(place.file("store/journal.db"))",
        // The last of these wins.
        "--socket", place.file("made/client.sock"),
      ])
    try await daemon.waitReady()
    #expect(mode(place.file("made")) == 0o755)
    #expect(mode(place.file("made/client.sock")) == 0o660)
    #expect(mode(place.file("d-admin")) == 0o700)
    #expect(mode(daemon.adminSocket) == 0o600)
    #expect(mode(place.file("store")) == 0o700)
    #expect(mode(place.file("store/journal.db")) == 0o600)

    let client = try WireClient(path: place.file("made/client.sock"))
    try await client.greet()
    client.send(messages: 1...3)
    try await client.expectOutcome(.delivered, of: 1...3)
    client.socket.close()
    #expect(try await daemon.stop() == 0)
    #expect(!exists(place.file("made/client.sock")))
    #expect(!exists(daemon.adminSocket))
  }

  @Test func answersOnTheAdminSocket() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    #expect(try await daemon.admin("ping") == "+OK pong")
    #expect(try await daemon.admin("ready") == "+OK ready")
    #expect(try await daemon.admin("version")?.contains("protocol: 1") == true)
    #expect(try await daemon.admin("help")?.contains("show state: ") == true)
    #expect(try await daemon.admin("sing")?.hasPrefix("-ERR UNKNOWN_COMMAND") == true)
    #expect(try await daemon.admin("show state json")?.contains("\"routes\":[{") == true)
    #expect(try await daemon.state().text("lifecycle") == "running")
    #expect(try await daemon.admin("shutdown") == "+OK draining")
    #expect(try await daemon.program.end().status == 0)
  }

  @Test func refusesALiveSocketAndLeavesItAlone() async throws {
    let first = try await DaemonProcess.ready(in: place)
    let second = try DaemonProcess(
      in: place, name: "second", ["--socket", first.socket])
    #expect(try await second.program.end().status == 1)
    #expect(second.errors.contains("another process serves"), "\(second.errors)")
    #expect(second.errors.contains(first.socket))

    let third = try DaemonProcess(
      in: place, name: "third", ["--admin-socket", first.adminSocket])
    #expect(try await third.program.end().status == 1)
    #expect(third.errors.contains("another process serves"), "\(third.errors)")

    #expect(try await first.admin("ping") == "+OK pong")
    try await WireClient(first).greet()
  }

  @Test func refusesAJournalThatAnotherOneWrites() async throws {
    let first = try await DaemonProcess.ready(in: place)
    let second = try DaemonProcess(
      in: place, name: "second", ["--upstream", "journal:\(first.journal)"])
    #expect(try await second.program.end().status == 1)
    #expect(second.errors.contains(first.journal), "\(second.errors)")
    #expect(try await first.admin("ping") == "+OK pong")
  }

  @Test func replacesTheSocketsOfAKilledOne() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    try await daemon.kill9()
    #expect(exists(daemon.socket) && exists(daemon.adminSocket))
    try await daemon.restart()
    try await WireClient(daemon).greet()
  }

  @Test func neverReplacesAFileThatIsNoSocket() async throws {
    let path = place.file("precious")
    close(open(path, O_CREAT | O_WRONLY, 0o644))
    let daemon = try DaemonProcess(in: place, ["--socket", path])
    #expect(try await daemon.program.end().status == 1)
    #expect(daemon.errors.contains(path), "\(daemon.errors)")
    #expect(exists(path))
  }

  /// What is wrong on the command line, and what the operator is told to do about it.
  struct Mistake: Sendable, CustomTestStringConvertible {
    let options: [String]
    let status: Int32
    let told: String
    var testDescription: String { options.joined(separator: " ") }
  }

  private static let longPath = "/tmp/" + String(repeating: "long/", count: 25) + "x.sock"

  @Test(arguments: [
    Mistake(options: ["--socket", longPath], status: 64, told: "107"),
    Mistake(options: ["--socket", "@abstract"], status: 64, told: "abstract"),
    Mistake(options: ["--socket", "/nowhere/at/all/c.sock"], status: 1, told: "/nowhere/at"),
    Mistake(options: ["--upstream", "pigeon:x"], status: 64, told: "write one of journal:PATH"),
    Mistake(options: ["--upstream", "forebay+tcp:host"], status: 64, told: "HOST:PORT"),
    Mistake(options: ["--upstream", "forebay+tcp:host:0"], status: 64, told: "1 to 65535"),
    Mistake(options: ["--upstream", "journal:"], status: 64, told: "names nothing"),
    Mistake(
      options: ["--upstream", "default=journal:/nowhere/j.db"], status: 64, told: "same name"),
    Mistake(options: ["--upstream", "=journal:/nowhere/j.db"], status: 64, told: "NAME=URL"),
    Mistake(options: ["--buffer-bytes", "lots"], status: 64, told: "64MiB"),
    Mistake(options: ["--buffer-bytes", "1MiB"], status: 64, told: "lower the maximum frame"),
    Mistake(options: ["--buffer-messages", "1"], status: 64, told: "must be 2 to"),
    Mistake(options: ["--window-messages", "0"], status: 64, told: "must be 1 to"),
    Mistake(options: ["--frame-bytes", "23"], status: 64, told: "24 to"),
    Mistake(options: ["--frame-bytes", "17MiB"], status: 64, told: "24 to"),
    Mistake(options: ["--attempt-timeout", "soon"], status: 64, told: "30s"),
    Mistake(options: ["--drain-timeout", "-1s"], status: 64, told: "30s"),
    Mistake(options: ["--log-level", "loud"], status: 64, told: "debug, info, notice"),
    Mistake(options: ["--peer-listen", "7420"], status: 64, told: "HOST:PORT"),
    Mistake(options: ["--peer-listen", "0.0.0.0:7420"], status: 64, told: "loopback"),
    Mistake(options: ["--connections-max", "0"], status: 64, told: "at least 1"),
    Mistake(options: ["--connections-per-user-max", "-3"], status: 64, told: "at least 1"),
    Mistake(options: ["--sokcet", "/tmp/x"], status: 64, told: "--sokcet"),
  ])
  func refusesWithWhatToWriteInstead(_ mistake: Mistake) async throws {
    // A second upstream without a name has the first one's. `=` keeps a value that begins with a dash from being taken for an option.
    var options: [String] = []
    for index in stride(from: 0, to: mistake.options.count, by: 2) {
      options.append("\(mistake.options[index])=\(mistake.options[index + 1])")
    }
    let daemon = try DaemonProcess(in: place, options)
    #expect(try await daemon.program.end().status == mistake.status)
    #expect(daemon.errors.contains(mistake.told), "\(daemon.errors)")
  }

  @Test func refusesAJournalInADirectoryThatIsNone() async throws {
    let daemon = try DaemonProcess(in: place, ["--upstream", "journal:/nowhere/at/all/j.db"])
    #expect(try await daemon.program.end().status == 1)
    #expect(daemon.errors.contains("/nowhere/at/all"), "\(daemon.errors)")
  }

  /// A parent that blocked SIGTERM, as threads of some runtimes do, must not make us unstoppable.
  @Test func heedsSignalsThatItsParentBlocked() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, prefix: ["/usr/bin/env", "--block-signal=TERM"])
    #expect(try await daemon.stop() == 0)
  }

  @Test func keepsRoutesApart() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      [
        "--upstream", "first=journal:\(place.file("first.db"))",
        "--upstream", "second=journal:\(place.file("second.db"))",
      ])
    for (index, route) in [nil, "first", "second"].enumerated() {
      let client = try WireClient(daemon)
      try await client.greet(route: route)
      client.send(encodedData(1, Array("client \(index)".utf8)))
      try await client.expectOutcome(.delivered, of: 1...1)
    }
    #expect(
      try JournalContents(place.file("first.db")).payloads.sorted() == ["client 0", "client 1"])
    #expect(try JournalContents(place.file("second.db")).payloads == ["client 2"])
    let state = try await daemon.state()
    #expect(state.text("routes[0].name") == "first" && state.text("routes[1].name") == "second")
    #expect(state.total("delivered", route: 0) == 2 && state.total("delivered", route: 1) == 1)
  }

  @Test func refusesARouteThatIsNone() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    client.send(
      Hello(session: .drawn()), extensions: encodedExtension(.route, Array("gone".utf8)))
    try await client.expectError(.unknownRoute)
    #expect(try await daemon.state().closed("UNKNOWN_ROUTE") == 1)
  }
}
