import ForebayWire
import Glibc
import Testing

/// Who is who: the kernel says it, and one user's connections are no other's trouble.
@Suite(.fewAtOnce) struct IdentityTests {
  private let place = Workplace()

  private func run(_ name: String, _ arguments: [String], asUser user: Int) async throws
    -> Program.Ended
  {
    try await OtherUsers.start(name, arguments, as: user, in: place).end()
  }

  private func send(
    _ lines: String, _ options: [String], to daemon: DaemonProcess, asUser user: Int
  )
    async throws -> Program.Ended
  {
    let file = place.write(lines, to: "input-\(user)")
    chmod(file, 0o644)
    return try await run(
      "forebayctl", ["send", "--socket", daemon.socket, "-o", "json"] + options + [file],
      asUser: user)
  }

  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
  func theSameSessionOfTwoUsersIsTwoSessions() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    daemon.admitEverybody()
    let session = ["--session", "000102030405060708090a0b0c0d0e0f"]
    for user in [4201, 4202, 0] {
      let ended = try await send("of \(user)\nalso of \(user)\n", session, to: daemon, asUser: user)
      #expect(ended.status == 0, "\(ended.errors)")
      // Had the daemon taken it for the first one's session, these would be duplicates.
      #expect(ended.output.contains("\"delivered\":2"), "\(ended.output)")
    }
    let journal = try JournalContents(daemon.journal)
    #expect(journal.records.count == 6 && journal.tags.count == 3 && Set(journal.keys).count == 6)
  }

  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
  func oneUsersConnectionsAreCappedAndNobodyElses() async throws {
    let daemon = try await DaemonProcess.ready(in: place, ["--connections-per-user-max", "3"])
    daemon.admitEverybody()
    var mine: [WireClient] = []
    for _ in 1...3 {
      mine.append(try WireClient(daemon))
      try await mine.last?.greet()
    }
    let surplus = try WireClient(daemon)
    try await surplus.expectRefusal(.tooManyConnections)
    #expect(try await daemon.state().closed("TOO_MANY_CONNECTIONS") == 1)

    let other = try await send("a line\n", [], to: daemon, asUser: 4201)
    #expect(other.status == 0, "\(other.errors)")
    mine[0].send(messages: 1...3)
    try await mine[0].expectOutcome(.delivered, of: 1...3)

    mine[1].socket.close()
    try await expectEventually("a place") {
      let next = try WireClient(daemon)
      next.send(Hello(session: .drawn()))
      return try await next.wait(for: "an answer") {
        $0.isWelcome ? true : $0.isGoAway ? false : nil
      }
    }
  }

  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
  func theSocketsModesKeepOthersOut() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    chmod(place.path, 0o755)
    let ended = try await send("a line\n", [], to: daemon, asUser: 4201)
    #expect(ended.status == 77 && ended.errors.contains("ermi"), "\(ended.errors)")
    let asked = try await run("forebayctl", ["-s", daemon.adminSocket, "ping"], asUser: 4201)
    #expect(asked.status == 77, "\(asked.errors)")
  }

  /// The user that the kernel puts in place of those it can't name could be anybody.
  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why)) func theOverflowUserIsNobody()
    async throws
  {
    let daemon = try await DaemonProcess.ready(in: place)
    daemon.admitEverybody()
    let ended = try await send("a line\n", [], to: daemon, asUser: 65_534)
    #expect(ended.status == 77, "\(ended.errors)")
    #expect(try await daemon.state().received == 0)
  }

  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
  func classesFollowUserAndGroup() async throws {
    let routes = ["one", "two", "three", "four"]
    let file = place.write(
      """
      sockets:
        - path: \(place.file("d.sock"))
      routes:
      \(routes.map { "  - name: \($0)\n    upstream: journal:\(place.file($0)).db" }.joined(separator: "\n"))
      classes:
        - name: user
          uids: [4201]
          routes: [two]
        - name: group
          gids: [4201, 4202]
          routes: [three]
        - name: strangers
          uids: [65534]
          routes: [four]

      """, to: "f.yaml")
    let daemon = try await DaemonProcess.ready(in: place, ["--config", file])
    daemon.admitEverybody()
    for user in [0, 4201, 4202, 65_534] {
      let ended = try await send("of \(user)\n", [], to: daemon, asUser: user)
      #expect(ended.status == 0, "\(ended.errors)")
    }
    let payloads = try routes.map { try JournalContents(place.file("\($0).db")).payloads }
    #expect(payloads == [["of 0"], ["of 4201"], ["of 4202"], ["of 65534"]])
  }

  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
  func othersOnTheAdminSocketMayOnlyLook() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    daemon.admitEverybody()
    let command = ["-s", daemon.adminSocket]
    #expect(try await run("forebayctl", command + ["show", "state"], asUser: 4201).status == 0)
    #expect(try await run("forebayctl", command + ["shutdown"], asUser: 4201).status == 77)
    #expect(daemon.program.isRunning)
    #expect(try await run("forebayctl", command + ["shutdown"], asUser: 0).status == 0)
    #expect(try await daemon.program.end().status == 0)
  }

  /// Our own cap bites first: at the limit of descriptors libuv drops connections without a word.
  @Test(.enabled(if: exists("/usr/bin/prlimit"), "needs prlimit"))
  func theCapInAllLiesBelowTheDescriptorLimit() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, prefix: ["/usr/bin/prlimit", "--nofile=160:160"])
    let producers = (0..<96).map { Producer("p\($0)", to: daemon) }
    try await turn(producers, until: "96 connections") {
      try await daemon.state().number("clients") == 96
    }
    for _ in 0..<40 { try await WireClient(daemon).expectRefusal(.tooManyConnections) }
    #expect(try await daemon.state().closed("TOO_MANY_CONNECTIONS") == 40)
    // Those that are in are served, and so is the operator.
    for producer in producers { producer.offer(1) }
    try await turnUntilSettled(producers)
    #expect(producers.allSatisfy { $0.connects == 1 && $0.count(.delivered) == 1 })
    #expect(try await daemon.admin("ping") == "+OK pong")
  }
}

extension WireClient.Frame {
  fileprivate var isWelcome: Bool { if case .welcome = self { true } else { false } }
  fileprivate var isGoAway: Bool { if case .goAway = self { true } else { false } }
}

extension WireClient {
  /// GOAWAY instead of WELCOME, and the end.
  func expectRefusal(
    _ code: ErrorCode, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await wait(for: "the end", sourceLocation: sourceLocation) { $0 == .closed ? true : nil }
    #expect(
      heard == [.goAway(GoAway(code, deadlineMilliseconds: 0)), .closed],
      sourceLocation: sourceLocation)
  }
}
