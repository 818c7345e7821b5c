import ForebayCore

// Variables and options: one text a setting. For routes and sockets it holds for each of them.
extension ConfigurationLoader {
  mutating func readTexts() {
    readUpstreams()
    for layer in [TextLayer(variables: inputs), TextLayer(options: inputs)] {
      var read = settings
      var process = [read]
      apply(layer, SettingsTable.process, to: &process) { _ in "" }
      read = process[0]
      apply(layer, SettingsTable.sockets, to: &read.sockets) { "sockets[\($0)]." }
      apply(layer, SettingsTable.routes, to: &read.routes) { "routes[\($0)]." }
      settings = read
    }
  }

  private mutating func apply<Scope>(
    _ layer: TextLayer, _ section: Section<Scope>, to scopes: inout [Scope],
    _ path: (Int) -> String
  ) {
    for setting in section.settings where setting.flag != SettingsTable.upstreamFlag {
      let name =
        layer.areOptions ? setting.flag : SettingsTable.variable(section, setting)
      guard let name, let text = layer.last(name) else { continue }
      let source = layer.source(name)
      guard setting.flag != SettingsTable.socketFlag || scopes.count <= 1 else {
        problems.append(
          ConfigurationProblem(
            source: source, key: "sockets",
            text: "the file lists \(scopes.count) sockets; change the path there"))
        continue
      }
      let written = setting.look.isList ? Self.list(text) : .plain(text)
      for index in scopes.indices {
        do throws(FormProblem) {
          try setting.write(written, &scopes[index])
          sources[path(index) + setting.key] = source
        } catch {
          problems.append(
            ConfigurationProblem(source: source, key: path(index) + setting.key, text: error.text))
          break
        }
      }
    }
  }

  private static func list(_ text: String) -> Written {
    if text == "none" { return .plain(text) }
    return .list(
      text.split(separator: ",").map { .plain(String($0.drop { $0 == " " })) })
  }

  /// `[NAME=]URL`, each of which changes the upstream of the route with that name, or adds one. The
  /// default route isn't there then, unless it is named.
  private mutating func readUpstreams() {
    let options = inputs.options.filter { $0.name == SettingsTable.upstreamFlag }
    let variable = TextLayer(variables: inputs).last(SettingsTable.upstreamVariable)
    let texts =
      options.isEmpty
      ? (variable ?? "").split(separator: " ").map(String.init) : options.map(\.value)
    guard !texts.isEmpty else { return }
    let source: SettingSource =
      options.isEmpty
      ? .variable(SettingsTable.upstreamVariable) : .option(SettingsTable.upstreamFlag)
    if lines["routes"] == nil { settings.routes = [] }
    var seen: [String] = []
    for text in texts { readUpstream(text, source, &seen) }
  }

  private mutating func readUpstream(
    _ text: String, _ source: SettingSource, _ seen: inout [String]
  ) {
    var target = RouteTarget()
    var url = text
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    do throws(FormProblem) {
      if parts.count == 2, !parts[0].contains(":") {
        url = String(parts[1])
        guard !parts[0].isEmpty else {
          throw FormProblem("the route's name is empty; write NAME=URL, or the URL alone")
        }
        target.settings.name = try Form<String>.name.read(.plain(String(parts[0])))
      }
      target.address = try Form<UpstreamAddress>.upstream.read(.plain(url))
      let name = target.settings.name
      guard !seen.contains(name) else {
        throw FormProblem(
          "two upstreams have the same name, '\(name)'; write NAME=URL with names that differ")
      }
      seen.append(name)
      let known = settings.routes.firstIndex { $0.settings.name == name }
      if let known {
        settings.routes[known].address = target.address
      } else {
        settings.routes.append(target)
      }
      let path = "routes[\(known ?? settings.routes.count - 1)]"
      sources["\(path).upstream"] = source
      if known == nil, parts.count == 2 { sources["\(path).name"] = source }
    } catch {
      problems.append(ConfigurationProblem(source: source, key: "routes", text: error.text))
    }
  }
}

/// Variables or options, by name. An empty variable is as good as none, as shells have it.
struct TextLayer {
  let areOptions: Bool
  private let texts: [ConfigurationInputs.Text]

  init(variables inputs: ConfigurationInputs) {
    areOptions = false
    texts = inputs.variables.filter { !$0.value.isEmpty }
  }

  init(options inputs: ConfigurationInputs) {
    areOptions = true
    texts = inputs.options
  }

  func last(_ name: String) -> String? { texts.last { $0.name == name }?.value }
  func source(_ name: String) -> SettingSource { areOptions ? .option(name) : .variable(name) }
}

/// What looks like a mistake and isn't certain to be one.
enum Notices {
  /// Variables near one of ours. Others with our prefix are left alone: a cluster sets some
  /// (`FOREBAY_SERVICE_HOST`) where a service is called forebay.
  static func of(_ inputs: ConfigurationInputs) -> [String] {
    let known = SettingsTable.rows.compactMap(\.variable) + [SettingsTable.fileVariable]
    return inputs.variables.compactMap { variable in
      guard !known.contains(variable.name) else { return nil }
      let prefix = ConfigurationInputs.variablePrefix.count
      let bare = known.map { String($0.dropFirst(prefix)) }
      return Suggestion.nearest(to: String(variable.name.dropFirst(prefix)), among: bare).map {
        "\(Quoted.text(variable.name)) is no setting; did you mean '\(ConfigurationInputs.variablePrefix)\($0)'?"
      }
    }
  }
}

extension SettingsTable {
  static let upstreamFlag = "upstream"
  static let socketFlag = "socket"
  static let upstreamVariable = "FOREBAY_UPSTREAM"
  /// Where `--config` isn't given.
  package static let fileVariable = "FOREBAY_CONFIG"
}
