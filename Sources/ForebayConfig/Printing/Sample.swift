/// A file with every setting at its default, each explained.
package enum Sample {
  package static var text: String {
    var lines = [
      "# Settings of forebayd: every one, at its default. What stands behind a '#' needs no line.",
      "# forebayd --config FILE runs with them; with --check-config it only says what it would do.",
      "# kill -HUP PID, or forebayctl reload, takes them over where no restart is needed.",
      "# Sizes: 65536, 64KiB, 64MiB, 1GiB. Times: 500ms, 30s, 5m, 1h. Rates: 500/s, 30/m, 10/h.",
      "# Made by forebayd --print sample.",
    ]
    lines += body(SettingsTable.process, indent: "") { _ in true }
    lines += list(SettingsTable.sockets) { !$0.isRequired }
    lines += list(SettingsTable.routes) { !$0.isRequired }
    lines += [
      "",
      "# \(SettingsTable.classes.summary). A client's class is that of its socket; else the first that names",
    ]
    lines += [
      "# its user, else the first that names its primary group, else 'default'.", "#classes:",
    ]
    lines += element(SettingsTable.classes) { _ in false }.map { $0.isEmpty ? "#" : "#\($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func list<Scope>(
    _ section: Section<Scope>, isOff: (Setting<Scope>) -> Bool
  ) -> [String] {
    ["", "# \(section.summary).", "\(section.pattern.dropLast(2)):"]
      + element(section, isOff: isOff)
  }

  /// One element, its first setting behind the dash.
  private static func element<Scope>(
    _ section: Section<Scope>, isOff: (Setting<Scope>) -> Bool
  ) -> [String] {
    var lines = Array(body(section, indent: "    ", isOff: isOff).drop { $0.isEmpty })
    if let first = lines.firstIndex(where: { !$0.hasPrefix("    #") }) {
      lines[first] = "  - " + lines[first].dropFirst(4)
    }
    return lines
  }

  private static func body<Scope>(
    _ section: Section<Scope>, indent: String, isOff: (Setting<Scope>) -> Bool
  ) -> [String] {
    var lines: [String] = []
    var group: [Substring] = []
    for setting in section.settings {
      let parts = setting.key.split(separator: ".")
      let off = isOff(setting) ? "#" : ""
      let shared = zip(group, parts).prefix { $0 == $1 }.count
      group = Array(parts.dropLast())
      lines.append("")
      for depth in min(shared, group.count)..<group.count {
        lines.append(indent + String(repeating: "  ", count: depth) + "\(group[depth]):")
      }
      let place = indent + String(repeating: "  ", count: group.count)
      lines.append("\(place)# \(setting.summary)")
      let details = [setting.look.range, setting.isReloadable ? "" : "needs a restart"]
      lines.append("\(place)# (\(details.filter { !$0.isEmpty }.joined(separator: "; ")))")
      lines.append("\(place)\(off)\(parts.last ?? ""): \(setting.print(section.blank))")
    }
    return lines
  }
}
