/// Everything that can be set: one table, from which files, variables and options are read, and texts,
/// samples and the schema are made.
package enum SettingsTable {
  /// A row without its type, for whoever only shows it.
  package struct Row: Equatable, Sendable {
    /// `routes[].breaker.base_wait`
    package let key: String
    package let kind: String
    package let range: String
    /// As YAML; empty where there is none because it must be given.
    package let standard: String
    package let summary: String
    package let isReloadable: Bool
    package let isRequired: Bool
    package let flag: String?
    package let variable: String?
    let section: String
    let keyInSection: String
    let schema: [JSON.Field]
  }

  package static let rows: [Row] =
    rows(process) + rows(sockets) + rows(routes) + rows(classes)

  package static func row(flag: String) -> Row? { rows.first { $0.flag == flag } }

  private static func rows<Scope>(_ section: Section<Scope>) -> [Row] {
    section.settings.map { setting in
      Row(
        key: section.pattern.isEmpty ? setting.key : "\(section.pattern).\(setting.key)",
        kind: setting.look.kind, range: setting.look.range, standard: setting.print(section.blank),
        summary: setting.summary, isReloadable: setting.isReloadable,
        isRequired: setting.isRequired, flag: setting.flag,
        variable: variable(section, setting), section: section.pattern, keyInSection: setting.key,
        schema: setting.look.schema)
    }
  }

  /// The environment variable of a setting: named like its option, or like its key. What tells the
  /// elements of a list apart has none, and neither do classes, of which there is none by default.
  static func variable<Scope>(_ section: Section<Scope>, _ setting: Setting<Scope>) -> String? {
    if let flag = setting.flag {
      return "FOREBAY_" + flag.uppercased().replacing("-", with: "_")
    }
    guard section.pattern != classes.pattern, setting.key != "name" else { return nil }
    let prefix = section.pattern == sockets.pattern ? "SOCKET_" : ""
    return "FOREBAY_" + prefix + setting.key.uppercased().replacing(".", with: "_")
  }
}
