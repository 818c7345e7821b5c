import ForebayCore

/// A setting as it is now.
package struct ConfigurationRow: Equatable, Sendable {
  /// `routes[0].breaker.base_wait`
  package let key: String
  package let value: String
  package let standard: String
  package let source: SettingSource
  package let isReloadable: Bool
  package var isChanged: Bool { value != standard }

  /// The same where an operator's command has set another value than the configuration.
  package func overridden(by command: String, _ value: String) -> ConfigurationRow {
    ConfigurationRow(
      key: key, value: value, standard: standard, source: .command(command),
      isReloadable: isReloadable)
  }
}

extension Configuration {
  /// Every setting of the process, each socket, route and class.
  package var rows: [ConfigurationRow] {
    var rows = rows(SettingsTable.process, settings, at: "")
    for (index, socket) in settings.sockets.enumerated() {
      rows += self.rows(SettingsTable.sockets, socket, at: "sockets[\(index)].")
    }
    for (index, route) in settings.routes.enumerated() {
      rows += self.rows(SettingsTable.routes, route, at: "routes[\(index)].")
    }
    for (index, one) in settings.classes.enumerated() {
      rows += self.rows(SettingsTable.classes, one, at: "classes[\(index)].")
    }
    return rows
  }

  private func rows<Scope>(
    _ section: Section<Scope>, _ scope: Scope, at path: String
  ) -> [ConfigurationRow] {
    section.settings.map { setting in
      ConfigurationRow(
        key: path + setting.key, value: setting.print(scope),
        standard: setting.print(section.blank), source: source(path + setting.key),
        isReloadable: setting.isReloadable)
    }
  }

  /// What `--check-config` prints: what a start would do, and what isn't at its default.
  package var plan: String {
    var lines: [String] = []
    for socket in settings.sockets {
      let who = socket.className.map { "class \($0)" } ?? "class by user and group"
      lines.append("listens on  \(socket.path), mode \(socket.mode), \(who)")
    }
    if let peers = settings.peers.listen { lines.append("listens on  \(peers) for peers") }
    lines.append("operators   \(settings.admin.path), mode \(settings.admin.mode)")
    for route in settings.routes {
      lines.append(
        "route       \(route.settings.name) to \(route.address), holding up to "
          + "\(route.settings.bufferMessages) messages in "
          + Quantity.text(bytes: route.settings.bufferBytes))
    }
    for one in settings.allClasses {
      lines.append("class       \(one.settings.name)")
    }
    for row in rows where row.source != .standard {
      lines.append("setting     \(row.key): \(row.value)  (\(row.source); default \(row.standard))")
    }
    return (lines + notices.map { "notice      \($0)" }).joined(separator: "\n")
  }
}
