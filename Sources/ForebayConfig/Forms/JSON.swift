import ForebayWire

/// JSON to be printed.
package indirect enum JSON: Equatable, Sendable {
  case text(String)
  case number(UInt64)
  case flag(Bool)
  case list([JSON])
  case object([Field])

  package struct Field: Equatable, Sendable {
    let name: String
    let value: JSON
    init(_ name: String, _ value: JSON) {
      self.name = name
      self.value = value
    }
  }

  static func texts(_ texts: [String]) -> JSON { .list(texts.map(JSON.text)) }

  /// Over several lines, but for what fits one.
  package func printed(indent: String = "") -> String {
    let line = oneLine
    if indent.count + line.count <= 96 { return line }
    let inner = indent + "  "
    switch self {
    case .list(let values):
      let items = values.map { inner + $0.printed(indent: inner) }
      return "[\n" + items.joined(separator: ",\n") + "\n\(indent)]"
    case .object(let fields):
      let items = fields.map {
        "\(inner)\(JSONString.quoted($0.name)): \($0.value.printed(indent: inner))"
      }
      return "{\n" + items.joined(separator: ",\n") + "\n\(indent)}"
    case .text, .number, .flag: return line
    }
  }

  private var oneLine: String {
    switch self {
    case .text(let text): JSONString.quoted(text)
    case .number(let number): String(number)
    case .flag(let flag): flag ? "true" : "false"
    case .list(let values): "[" + values.map(\.oneLine).joined(separator: ", ") + "]"
    case .object(let fields):
      "{"
        + fields.map { "\(JSONString.quoted($0.name)): \($0.value.oneLine)" }.joined(
          separator: ", ")
        + "}"
    }
  }
}
