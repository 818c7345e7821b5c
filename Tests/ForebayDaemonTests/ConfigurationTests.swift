import ForebayWire
import Glibc
import Testing

/// `forebayd` and its configuration file.
@Suite(.fewAtOnce) struct ConfigurationTests {
  private let place = Workplace()

  private func run(_ options: [String], variables: [String] = []) async throws -> Program.Ended {
    try await Program.start(
      "/usr/bin/env", variables + ["\(Program.folder)/forebayd"] + options, in: place
    ).end()
  }

  @Test func checksAFileWithoutDoingAnything() async throws {
    let file = place.write(
      """
      sockets:
        - path: \(place.file("s/c.sock"))
      routes:
        - name: r
          upstream: journal:\(place.file("j/j.db"))

      """, to: "good.yaml")
    let ended = try await run(["--config", file, "--check-config"])
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.output.contains("route       r to journal:\(place.file("j/j.db"))"))
    #expect(!exists(place.file("s")) && !exists(place.file("j")))
    let variable = try await run(["--check-config"], variables: ["FOREBAY_CONFIG=\(file)"])
    #expect(variable.status == 0 && variable.output == ended.output)
  }

  @Test func saysEverythingThatIsWrongAtOnce() async throws {
    let file = place.write("log_levl: info\nlimits:\n  heartbeat: 5\n", to: "bad.yaml")
    let told = """
      \(file):1: unknown key 'log_levl'; did you mean 'log_level'?
      \(file):3: limits.heartbeat: '5' is no time; write 500ms, 30s or 5m

      """
    for options in [["--check-config"], []] {
      let ended = try await run(["--config", file] + options)
      #expect(ended.status == 78 && ended.errors == told && ended.output == "")
    }
  }

  @Test func tellsUsageFromConfiguration() async throws {
    #expect(try await run(["--rate", "fast"]).status == 64)
    #expect(try await run(["--rate", "fast", "--check-config"]).status == 78)
    let variable = try await run([], variables: ["FOREBAY_RATE=fast"])
    #expect(variable.status == 78)
    #expect(variable.errors == "FOREBAY_RATE: 'fast' is no rate; write 500/s, 30/m or none\n")
    let missing = try await run(["--config", place.file("gone.yaml")])
    #expect(missing.status == 78 && missing.errors.contains("No such file"), "\(missing.errors)")
    #expect(try await run(["--print", "sample"]).output.contains("#buffer_bytes: 64MiB"))
    #expect(try await run(["--print", "schema"]).output.contains("draft-07"))
    #expect(
      try await run(["--print", "settings", "--rate", "5"]).output.contains(
        "routes[0].rate: 5/s  # --rate\n"))
  }

  /// The table says what options there are; the command line has each of them.
  @Test func everyOptionOfTheTableIsOne() async throws {
    let manual = try await run(["--print", "manual"]).output
    let help = try await run(["--help"]).output
    let flags = manual.split(separator: "`").filter { $0.hasPrefix("--") }
    #expect(flags.count == 14)
    for flag in flags { #expect(help.contains("\(flag) <"), "\(flag)") }
  }

  @Test func servesSeveralSocketsEachWithItsClass() async throws {
    let file = place.write(
      """
      sockets:
        - path: \(place.file("a.sock"))
        - path: \(place.file("b.sock"))
          mode: 0600
          class: narrow
      routes:
        - name: wide
          upstream: journal:\(place.file("wide.db"))
        - name: small
          upstream: journal:\(place.file("small.db"))
      classes:
        - name: narrow
          routes: [small]

      """, to: "f.yaml")
    let daemon = try await DaemonProcess.ready(in: place, ["--config", file])
    var status = stat()
    #expect(stat(place.file("b.sock"), &status) == 0 && status.st_mode & 0o777 == 0o600)

    let first = try WireClient(path: place.file("a.sock"))
    try await first.greet()
    first.send(encodedData(1, Array("of a".utf8)))
    try await first.expectOutcome(.delivered, of: 1...1)

    let second = try WireClient(path: place.file("b.sock"))
    try await second.greet()
    second.send(encodedData(1, Array("of b".utf8)))
    try await second.expectOutcome(.delivered, of: 1...1)
    #expect(try JournalContents(place.file("wide.db")).payloads == ["of a"])
    #expect(try JournalContents(place.file("small.db")).payloads == ["of b"])

    let refused = try WireClient(path: place.file("b.sock"))
    refused.send(
      Hello(session: .drawn()), extensions: encodedExtension(.route, Array("wide".utf8)))
    try await refused.expectError(.notPermitted)
    #expect(try await daemon.stop() == 0)
    #expect(!exists(place.file("a.sock")) && !exists(place.file("b.sock")))
  }
}
