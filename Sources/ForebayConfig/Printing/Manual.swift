/// The tables of settings in OPERATIONS.md.
package enum Manual {
  package static let begin = "<!-- settings: from here on written by `make settings` -->"
  package static let end = "<!-- settings: up to here -->"

  package static var text: String {
    var lines: [String] = []
    lines += table(SettingsTable.process) { $0.key }
    for (heading, rows) in [
      heading(SettingsTable.sockets), heading(SettingsTable.routes), heading(SettingsTable.classes),
    ] {
      lines += ["", heading, ""] + rows
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The manual with its tables as they are now; nil where the markers are missing.
  package static func updated(_ manual: String) -> String? {
    let lines = manual.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let first = lines.firstIndex(of: begin), let last = lines.firstIndex(of: end),
      first < last
    else { return nil }
    let text = Self.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return (lines[...first] + [""] + text + lines[last...]).joined(separator: "\n")
  }

  private static func heading<Scope>(_ section: Section<Scope>) -> (String, [String]) {
    ("\(section.summary), `\(section.pattern)`:", table(section) { $0.key })
  }

  private static func table<Scope>(
    _ section: Section<Scope>, _ key: (Setting<Scope>) -> String
  ) -> [String] {
    let rows = section.settings.map { setting in
      let names = [setting.flag.map { "--\($0)" }, SettingsTable.variable(section, setting)]
      let text = setting.summary + (setting.isReloadable ? "" : " ⟳")
      let cells = [
        "`\(setting.key)`", "`\(setting.print(section.blank))`", setting.look.range, text,
        names.compactMap { $0 }.map { "`\($0)`" }.joined(separator: " "),
      ]
      return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    return [
      "| key | default | allowed | what it does | option, variable |", "|---|---|---|---|---|",
    ]
      + rows
  }
}
