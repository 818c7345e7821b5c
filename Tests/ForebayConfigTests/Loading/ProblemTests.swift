import ForebayCore
import Testing

@testable import ForebayConfig

/// What is refused, in the words that an operator reads.
struct ProblemTests {
  struct Mistake: Sendable, CustomTestStringConvertible {
    let yaml: String
    let told: [String]
    init(_ yaml: String, _ told: String...) {
      self.yaml = yaml
      self.told = told
    }
    var testDescription: String { yaml }
  }

  private static let route = "routes:\n  - name: r\n    upstream: journal:/j\n"

  /// What the fuzzer found: a problem with a default is told on the line that it can't go with, and what
  /// is repeated of the file stays within its line.
  @Test func everyProblemIsOneLineThatNamesOne() {
    #expect(
      problems("log_level: info\nadmin:\n  path: /run/forebay/client.sock\n") == [
        "f.yaml:3: sockets[0].path: is the admin socket's path, too; give each a path of its own"
      ])
    #expect(
      problems("admin:\n  view:\n    gids: \"1\\e[2J\"\n") == [
        "f.yaml:3: admin.view.gids: takes a list; write [1\\u{1b}[2J]"
      ])
  }

  @Test(arguments: [
    // Keys.
    Mistake(
      "bufer: 1\n",
      "f.yaml:1: unknown key 'bufer'; known here: log_level, drain_timeout, peers, admin, limits, sockets, routes, classes"
    ),
    Mistake("log_levl: info\n", "f.yaml:1: unknown key 'log_levl'; did you mean 'log_level'?"),
    Mistake(
      "limits:\n  frame_byte_max: 1k\n",
      "f.yaml:2: limits: unknown key 'frame_byte_max'; did you mean 'frame_bytes_max'?"),
    Mistake(
      "admin:\n  operate:\n    uid: [1]\n",
      "f.yaml:3: admin.operate: unknown key 'uid'; did you mean 'uids'?"),
    Mistake(
      route + "    bufer_bytes: 1M\n",
      "f.yaml:4: routes[0]: unknown key 'bufer_bytes'; did you mean 'buffer_bytes'?"),
    Mistake(
      route + "    breaker:\n      base: 1s\n",
      "f.yaml:5: routes[0].breaker: unknown key 'base'; known here: consecutive_failures, failure_rate_percent, slow_rate_percent, slow_threshold, window, minimum_samples, base_wait, maximum_wait, jitter_percent, retry_after_maximum, healthy_interval, successes_to_close, minimum_half_open, maximum_half_open, quota_percent, probe_deadline"
    ),
    Mistake(
      "limits.heartbeat: 1s\n",
      "f.yaml:1: unknown key 'limits.heartbeat'; known here: log_level, drain_timeout, peers, admin, limits, sockets, routes, classes"
    ),
    // Shapes.
    Mistake("- a\n", "f.yaml:1: write keys and values, such as 'log_level: info'"),
    Mistake("log_level: [info]\n", "f.yaml:1: log_level: takes one value, not a list"),
    Mistake("log_level:\n  a: b\n", "f.yaml:2: log_level: takes a value, not keys"),
    Mistake("log_level:\n", "f.yaml:1: log_level: has no value; write one, or leave the line out"),
    Mistake(
      "limits: 5\n",
      "f.yaml:1: limits: takes keys below it, indented: frame_bytes_max, overhead_bytes, nursery_segments, connections_max, connections_per_principal_max, sessions_per_principal_max, session_memory, hello_timeout, frame_timeout, reclaim_timeout, slow_reader_timeout, heartbeat, control_frames_burst, control_frames_per_second"
    ),
    Mistake("routes: 5\n", "f.yaml:1: routes: takes a list: begin each with '- name: …'"),
    Mistake("routes: []\n", "f.yaml:1: routes: must be at least one"),
    Mistake("sockets: []\n", "f.yaml:1: sockets: must list at least one; or leave the key out"),
    Mistake(
      "classes:\n  - batch\n",
      "f.yaml:2: classes[0]: takes keys and values: 'name: …' and what else it needs"),
    Mistake(
      "routes:\n  - upstream: journal:/j\n",
      "f.yaml:2: routes[0].name: is missing; write 1 to 64 letters, digits, '-', '_' or '.'"),
    Mistake(
      "admin:\n  operate:\n    uids: 7\n", "f.yaml:3: admin.operate.uids: takes a list; write [7]"),
    Mistake(
      "admin:\n  operate:\n    uids: [7, 7]\n", "f.yaml:3: admin.operate.uids: 7 stands there twice"
    ),
    // Types and units.
    Mistake(
      "log_level: loud\n",
      "f.yaml:1: log_level: 'loud' is none of debug, info, notice, warning, error"),
    Mistake(
      "log_level: Info\n",
      "f.yaml:1: log_level: 'Info' is none of debug, info, notice, warning, error; did you mean 'info'?"
    ),
    Mistake(
      "drain_timeout: 30\n", "f.yaml:1: drain_timeout: '30' is no time; write 500ms, 30s or 5m"),
    Mistake("drain_timeout: 25h\n", "f.yaml:1: drain_timeout: must be 0s to 24h, not 25h"),
    Mistake(
      "limits:\n  connections_max: \"5\"\n",
      "f.yaml:2: limits.connections_max: '5' is a text; write the number without quotes"),
    Mistake(
      "limits:\n  connections_max: many\n",
      "f.yaml:2: limits.connections_max: 'many' is no number; write at least 1"),
    Mistake(
      "limits:\n  connections_max: 0\n",
      "f.yaml:2: limits.connections_max: must be at least 1, not 0"),
    Mistake(
      "limits:\n  frame_bytes_max: 17MiB\n",
      "f.yaml:2: limits.frame_bytes_max: must be 24 to 16MiB, not 17MiB"),
    Mistake(
      "limits:\n  frame_bytes_max: 1MB\n",
      "f.yaml:2: limits.frame_bytes_max: '1MB' is no size; write 65536, 64KiB or 64MiB"),
    Mistake(
      route + "    ordered: yes\n", "f.yaml:4: routes[0].ordered: 'yes' is neither true nor false"),
    Mistake(
      route + "    rate: fast\n",
      "f.yaml:4: routes[0].rate: 'fast' is no rate; write 500/s, 30/m or none"),
    Mistake(
      route + "    lane_weights: [1, 2]\n",
      "f.yaml:4: routes[0].lane_weights: must be 8 numbers, one a lane"),
    Mistake(
      route + "    breaker:\n      quota_percent: 6\n",
      "f.yaml:5: routes[0].breaker.quota_percent: must be 1 to 5 %, not 6"),
    Mistake(
      "routes:\n  - name: a b\n    upstream: journal:/j\n",
      "f.yaml:2: routes[0].name: 'a b' is no name; write 1 to 64 letters, digits, '-', '_' or '.'"),
    Mistake(
      "routes:\n  - name: a\n    upstream: pigeon:x\n",
      "f.yaml:3: routes[0].upstream: 'pigeon' is no upstream; write one of "
        + UpstreamAddress.forms.joined(separator: ", ")
    ),
    Mistake(
      "sockets:\n  - path: '@x'\n",
      "f.yaml:2: sockets[0].path: '@x' looks like an abstract socket, which has no permissions; write a path"
    ),
    Mistake(
      "admin:\n  mode: 999\n",
      "f.yaml:2: admin.mode: '999' is no mode; write it in octal, such as 0660"),
    Mistake(
      "peers:\n  listen: 7420\n",
      "f.yaml:2: peers.listen: '7420' is no address; write HOST:PORT, such as 127.0.0.1:7420"),
    // Relations.
    Mistake(
      "limits:\n  connections_per_principal_max: 10000\n",
      "f.yaml:2: limits.connections_per_principal_max: must be at most sessions_per_principal_max, 2048, not 10000, since each connection has a session; or raise that to 10000"
    ),
    Mistake(
      "log_level: info\nlimits:\n  sessions_per_principal_max: 100\n",
      "f.yaml:2: limits.connections_per_principal_max: must be at most sessions_per_principal_max, 100, not 1024, since each connection has a session; or raise that to 1024"
    ),
    Mistake(
      route + "    buffer_bytes: 1k\n",
      "f.yaml:4: routes[0].buffer_bytes: must be at least 1574272 bytes, not 1024, to serve two clients with frames of 262144 bytes; or lower the maximum frame"
    ),
    Mistake(
      "limits:\n  frame_bytes_max: 16MiB\n" + route + "    buffer_bytes: 32MiB\n",
      "f.yaml:6: routes[0].buffer_bytes: must be at least 34604416 bytes, not 33554432, to serve two clients with frames of 16777216 bytes; or lower the maximum frame"
    ),
    Mistake(
      route + "    breaker:\n      base_wait: 2m\n",
      "f.yaml:4: routes[0].breaker.maximum_wait: must be at least base_wait"),
    Mistake(
      route + "    breaker:\n      successes_to_close: 100\n",
      "f.yaml:4: routes[0].breaker.maximum_half_open: must be at least 1 s (2 × 500 ms) for each of successes_to_close"
    ),
    Mistake(
      route + "    breaker:\n      slow_threshold: 9s\n",
      "f.yaml:4: routes[0].breaker.probe_deadline: must be at least slow_threshold, or a probe fails before it is slow"
    ),
    Mistake(
      route + "    backoff:\n      base: 1m\n",
      "f.yaml:4: routes[0].backoff.maximum: must be at least base"),
    Mistake(
      route + "    retry_budget:\n      percent: 0\n      minimum_per_second: 0\n",
      "f.yaml:6: routes[0].retry_budget.minimum_per_second: must allow a retry in time_to_live, or percent must"
    ),
    Mistake(
      route + "    burst: 5\n",
      "f.yaml:4: routes[0].burst: means nothing without a rate; set 'rate', or remove it"),
    Mistake(
      "sockets:\n  - path: /a\n  - path: /a\n",
      "f.yaml:3: sockets[1].path: is that of sockets[0], too; remove one"),
    Mistake(
      "sockets:\n  - path: /a\nadmin:\n  path: /a\n",
      "f.yaml:2: sockets[0].path: is the admin socket's path, too; give each a path of its own"),
    Mistake(
      "sockets:\n  - path: /a\n    class: batsch\nclasses:\n  - name: batch\n",
      "f.yaml:3: sockets[0].class: there is no class 'batsch'; did you mean 'batch'?"),
    Mistake(
      "peers:\n  class: x\n", "f.yaml:2: peers.class: there is no class 'x'; there are: default"),
    Mistake(
      "peers:\n  listen: 0.0.0.0:7420\n",
      "f.yaml:2: peers.listen: 0.0.0.0 isn't a loopback address; without TLS peers are accepted on loopback only, write 127.0.0.1:7420"
    ),
    Mistake(
      "classes:\n  - name: a\n    routes: [gone]\n",
      "f.yaml:3: classes[0].routes: must name routes; there is none called 'gone'"),
    Mistake(
      "classes:\n  - name: a\n    lanes: []\n", "f.yaml:3: classes[0].lanes: must not be empty"),
    Mistake(
      "classes:\n  - name: a\n  - name: a\n",
      "f.yaml:3: classes[1].name: must be another than 'a', which a class has already"),
    Mistake(
      route + "  - name: r\n    upstream: journal:/k\n",
      "f.yaml:4: routes[1].name: must be another than 'r', which a route has already"),
    Mistake(
      route + "  - name: s\n    upstream: journal:///j\n",
      "f.yaml:5: routes[1].upstream: is the journal of routes[0], too; a journal has one writer, name another file"
    ),
    Mistake(
      "routes:\n  - name: r\n    upstream: forebay+unix:/run/forebay/client.sock\n",
      "f.yaml:3: routes[0].upstream: is our own socket, so messages would go in a circle; name another Forebay's"
    ),
    // Several at once, in the file's order.
    Mistake(
      "log_level: x\ndrain_timeout: 1\nlimits:\n  heartbeat: 0s\n",
      "f.yaml:1: log_level: 'x' is none of debug, info, notice, warning, error",
      "f.yaml:2: drain_timeout: '1' is no time; write 500ms, 30s or 5m",
      "f.yaml:4: limits.heartbeat: must be 1ms to 24h, not 0s"),
  ])
  func isTold(_ mistake: Mistake) {
    #expect(problems(mistake.yaml) == mistake.told)
  }

  @Test func variablesAndOptionsAreNamed() {
    #expect(
      problems(variables: [("FOREBAY_BUFFER_BYTES", "lots"), ("FOREBAY_BREAKER_BASE_WAIT", "0s")])
        == [
          "FOREBAY_BUFFER_BYTES: 'lots' is no size; write 65536, 64KiB or 64MiB",
          "FOREBAY_BREAKER_BASE_WAIT: must be 1ms to 24h, not 0s",
        ])
    #expect(
      problems(options: [("buffer-bytes", "1k")]) == [
        "--buffer-bytes: must be at least 1574272 bytes, not 1024, to serve two clients with "
          + "frames of 262144 bytes; or lower the maximum frame"
      ])
    #expect(
      problems(options: [("connections-per-user-max", "2049")]) == [
        "--connections-per-user-max: must be at most sessions_per_principal_max, 2048, not 2049, "
          + "since each connection has a session; or raise that to 2049"
      ])
    #expect(
      problems(options: [("frame-bytes", "1MiB"), ("buffer-bytes", "2MiB")]).map { $0.prefix(15) }
        == ["--buffer-bytes:"])
    #expect(
      problems(options: [("upstream", "a=journal:/x"), ("upstream", "a=journal:/y")]) == [
        "--upstream: two upstreams have the same name, 'a'; write NAME=URL with names that differ"
      ])
    #expect(
      problems("sockets:\n  - path: /a\n  - path: /b\n", options: [("socket", "/c")]) == [
        "--socket: the file lists 2 sockets; change the path there"
      ])
  }

  @Test func onlyTheCommandLineIsUsage() throws {
    func areUsage(_ result: Result<Configuration, ConfigurationProblems>) -> Bool? {
      if case .failure(let problems) = result { problems.areUsage } else { nil }
    }
    #expect(areUsage(load(options: [("rate", "x")])) == true)
    #expect(areUsage(load(variables: [("FOREBAY_RATE", "x")])) == false)
    #expect(areUsage(load("log_level: x\n", options: [("rate", "x")])) == false)
    #expect(areUsage(load()) == nil)
  }

  @Test func aFileThatIsNoneIsTold() {
    let result = ConfigurationLoader.load(ConfigurationInputs(path: "/nowhere/at/all.yaml"))
    #expect(
      result
        == .failure(
          ConfigurationProblems(problems: [
            ConfigurationProblem(
              source: .standard, key: "/nowhere/at/all.yaml",
              text: "can't be read: No such file or directory")
          ])))
    let folder = ConfigurationLoader.load(ConfigurationInputs(path: "/tmp"))
    #expect((try? folder.get()) == nil)
  }

  /// Whatever a file holds, it is taken or refused; and what is taken has no problems.
  @Test(arguments: 0..<40) func neverTraps(_ seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<50 {
      let text = Self.document(&random)
      if case .success(let configuration) = load(text) {
        #expect(configuration.settings.problems() == [], "seed \(seed): \(text)")
        #expect(!configuration.plan.isEmpty)
      }
    }
  }

  /// Known keys with values of any kind, at any place.
  private static func document(_ random: inout Seeded) -> String {
    let values = [
      "1", "0", "-1", "64MiB", "30s", "none", "true", "[1, 2]", "[]", "{a: 1}", "x", "\"\"", "",
      "18446744073709551616", "500/s", "journal:/j", "/p", "0660", "127.0.0.1:1", "[default]",
      "debug",
    ]
    var text = ""
    for section in ["", "sockets", "routes", "classes"].shuffled(using: &random) {
      let rows = SettingsTable.rows.filter { $0.section == (section.isEmpty ? "" : "\(section)[]") }
      if !section.isEmpty { text += "\(section):\n" }
      for index in 0..<Int.random(in: 1...3, using: &random) {
        if section.isEmpty, index > 0 { continue }
        for row in rows where row.isRequired || Int.random(in: 0..<12, using: &random) == 0 {
          let value =
            row.isRequired && Bool.random(using: &random)
            ? "\(row.standard)" : values.randomElement(using: &random)!
          let first = row.isRequired && row.key.hasSuffix(rows[0].keyInSection)
          let indent = section.isEmpty ? "" : first ? "  - " : "    "
          text += indent + nested(row.keyInSection, value, indent: section.isEmpty ? "" : "    ")
        }
      }
    }
    return text
  }

  private static func nested(_ key: String, _ value: String, indent: String) -> String {
    let parts = key.split(separator: ".")
    var text = ""
    for (depth, part) in parts.enumerated() {
      if depth > 0 { text += indent + String(repeating: "  ", count: depth) }
      text += depth == parts.count - 1 ? "\(part): \(value)\n" : "\(part):\n"
    }
    return text
  }
}
