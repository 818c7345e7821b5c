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
    case .string(let string): return Self.quoted(string)
    case .number(let number): return number
    case .flag(let flag): return flag ? "true" : "false"
    case .null: return "null"
    case .object(let fields):
      return "{" + fields.map { Self.quoted($0) + ":" + $1.text }.joined(separator: ",") + "}"
    case .list(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
    }
  }

  private static func quoted(_ string: String) -> String {
    var quoted = "\""
    for scalar in string.unicodeScalars {
      if scalar == "\"" || scalar == "\\" {
        quoted += "\\"
        quoted.unicodeScalars.append(scalar)
      } else if scalar.value < 0x20 {
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      } else {
        quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
