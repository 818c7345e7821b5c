import ForebayWire
import Glibc
import Testing

/// New settings for a running `forebayd`.
@Suite(.fewAtOnce) struct ReloadTests {
  private let place = Workplace()

  private func configuration(_ route: String, _ rest: String = "") -> String {
    """
    sockets:
      - path: \(place.file("c.sock"))
    routes:
      - name: main
        upstream: journal:\(place.file("main.db"))
    \(route)
    \(rest)
    """
  }

  private func daemon(_ yaml: String) async throws -> DaemonProcess {
    let file = place.write(yaml, to: "f.yaml")
    return try await DaemonProcess.ready(in: place, ["--config", file])
  }

  @Test func hangUpTakesOverWhatIsNew() async throws {
    let daemon = try await daemon(configuration("    rate: 6/m\n    burst: 1"))
    let client = try WireClient(path: place.file("c.sock"))
    try await client.greet()
    client.send(messages: 1...12)
    try await client.expectOutcome(.delivered, of: 1...1)
    // At six a minute it would take almost two more.
    _ = place.write(configuration("    rate: none"), to: "f.yaml")
    daemon.program.kill(SIGHUP)
    try await daemon.waitForLog("reloaded")
    try await client.expectOutcome(.delivered, of: 2...12)
    let lines = daemon.logLines.compactMap(logFields)
    #expect(
      lines.contains { $0["msg"] == "setting changed" && $0["setting"] == "routes[0].rate: none" })
    #expect(try JournalContents(place.file("main.db")).records.count == 12)
    #expect(try await daemon.stop() == 0)
  }

  @Test func aWrongFileChangesNothing() async throws {
    let daemon = try await daemon(configuration("    buffer_messages: 100"))
    _ = place.write(configuration("    buffer_messages: 1\n    brekaer: 5"), to: "f.yaml")
    daemon.program.kill(SIGHUP)
    func problems() -> [String] {
      daemon.logLines.compactMap(logFields).filter { $0["msg"] == "configuration problem" }
        .map { $0["problem"] ?? "" }
    }
    // The log's lines come one after the other.
    try await daemon.waitForLog("reload refused")
    try await expectEventually("both problems") { problems().count == 2 }
    #expect(
      problems() == [
        "\(place.file("f.yaml")):6: routes[0].buffer_messages: must be 2 to 1000000000, not 1",
        "\(place.file("f.yaml")):7: routes[0]: unknown key 'brekaer'; did you mean 'breaker'?",
      ])
    #expect(try await daemon.state().text("routes[0].capacity.messages") == "100")

    unlink(place.file("f.yaml"))
    daemon.program.kill(SIGHUP)
    try await expectEventually("a second refusal") {
      daemon.errors.contains("No such file or directory")
    }
    _ = place.write(configuration("    buffer_messages: 200"), to: "f.yaml")
    daemon.program.kill(SIGHUP)
    try await daemon.waitForLog("reloaded")
    #expect(try await daemon.state().text("routes[0].capacity.messages") == "200")
  }

  @Test func whatNeedsARestartIsSaidAndLeft() async throws {
    let daemon = try await daemon(configuration(""))
    _ = place.write(
      configuration(
        "    window_messages_max: 7",
        "  - name: more\n    upstream: journal:\(place.file("more.db"))"), to: "f.yaml")
    daemon.program.kill(SIGHUP)
    try await daemon.waitForLog("setting needs a restart")
    let lines = daemon.logLines.compactMap(logFields)
    #expect(lines.contains { $0["setting"] == "routes: more is new" })
    #expect(lines.contains { $0["setting"] == "routes[0].window_messages_max: 7" })
    #expect(!exists(place.file("more.db")))
    #expect(try await daemon.state().text("routes[1].name") == "")
  }

  /// A secret is never shown, and a file's name says nothing of what is in it: a change of either is told
  /// all the same, for as long as it waits for a restart.
  @Test func anotherSecretNeedsARestart() async throws {
    let secret = place.write("in the file, first\n", to: "secret")
    func yaml(_ url: String, _ more: String) -> String {
      """
      sockets:
        - path: \(place.file("c.sock"))
      routes:
        - name: plain
          upstream: redis+unix://\(url)@\(place.file("nobody"))
        - name: file
          upstream: redis+unix://\(place.file("nobody"))
          redis: {password_file: \(secret)}
        - name: setting
          upstream: redis+unix://\(place.file("nobody"))
          redis: {password: \(more)}

      """
    }
    let daemon = try await daemon(yaml(":one", "three"))
    #expect(try await daemon.admin("reload") == "+OK nothing changed")
    _ = place.write(yaml(":two", "four"), to: "f.yaml")
    _ = place.write("in the file, second\n", to: "secret")
    let hidden = "another one, which isn't shown"
    let told =
      "+OK nothing changed; a restart is needed for: routes[0].upstream: \(hidden), "
      + "routes[1].redis.password_file: what is in \(secret) is new, routes[2].redis.password: \(hidden)"
    #expect(try await daemon.admin("reload") == told)
    #expect(try await daemon.admin("reload") == told)
    #expect(daemon.errors.contains("setting needs a restart"))
    for text in ["first", "second", ":one", ":two", "three", "four"] {
      #expect(!daemon.errors.contains(text), "\(text)")
    }
    _ = place.write("in the file, first\n", to: "secret")
    _ = place.write(yaml(":one", "three"), to: "f.yaml")
    #expect(try await daemon.admin("reload") == "+OK nothing changed")
    #expect(try await daemon.stop() == 0)
  }

  @Test func operatorsCheckAndReload() async throws {
    let daemon = try await daemon(configuration("    rate: 100/s"))
    let file = place.file("f.yaml")
    #expect(try await daemon.admin("validate") == "+OK valid")
    #expect(try await daemon.admin("reload") == "+OK nothing changed")
    _ = place.write(
      configuration("    rate: 200/s", "limits:\n  connections_max: 77\n"), to: "f.yaml")
    #expect(
      try await daemon.admin("reload")
        == "+OK changed: limits.connections_max: 77, routes[0].rate: 200/s")
    #expect(try await daemon.admin("show info")?.contains("clients_maximum: 77") == true)

    _ = place.write("log_level: loud\nbufer: 1\n", to: "f.yaml")
    let told =
      "-ERR CONFIG (1) \(file):1: log_level: 'loud' is none of debug, info, notice, warning, error "
      + "(2) \(file):2: unknown key 'bufer'; known here: log_level, drain_timeout, peers, admin, "
      + "limits, sockets, routes, classes"
    #expect(try await daemon.admin("validate") == told)
    #expect(try await daemon.admin("reload") == told)
    let other = place.write(configuration(""), to: "other.yaml")
    #expect(try await daemon.admin("validate \(other)") == "+OK valid")
    #expect(
      try await daemon.admin("validate /nowhere.yaml")
        == "-ERR CONFIG /nowhere.yaml: can't be read: No such file or directory")
    // All that was about the file; what runs is what was taken over.
    #expect(try await daemon.setting("routes[0].rate") == ["200/s", "none", "\(file):6", "yes"])
  }

  @Test func showsWhatEachSettingIsAndWhy() async throws {
    let daemon = try await daemon(configuration("    rate: 100/s"))
    let file = place.file("f.yaml")
    #expect(try await daemon.setting("routes[0].rate") == ["100/s", "none", "\(file):6", "yes"])
    #expect(try await daemon.setting("drain_timeout") == ["20s", "20s", "default", "yes"])
    #expect(
      try await daemon.setting("admin.path")
        == [daemon.adminSocket, "/run/forebay-admin/admin.sock", "--admin-socket", "no"])
    let changed = try await daemon.admin("show config changed") ?? ""
    #expect(!changed.contains("drain_timeout") && changed.contains("routes[0].rate"))

    // Commanded for this run, and kept until the setting itself changes.
    #expect(try await daemon.admin("set log error; set maxclients 50")?.hasPrefix("+OK") == true)
    try await expectEventually("the commanded values") {
      try await daemon.setting("log_level") == ["error", "info", "set log", "yes"]
    }
    #expect(
      try await daemon.setting("limits.connections_max")
        == ["50", "16384", "set maxclients", "yes"])
    #expect(try await daemon.admin("reload") == "+OK nothing changed")
    #expect(try await daemon.setting("log_level").first == "error")
    _ = place.write(
      configuration("    rate: 100/s", "log_level: debug\nlimits:\n  connections_max: 60\n"),
      to: "f.yaml")
    #expect(
      try await daemon.admin("reload")
        == "+OK changed: log_level: debug, limits.connections_max: 60")
    #expect(try await daemon.setting("log_level") == ["debug", "info", "\(file):7", "yes"])
    #expect(
      try await daemon.setting("limits.connections_max") == ["60", "16384", "\(file):9", "yes"])
  }

  @Test func classesBindWhoeverComesNext() async throws {
    let daemon = try await daemon(configuration(""))
    let before = try WireClient(path: place.file("c.sock"))
    try await before.greet()
    let narrow = "classes:\n  - name: default\n    lanes: [3]\n"
    _ = place.write(configuration("", narrow), to: "f.yaml")
    daemon.program.kill(SIGHUP)
    try await daemon.waitForLog("reloaded")
    let after = try WireClient(path: place.file("c.sock"))
    try await after.greet()
    after.send(messages: 1...1)
    try await after.expectOutcome(.rejected, of: 1...1)
    #expect(after.codes(of: 1) == [.laneNotPermitted])
  }
}

extension DaemonProcess {
  /// A setting's value, default, source and whether a reload takes it over, as `show config` has them.
  fileprivate func setting(_ key: String) async throws -> [String] {
    let lines = (try await admin("show config") ?? "").split(separator: "\n").map(String.init)
    guard let place = lines.firstIndex(where: { $0.hasSuffix("].key: \(key)") }) else { return [] }
    return lines[(place + 1)...].prefix(4).map {
      String($0.drop { $0 != " " }.dropFirst())
    }
  }
}
