import Glibc
import Testing

/// `forebayd check-upstream`: what it says of an upstream is true, and it leaves nothing there unless
/// asked.
@Suite(.fewAtOnce) struct CheckUpstreamTests {
  private let place = Workplace()

  private func check(_ arguments: String...) async throws -> Program.Ended {
    try await Program.start("forebayd", ["check-upstream"] + arguments, in: place).end()
  }

  /// It ends with status 1, and says why on standard error.
  private func expectRefused(
    _ ended: Program.Ended, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(ended.status == 1, "\(ended)", sourceLocation: sourceLocation)
    #expect(ended.errors.contains(reason), "\(ended)", sourceLocation: sourceLocation)
  }

  /// It ends with status 0 and has said all this, and nothing on standard error.
  private func expectFound(
    _ ended: Program.Ended, _ findings: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(ended.status == 0 && ended.errors == "", "\(ended)", sourceLocation: sourceLocation)
    for finding in findings {
      #expect(
        ended.output.contains(finding), "\(finding): \(ended.output)",
        sourceLocation: sourceLocation)
    }
  }

  // MARK: Journals

  @Test func aJournalIsReadAndNeverMade() async throws {
    let url = "journal:\(place.journal)"
    expectFound(try await check(url), url, "there is no journal", "the daemon makes it")
    #expect(!exists(place.journal))
    let daemon = try await place.startDaemon()
    expectFound(try await check(url), "'\(place.journal)' is a journal")
    expectRefused(try await check(url, "--send"), "one writer")
    #expect(try await place.journalLines() == [])
    daemon.kill(SIGTERM)
    _ = try await daemon.end()
  }

  @Test func anotherFileIsNoJournal() async throws {
    let text = place.write("a letter to somebody, of more than a few words\n", to: "letter.txt")
    expectRefused(try await check("journal:\(text)"), "letter.txt")
    #expect(Workplace.read(text) == "a letter to somebody, of more than a few words\n")
  }

  // MARK: Peers

  @Test func aPeerSaysWhatItTakes() async throws {
    let port = try freePort()
    let peer = try await DaemonProcess.ready(
      in: place, ["--frame-bytes", "131072", "--peer-listen", "127.0.0.1:\(port)"])
    for url in ["forebay+unix:\(peer.socket)", "forebay+tcp:127.0.0.1:\(port)"] {
      expectFound(try await check(url), url, "connected", "frames of up to 131072 bytes")
      expectRefused(try await check(url, "--send"), "isn't sent a message")
    }
    let state = try await peer.state()
    #expect(state.received == 0 && state.heldMessages == 0)
    #expect(try await peer.stop() == 0)
  }

  @Test func whoIsNoPeerIsToldFromOne() async throws {
    expectRefused(try await check("forebay+unix:\(place.file("nobody"))"), "can't be reached")
    expectRefused(try await check("forebay+tcp:127.0.0.1:\(try freePort())"), "can't be reached")
    let junk = try JunkPeer(path: place.file("junk"))
    junk.greeting = Array("220 mail.example ESMTP\r\n".utf8)
    expectRefused(
      try await check("forebay+unix:\(place.file("junk"))", turning: junk),
      "doesn't speak Forebay's protocol")
    junk.greeting = []
    junk.hangsUp = true
    expectRefused(
      try await check("forebay+unix:\(place.file("junk"))", turning: junk), "connection")
  }

  private func check(_ url: String, turning peer: JunkPeer) async throws -> Program.Ended {
    let program = try Program.start("forebayd", ["check-upstream", url], in: place)
    try await expectEventually("the check's end") {
      peer.turn()
      return !program.isRunning
    }
    return try await program.end()
  }

  // MARK: Redis

  @Test func aRedisServerIsAskedAndNothingIsWritten() async throws {
    let server = try await RedisServer.ready(in: place)
    let url = "redis+unix://\(server.socket)"
    expectFound(
      try await check(url), url, "connected, not encrypted", "Redis ", "master", "no limit",
      "appendfsync: always", "noeviction", "'forebay' doesn't exist")
    #expect(try await server.ask("DBSIZE") == "0\n")
    expectFound(try await check(url, "--send"), "sent one entry to 'forebay'")
    let entries = try await StreamContents(server, fields: 1).entries
    #expect(entries.map { $0.fields["data"] } == ["forebayd check-upstream"])
    expectFound(try await check(url), "'forebay' is a stream", "'forebay' has 1 entries")
    expectFound(try await check("\(url)?db=2&stream=other", "--send"), "'other'", "database 2")
    #expect(try await server.ask("-n", "2", "XLEN", "other") == "1\n")
    #expect(try await server.ask("XLEN", "forebay") == "1\n")
  }

  @Test func whatCouldNeverTakeAMessageIsSaid() async throws {
    let server = try await RedisServer.ready(in: place)
    let url = "redis+unix://\(server.socket)"
    try await server.ask("SET", "forebay", "a text")
    expectFound(try await check(url), "'forebay' is a string and no stream")
    expectRefused(try await check(url, "--send"), "WRONGTYPE")
    #expect(try await server.ask("GET", "forebay") == "a text\n")
    expectRefused(try await check("\(url)?db=99"), "SELECT")
  }

  @Test func passwordsAreTriedAndNeverShown() async throws {
    let server = try await RedisServer.ready(in: place, ["--requirepass", "hunter2"])
    let right = try await check("redis+unix://:hunter2@\(server.socket)")
    expectFound(right, "authenticated", ":***@")
    let wrong = try await check("redis+unix://:wr%2Fong@\(server.socket)")
    expectRefused(wrong, "WRONGPASS")
    #expect(wrong.errors.contains("user or password is wrong"))
    let none = try await check("redis+unix://\(server.socket)", "--send")
    expectRefused(none, "NOAUTH")
    #expect(none.errors.contains("redis.password"))
    for said in [right, wrong, none].map({ $0.output + $0.errors }) {
      #expect(!said.contains("hunter2") && !said.contains("wr/ong") && !said.contains("wr%2Fong"))
    }
    #expect(try await server.ask("-a", "hunter2", "DBSIZE").hasSuffix("0\n"))
  }

  @Test func whereNoRedisIsIsSaid() async throws {
    expectRefused(try await check("redis+unix://\(place.file("nobody"))"), "can't be reached")
    expectRefused(try await check("redis://127.0.0.1:\(try freePort())"), "can't be reached")
    let junk = try JunkPeer(path: place.file("junk"))
    junk.greeting = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
    expectRefused(
      try await check("redis+unix://\(place.file("junk"))", turning: junk), "no Redis server")
  }

  /// One that accepts and says nothing is given up after the time that a connect has.
  @Test(arguments: ["redis+unix://", "forebay+unix:"])
  func aSilentServerIsGivenUp(_ scheme: String) async throws {
    let listener = try RawListener(path: place.file("silent"))
    let ended = try await check("\(scheme)\(place.file("silent"))")
    expectRefused(ended, "it doesn't answer")
    withExtendedLifetime(listener) {}
  }

  // MARK: Usage

  @Test func aFileSaysWhatTheURLDoesNot() async throws {
    let server = try await RedisServer.ready(in: place, ["--requirepass", "hunter2"])
    let file = place.write(
      """
      sockets:
        - path: \(place.file("c.sock"))
      routes:
        - name: first
          upstream: journal:\(place.journal)
        - name: second
          upstream: redis+unix://\(server.socket)
          redis: {stream: 'in:{route}', password: hunter2}

      """, to: "c.yaml")
    expectFound(try await check("--config", file), "there is no journal")
    expectFound(
      try await check("--config", file, "--route", "second"), "authenticated", "'in:second'")
    #expect(try await check("--config", file, "--route", "third").status == 64)
    #expect(try await check().status == 64)
    #expect(try await check("gopher://somewhere").status == 64)
    #expect(try await check("--config", place.write("routes: 5\n", to: "bad.yaml")).status == 78)
  }
}
