/// The JSON Schema of a configuration file, for editors and checks elsewhere. It knows each setting by
/// itself; what settings must be to each other, `forebayd --check-config` knows.
package enum Schema {
  package static var text: String {
    let lists = [
      ("sockets[]", SettingsTable.sockets.summary), ("routes[]", SettingsTable.routes.summary),
      ("classes[]", SettingsTable.classes.summary),
    ]
    let process = tree(SettingsTable.rows.filter { $0.section.isEmpty })
    var properties = process.properties
    for (pattern, summary) in lists {
      let element = tree(SettingsTable.rows.filter { $0.section == pattern }).schema(isGroup: false)
      properties.append(
        JSON.Field(
          String(pattern.dropLast(2)),
          .object([
            JSON.Field("description", .text("\(summary).")), JSON.Field("type", .text("array")),
            JSON.Field("minItems", .number(pattern == "classes[]" ? 0 : 1)),
            JSON.Field("items", element),
          ])))
    }
    let root = JSON.object([
      JSON.Field("$schema", .text("http://json-schema.org/draft-07/schema#")),
      JSON.Field("title", .text("forebayd's configuration")),
      JSON.Field("type", .text("object")), JSON.Field("additionalProperties", .flag(false)),
      JSON.Field("properties", .object(properties)),
    ])
    return root.printed() + "\n"
  }

  /// The keys of one level; those below a group are a tree of their own.
  private struct Tree {
    var properties: [JSON.Field] = []
    var required: [String] = []

    /// A group may be empty: all of it may be commented out.
    func schema(isGroup: Bool) -> JSON {
      var fields = [
        JSON.Field("type", isGroup ? .texts(["object", "null"]) : .text("object")),
        JSON.Field("additionalProperties", .flag(false)),
      ]
      if !required.isEmpty { fields.append(JSON.Field("required", .texts(required))) }
      return .object(fields + [JSON.Field("properties", .object(properties))])
    }
  }

  private static func tree(_ rows: [SettingsTable.Row], prefix: String = "") -> Tree {
    var tree = Tree()
    var seen: [String] = []
    for row in rows where row.keyInSection.hasPrefix(prefix) {
      let rest = row.keyInSection.dropFirst(prefix.count)
      let name = String(rest.prefix { $0 != "." })
      guard !seen.contains(name) else { continue }
      seen.append(name)
      guard name.count < rest.count else {
        tree.properties.append(JSON.Field(name, property(row)))
        if row.isRequired { tree.required.append(name) }
        continue
      }
      let below = Self.tree(rows, prefix: "\(prefix)\(name).")
      tree.properties.append(JSON.Field(name, below.schema(isGroup: true)))
    }
    return tree
  }

  private static func property(_ row: SettingsTable.Row) -> JSON {
    let range = row.range.isEmpty ? "" : " (\(row.range))"
    return .object(
      [JSON.Field("description", .text("\(row.summary)\(range) Default: \(row.standard)"))]
        + row.schema)
  }
}
