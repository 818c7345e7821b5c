// The file: sections of the table, each key looked up in it.
extension ConfigurationLoader {
  mutating func readFile(_ text: [UInt8]) {
    let root: YAMLNode?
    do throws(YAMLError) {
      root = try YAMLReader.read(text)
    } catch {
      isFileUnreadable = true
      return refuse(error.mark.line, "", error.text)
    }
    guard let root else { return }
    guard case .mapping(let entries) = root.content else {
      return refuse(root.mark.line, "", "write keys and values, such as 'log_level: info'")
    }
    var read = settings
    for entry in entries {
      switch entry.key {
      case "sockets": elements(entry, SettingsTable.sockets, into: &read.sockets)
      case "routes": elements(entry, SettingsTable.routes, into: &read.routes)
      case "classes": elements(entry, SettingsTable.classes, into: &read.classes)
      case _:
        self.entry(
          entry, SettingsTable.process, prefix: "", into: &read, at: "",
          others: ["sockets", "routes", "classes"])
      }
    }
    settings = read
  }

  /// A list of sockets, routes or classes, which replaces the default one.
  private mutating func elements<Scope>(
    _ entry: YAMLNode.Entry, _ section: Section<Scope>, into scopes: inout [Scope]
  ) {
    lines[entry.key] = entry.keyMark.line
    let example = section.settings[0].key
    guard case .sequence(let nodes) = entry.value.content else {
      return refuse(
        entry.keyMark.line, entry.key, "takes a list: begin each with '- \(example): …'")
    }
    scopes = []
    for (index, node) in nodes.enumerated() {
      let path = "\(entry.key)[\(index)]"
      lines[path] = node.mark.line
      var scope = section.blank
      if case .mapping(let entries) = node.content {
        for entry in entries { self.entry(entry, section, prefix: "", into: &scope, at: path) }
        for setting in section.settings where setting.isRequired {
          guard lines["\(path).\(setting.key)"] == nil else { continue }
          refuse(
            node.mark.line, "\(path).\(setting.key)", "is missing; write \(setting.look.range)")
        }
      } else {
        refuse(
          node.mark.line, path, "takes keys and values: '\(example): …' and what else it needs")
      }
      scopes.append(scope)
    }
  }

  private mutating func entry<Scope>(
    _ entry: YAMLNode.Entry, _ section: Section<Scope>, prefix: String, into scope: inout Scope,
    at path: String, others: [String] = []
  ) {
    let key = prefix + entry.key
    let place = path.isEmpty ? key : "\(path).\(key)"
    lines[place] = entry.keyMark.line
    // Keys nest; with dots in them a setting could stand twice.
    let isFlat = entry.key.contains(".")
    if !isFlat, let setting = section.setting(key) {
      return value(entry, setting, into: &scope, at: place)
    }
    let children = section.children(of: key + ".")
    guard isFlat || children.isEmpty else {
      // A group with nothing in it, because all of it is commented out.
      if entry.value.isEmpty { return }
      guard case .mapping(let entries) = entry.value.content else {
        return refuse(
          entry.keyMark.line, place,
          "takes keys below it, indented: \(children.joined(separator: ", "))")
      }
      for child in entries {
        self.entry(child, section, prefix: key + ".", into: &scope, at: path)
      }
      return
    }
    let known = section.children(of: prefix) + others
    let around = prefix.isEmpty ? path : String(place.dropLast(entry.key.count + 1))
    let suggestion = Suggestion.nearest(to: entry.key, among: known)
    refuse(
      entry.keyMark.line, around,
      "unknown key \(Quoted.text(entry.key)); "
        + (suggestion.map { "did you mean '\($0)'?" }
          ?? "known here: \(known.joined(separator: ", "))"))
  }

  private mutating func value<Scope>(
    _ entry: YAMLNode.Entry, _ setting: Setting<Scope>, into scope: inout Scope, at place: String
  ) {
    do throws(FormProblem) {
      try setting.write(try Self.written(entry.value), &scope)
      sources[place] = file(entry.keyMark.line)
    } catch {
      // In a list over several lines the list's own line is near enough.
      refuse(entry.value.mark.line, place, error.text)
    }
  }

  private static func written(_ node: YAMLNode) throws(FormProblem) -> Written {
    switch node.content {
    case .scalar(let text, let isPlain): return isPlain ? .plain(text) : .quoted(text)
    case .sequence(let nodes):
      var items: [Written] = []
      for node in nodes { items.append(try written(node)) }
      return .list(items)
    case .mapping: throw FormProblem("takes a value, not keys")
    }
  }
}
