import ForebayCore

/// What a running daemon makes of a new configuration.
package struct Reload: Equatable, Sendable {
  /// What it goes on with: what needs a restart stays as it was.
  package let configuration: Configuration
  /// Keys with their new values, which take effect.
  package let changed: [String]
  /// What the new configuration says and only a restart can do, in words for the operator.
  package let needsRestart: [String]
}

extension Configuration {
  /// This one, running, with everything of `new` that can change. Sockets are the same by path, routes
  /// by name: what comes and goes needs a restart, and so does another order, since the first route is
  /// for clients that name none. What doesn't work together then is refused.
  package func reloaded(with new: Configuration) -> Result<Reload, ConfigurationProblems> {
    var merge = Merge(old: self, new: new)
    merge.process()
    merge.sockets()
    merge.routes()
    merge.classes()
    let problems = merge.settings.problems()
    guard problems.isEmpty else {
      return .failure(
        ConfigurationProblems(
          problems: problems.map {
            ConfigurationProblem(
              source: merge.sources[$0.key] ?? .standard, key: $0.key,
              text: $0.text + "; together with what needs a restart it can't be taken over")
          }))
    }
    let merged = Configuration(
      settings: merge.settings, inputs: new.inputs, sources: merge.sources, notices: new.notices,
      fileMarks: fileMarks)
    let before = Dictionary(rows.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    let after = merged.rows.filter { before[$0.key] != $0.value }.map { "\($0.key): \($0.value)" }
    let gone = Set(rows.map(\.key)).subtracting(merged.rows.map(\.key))
    let removed = rows.filter { gone.contains($0.key) && $0.key.hasSuffix("].name") }
    return .success(
      Reload(
        configuration: merged, changed: after + removed.map { "\($0.key): \($0.value) is gone" },
        needsRestart: merge.needsRestart))
  }
}

/// A merge under way.
private struct Merge {
  let old: Configuration
  let new: Configuration
  var settings: DaemonSettings
  var sources: [String: SettingSource] = [:]
  var needsRestart: [String] = []

  init(old: Configuration, new: Configuration) {
    self.old = old
    self.new = new
    settings = old.settings
  }

  mutating func process() {
    var merged = settings
    take(SettingsTable.process, from: new.settings, into: &merged, "", "")
    settings = merged
  }

  mutating func sockets() {
    settings.sockets = elements(
      SettingsTable.sockets, old.settings.sockets, new.settings.sockets, \.path)
  }

  mutating func routes() {
    settings.routes = elements(
      SettingsTable.routes, old.settings.routes, new.settings.routes, \.settings.name)
  }

  /// Classes come and go as they like.
  mutating func classes() {
    settings.classes = new.settings.classes
    for (key, source) in new.sources where key.hasPrefix("classes[") { sources[key] = source }
  }

  private mutating func elements<Scope>(
    _ section: Section<Scope>, _ olds: [Scope], _ news: [Scope], _ name: (Scope) -> String
  ) -> [Scope] {
    let list = section.pattern.dropLast(2)
    let oldNames = olds.map(name)
    let newNames = news.map(name)
    for name in newNames where !oldNames.contains(name) {
      needsRestart.append("\(list): \(name) is new")
    }
    for name in oldNames where !newNames.contains(name) {
      needsRestart.append("\(list): \(name) is gone")
    }
    let stay = oldNames.filter(newNames.contains)
    if stay != newNames.filter(oldNames.contains) {
      needsRestart.append("\(list): their order is another")
    }
    return olds.enumerated().map { index, old in
      var merged = old
      let path = "\(list)[\(index)]."
      if let place = newNames.firstIndex(of: oldNames[index]) {
        take(section, from: news[place], into: &merged, path, "\(list)[\(place)].")
      } else {
        for setting in section.settings {
          sources[path + setting.key] = self.old.sources[path + setting.key]
        }
      }
      return merged
    }
  }

  /// What can change of one scope, and where each value is from.
  private mutating func take<Scope>(
    _ section: Section<Scope>, from new: Scope, into merged: inout Scope, _ path: String,
    _ newPath: String
  ) {
    for setting in section.settings {
      let isSame = setting.isSame(new, merged)
      if setting.isReloadable { setting.copy(new, &merged) }
      if setting.isReloadable || isSame {
        sources[path + setting.key] = self.new.sources[newPath + setting.key]
      } else {
        sources[path + setting.key] = old.sources[path + setting.key]
        needsRestart.append(
          "\(path)\(setting.key): " + Self.change(setting.print(merged), setting.print(new)))
      }
      if isSame, old.fileMarks[path + setting.key] != self.new.fileMarks[newPath + setting.key] {
        needsRestart.append("\(path)\(setting.key): what is in \(setting.print(merged)) is new")
      }
    }
  }

  /// Secrets look alike.
  private static func change(_ before: String, _ after: String) -> String {
    before == after ? "another one, which isn't shown" : "\(after) instead of \(before)"
  }
}
