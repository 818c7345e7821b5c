import Glibc
import Testing

/// `forebayctl send` against `forebayd` with its journal: real programs, real sockets.
@Suite struct SendTests {
  private let place = Workplace()

  private func lines(_ count: Int, _ name: String = "line") -> [String] {
    (1...count).map { "\(name) \($0)" }
  }

  private func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

  @Test func everyLineIsInTheJournalInOrder() async throws {
    let daemon = try await place.startDaemon()
    let all = lines(20_000) + ["", "with \"quotes\" and \\"]
    let file = place.write(text(all), to: "input")
    let ended = try await place.send([file]).end()
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.output.contains("delivered: \(all.count)\n"))
    #expect(try await place.journalLines() == all)
    daemon.kill(SIGTERM)
    #expect(try await daemon.end().status == 0)
  }

  @Test func severalSendersAtOnceKeepTheirOrder() async throws {
    let daemon = try await place.startDaemon()
    let senders = try (1...4).map { number in
      try place.send([place.write(text(lines(3_000, "s\(number)")), to: "input\(number)")])
    }
    for sender in senders { #expect(try await sender.end().status == 0) }
    let journal = try await place.journalLines()
    for number in 1...4 {
      #expect(journal.filter { $0.hasPrefix("s\(number) ") } == lines(3_000, "s\(number)"))
    }
    withExtendedLifetime(daemon) {}
  }

  @Test func resumesWhenTheDaemonIsKilledAndComesBack() async throws {
    var daemon = try await place.startDaemon()
    let sender = try place.send(["-o", "json"], hasInput: true)
    let all = lines(3_000)
    for round in 0..<3 {
      sender.type(text(Array(all[(round * 1_000)..<((round + 1) * 1_000)])))
      if round == 2 { sender.closeInput() }
      // Somewhere in the middle of it; where, doesn't matter.
      try await Task.sleep(for: .milliseconds(5))
      daemon.kill(SIGKILL)
      #expect(try await daemon.end().status == 128 + SIGKILL)
      daemon = try await place.startDaemon()
    }
    let ended = try await sender.end()
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.output.contains("\"messages\":3000"))
    // A daemon that was killed may have written lines without having said so: they come again.
    var seen = Set<String>()
    #expect(try await place.journalLines().filter { seen.insert($0).inserted } == all)
    withExtendedLifetime(daemon) {}
  }

  @Test func anInterruptedSessionGoesOnWithoutSendingTwice() async throws {
    let daemon = try await place.startDaemon()
    let session = ["--session", "000102030405060708090a0b0c0d0e0f"]
    let first = try place.send(session, hasInput: true)
    first.type(text(lines(300)))
    try await expectEventually("the lines are in the journal") {
      try await place.journalLines().count == 300
    }
    first.kill(SIGINT)
    let ended = try await first.end()
    let goOn = session + ["--from-line", "301"]
    #expect(ended.status == 130 && ended.output.contains(goOn.joined(separator: " ")))
    let file = place.write(text(lines(500)), to: "input")
    #expect(try await place.send(goOn + [file]).end().status == 0)
    #expect(try await place.journalLines() == lines(500))
    withExtendedLifetime(daemon) {}
  }

  @Test func whatTheDaemonHoldsIsNotSentAgain() async throws {
    // The upstream is a second daemon that isn't there yet.
    let next = Workplace()
    let daemon = try await place.startDaemon(["--upstream", "forebay+unix:\(next.clientSocket)"])
    let session = ["--session", "000102030405060708090a0b0c0d0e0f"]
    let file = place.write(text(lines(50)), to: "input")
    let first = try place.send(session + [file])
    try await expectEventually("the daemon holds all lines") {
      let ask = ["-s", place.adminSocket, "show", "state"]
      let state = try await Program.start("forebayctl", ask, in: place).end().output
      return state.contains("held.messages: 50\n")
    }
    first.kill(SIGINT)
    let ended = try await first.end()
    #expect(ended.status == 130 && ended.output.contains("unknown: 50"), "\(ended.output)")
    let second = try await next.startDaemon()
    #expect(try await place.send(session + [file]).end().status == 0)
    #expect(try await next.journalLines() == lines(50))
    withExtendedLifetime((daemon, second)) {}
  }

  @Test func receivedIsEnoughForWhoSaysSo() async throws {
    let daemon = try await place.startDaemon()
    let file = place.write(text(lines(100)), to: "input")
    let ended = try await place.send(["--receipt", "received", "--lane", "2", file]).end()
    #expect(ended.status == 0, "\(ended.errors)")
    try await expectEventually("all lines are in the journal") {
      try await place.journalLines().count == 100
    }
    withExtendedLifetime(daemon) {}
  }

  @Test func aLineThatIsTooLongIsNamedAndTheOnesBeforeItArrive() async throws {
    let daemon = try await place.startDaemon(["--frame-bytes", "4KiB"])
    let file = place.write(
      text(["a", "b", String(repeating: "x", count: 5_000), "c"]), to: "input")
    let ended = try await place.send([file]).end()
    #expect(ended.status == 65)
    #expect(ended.errors.contains("line 3 is longer than the daemon takes"))
    #expect(try await place.journalLines() == ["a", "b"])
    withExtendedLifetime(daemon) {}
  }

  @Test func anInterruptStopsReadingAndTellsWhatIsSettled() async throws {
    let daemon = try await place.startDaemon()
    let sender = try place.send([], hasInput: true)
    sender.type(text(lines(10)))
    try await expectEventually("the lines are in the journal") {
      try await place.journalLines().count == 10
    }
    sender.kill(SIGINT)
    let ended = try await sender.end()
    #expect(ended.status == 130)
    #expect(ended.output.contains("delivered: 10\n"), "\(ended.output)")
    withExtendedLifetime(daemon) {}
  }

  @Test func anInterruptWithoutADaemonTellsWhatIsNotSent() async throws {
    let sender = try place.send([place.write("a\nb\n", to: "input")])
    try await expectEventually("it says what is wrong") { sender.errors.contains("No such file") }
    sender.kill(SIGINT)
    #expect(try await sender.end().status == 130)
  }

  @Test func saysWhyItCanNotSend() async throws {
    let input = place.write("a\n", to: "input")
    let cases: [([String], Int32)] = [
      (["--timeout", "200ms", input], 69), (["\(place.path)/missing"], 66), ([place.path], 66),
      (["--lane", "8", input], 64), (["--session", "12", input], 64), (["--ttl", "5", input], 64),
    ]
    for (arguments, status) in cases {
      let ended = try await place.send(arguments).end()
      #expect(ended.status == status, "\(arguments): \(ended.errors)")
    }
    let daemon = try await place.startDaemon()
    let ended = try await place.send(["--route", "nowhere", input]).end()
    #expect(ended.status == 69 && ended.errors.contains("UNKNOWN_ROUTE"), "\(ended.errors)")
    withExtendedLifetime(daemon) {}
  }
}

/// `forebayctl` and the admin socket.
@Suite struct AdminTests {
  private let place = Workplace()

  private func ask(_ words: String...) async throws -> Program.Ended {
    try await Program.start("forebayctl", ["-s", place.adminSocket] + words, in: place).end()
  }

  @Test func asksTheDaemon() async throws {
    let daemon = try await place.startDaemon()
    #expect(try await ask("ping").output == "pong\n")
    #expect(try await ask("ready").output == "ready\n")
    #expect(try await ask("version").output.contains("version: "))
    #expect(try await ask("show", "state").output.contains("lifecycle: running"))
    #expect(try await ask("-o", "json", "show", "state").output.hasPrefix("{\"lifecycle\":"))
    #expect(try await ask("help").output.contains("ping: "))
    let unknown = try await ask("make", "coffee")
    #expect(unknown.status == 64 && unknown.errors.contains("UNKNOWN_COMMAND"))
    #expect(try await ask("ping;ping").status == 64)
    withExtendedLifetime(daemon) {}
  }

  @Test func saysThatThereIsNoDaemon() async throws {
    let ended = try await ask("ping")
    #expect(ended.status == 69 && ended.output.isEmpty)
    #expect(ended.errors.contains(place.adminSocket))
  }
}
