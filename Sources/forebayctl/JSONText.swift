import ForebayWire

/// The few kinds of JSON that this program prints.
indirect enum JSONText {
  case string(String)
  /// A number, already as text.
  case number(String)
  case flag(Bool)
  case null
  case object([(String, JSONText)])
  case list([JSONText])

  static func count(_ count: some BinaryInteger) -> JSONText { .number(String(count)) }

  var text: String {
    switch self {
    case .string(let string): return JSONString.quoted(string)
    case .number(let number): return number
    case .flag(let flag): return flag ? "true" : "false"
    case .null: return "null"
    case .object(let fields):
      return "{" + fields.map { JSONString.quoted($0) + ":" + $1.text }.joined(separator: ",") + "}"
    case .list(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
    }
  }
}
