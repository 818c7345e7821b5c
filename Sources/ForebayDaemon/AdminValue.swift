/// What a command answers: one structure, printed as text or as JSON.
indirect enum AdminValue {
  case text(String)
  case number(UInt64)
  case flag(Bool)
  case object([(String, AdminValue)])
  case list([AdminValue])

  /// Lines of `key: value`, nested keys joined by dots; no line is empty.
  func lines(_ prefix: String = "") -> [String] {
    func line(_ value: String) -> [String] { [prefix.isEmpty ? value : "\(prefix): \(value)"] }
    switch self {
    case .text(let text): return line(text.isEmpty ? "-" : text)
    case .number(let number): return line(String(number))
    case .flag(let flag): return line(flag ? "yes" : "no")
    case .object(let fields):
      return fields.flatMap { key, value in
        value.lines(prefix.isEmpty ? key : "\(prefix).\(key)")
      }
    case .list(let values):
      return values.enumerated().flatMap { $1.lines("\(prefix)[\($0)]") }
    }
  }

  var json: String {
    switch self {
    case .text(let text): return Self.quoted(text)
    case .number(let number): return String(number)
    case .flag(let flag): return flag ? "true" : "false"
    case .object(let fields):
      return "{" + fields.map { "\(Self.quoted($0)):\($1.json)" }.joined(separator: ",") + "}"
    case .list(let values): return "[" + values.map(\.json).joined(separator: ",") + "]"
    }
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      case _: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
