import ForebayCore
import Testing

@testable import ForebayConfig

struct SettingsTableTests {
  private static let rows = SettingsTable.rows

  @Test func keysAndNamesAreOnesOwn() {
    #expect(Set(Self.rows.map(\.key)).count == Self.rows.count)
    let flags = Self.rows.compactMap(\.flag)
    #expect(Set(flags).count == flags.count)
    let variables = Self.rows.compactMap(\.variable)
    #expect(Set(variables).count == variables.count)
    #expect(Self.rows.allSatisfy { !$0.summary.isEmpty && $0.summary.hasSuffix(".") })
  }

  /// Every number of the core's settings can be set: a new one is missed here.
  @Test func everySettingOfTheCoreIsThere() {
    let settings = DaemonSettings().core
    expectAllSettable(settings.limits, "limits.", SettingsTable.process.settings.flatMap(\.fields))
    let fields = SettingsTable.routes.settings.flatMap(\.fields)
    expectAllSettable(
      settings.routes[0], "", fields,
      but: ["breaker", "backoff", "retryBudget", "recovery", "upstream", "rate"])
    expectAllSettable(settings.routes[0].breaker, "breaker.", fields)
    expectAllSettable(settings.routes[0].backoff, "backoff.", fields)
    expectAllSettable(settings.routes[0].retryBudget, "retryBudget.", fields)
    expectAllSettable(settings.routes[0].recovery, "recovery.", fields)
    expectAllSettable(
      settings.classes[0], "", SettingsTable.classes.settings.flatMap(\.fields), but: ["rate"])
  }

  private func expectAllSettable(
    _ settings: Any, _ group: String, _ fields: [String], but others: [String] = []
  ) {
    for child in Mirror(reflecting: settings).children {
      let name = child.label ?? ""
      #expect(others.contains(name) || fields.contains(group + name), "\(group)\(name)")
    }
  }

  @Test func problemsOfTheCoreFindTheirKeys() {
    #expect(
      SettingsTable.key(ofField: "routes[3].breaker.baseWait")
        == ("routes[3].breaker.base_wait", "breaker."))
    #expect(SettingsTable.key(ofField: "routes[0].rate.burst").key == "routes[0].burst")
    #expect(SettingsTable.key(ofField: "routes[0].rate.messages").key == "routes[0].rate")
    #expect(SettingsTable.key(ofField: "classes[1].poolShare").key == "classes[1].pool_share")
    #expect(SettingsTable.key(ofField: "limits.frameBytesMax").key == "limits.frame_bytes_max")
    #expect(SettingsTable.word("baseWait,", in: "breaker.") == "base_wait,")
    #expect(SettingsTable.word("MiB", in: "") == "MiB")
  }

  // MARK: Each row, each way

  /// Values of each kind, of which the first that works and isn't the default is taken.
  private static let candidates: [String: [String]] = [
    "number": ["2", "3", "77", "200", "5000"], "numbers": ["[2, 3]", "[2, 1, 1, 1, 1, 1, 1, 1]"],
    "size": ["2MiB", "300KiB", "4KiB", "3"], "time": ["2s", "7s", "40s", "70s"],
    "flag": ["true", "false"],
    "word": ["debug", "operate", "PUT", "ndjson", "gzip", "spread"],
    "mode": ["0640"],
    "path": ["/run/other.sock"], "text": ["another"], "secret": ["'***'"],
    "url": ["forebay+unix:/run/hub.sock"], "name": ["default", "another"],
    "names": ["[default]", "[r]"], "rate": ["500/s"], "host:port": ["127.0.0.1:7420"],
    "headers": ["[X-A:***]"], "rules": ["[404=rejected]"], "options": ["[\"linger.ms=7\"]"],
  ]

  /// A file that says `value` for a key, and as little else as it must.
  private func yaml(_ row: SettingsTable.Row, _ value: String) -> String {
    var lines: [String] = []
    var indent = ""
    if !row.section.isEmpty {
      lines.append("\(row.section.dropLast(2)):")
      indent = "    "
      let needed: [(String, String)] =
        switch row.section {
        case "sockets[]": [("path", "/run/s.sock")]
        case "routes[]": [("name", "r"), ("upstream", "journal:/j.db")]
        case _: [("name", "c")]
        }
      for (key, other) in needed where key != row.keyInSection {
        lines.append("    \(key): \(other)")
      }
      if row.keyInSection == "burst" { lines.append("    rate: 100/s") }
    }
    for part in row.keyInSection.split(separator: ".") {
      lines.append("\(indent)\(part):")
      indent += "  "
    }
    lines[lines.count - 1] += " \(value)"
    if !row.section.isEmpty { lines[1] = "  - " + lines[1].dropFirst(4) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func example(_ row: SettingsTable.Row) throws -> (value: String, yaml: String) {
    let candidates = try #require(Self.candidates[row.kind], "\(row)")
    for value in candidates where value != row.standard {
      let text = yaml(row, value)
      if case .success = load(text) { return (value, text) }
    }
    let said = candidates.map { problems(yaml(row, $0)) }
    Issue.record("no candidate for \(row.key): \(said)")
    throw CancellationError()
  }

  @Test(arguments: rows.map(\.key)) func aFileSetsIt(_ key: String) throws {
    let row = try #require(Self.rows.first { $0.key == key })
    let (value, text) = try example(row)
    let configuration = try loaded(text)
    let place = key.replacing("[]", with: "[0]")
    #expect(configuration.value(place) == value)
    let line = text.split(separator: "\n").count
    let last = row.keyInSection == "burst" || !text.contains("- \(row.keyInSection):") ? line : 2
    #expect(configuration.source(place) == .file("f.yaml", line: last), "\(text)")
    #expect(configuration.rows.first { $0.key == place }?.isReloadable == row.isReloadable)
  }

  @Test(arguments: rows.filter { $0.variable != nil }.map(\.key))
  func aVariableSetsIt(_ key: String) throws {
    try expectText(key, { $0.variable }, asOption: false)
  }

  @Test(arguments: rows.filter { $0.flag != nil }.map(\.key))
  func anOptionSetsIt(_ key: String) throws {
    try expectText(key, { $0.flag }, asOption: true)
  }

  private func expectText(
    _ key: String, _ name: (SettingsTable.Row) -> String?, asOption: Bool
  ) throws {
    let row = try #require(Self.rows.first { $0.key == key })
    let value = try example(row).value
    // Outside of a file there are neither brackets nor quotes.
    let text =
      value.hasPrefix("[")
      ? String(value.dropFirst().dropLast()).replacing("\"", with: "") : value
    var texts = [(try #require(name(row)), text)]
    if row.keyInSection == "burst" { texts.append((asOption ? "rate" : "FOREBAY_RATE", "100")) }
    let configuration =
      asOption ? try loaded(options: texts) : try loaded(variables: texts)
    let place = key.replacing("[]", with: "[0]")
    #expect(configuration.value(place) == value)
    #expect(configuration.source(place) == (asOption ? .option(texts[0].0) : .variable(texts[0].0)))
    // And nothing else changed.
    let changed = configuration.rows.filter { $0.isChanged && $0.source == .standard }.map(\.key)
    #expect(changed == [])
  }

  /// The table and the core agree on what a reload can change.
  @Test(arguments: rows.map(\.key)) func theCoreTakesOverWhatTheTableSays(_ key: String) throws {
    let row = try #require(Self.rows.first { $0.key == key })
    guard row.keyInSection != "burst" else { return }
    let running = try loaded(yaml(row, row.standard)).settings.core
    let new = try loaded(example(row).yaml).settings.core
    guard running != new else { return }
    let needsRestart = Sidecar.needsRestart(from: running, to: new)
    #expect(needsRestart.isEmpty == row.isReloadable, "\(needsRestart)")
  }

  /// Far outside of every range that has an upper end.
  private static let outside = [
    "number": "999999999999999", "size": "9999999GiB", "time": "999999h",
  ]

  @Test(arguments: rows.filter { outside[$0.kind] != nil && $0.range.contains(" to ") }.map(\.key))
  func whatIsOutOfRangeIsTold(_ key: String) throws {
    let row = try #require(Self.rows.first { $0.key == key })
    let value = try #require(Self.outside[row.kind])
    let text = yaml(row, value)
    let line = text.split(separator: "\n").count
    let allowed = row.range.replacing(", or none", with: "")
    #expect(
      problems(text) == [
        "f.yaml:\(line): \(key.replacing("[]", with: "[0]")): must be \(allowed), not \(value)"
      ])
  }

  @Test(arguments: rows.map(\.key)) func whatIsPrintedIsReadAgain(_ key: String) throws {
    let row = try #require(Self.rows.first { $0.key == key })
    guard row.keyInSection != "burst" else { return }
    _ = try loaded(yaml(row, row.standard))
  }
}
