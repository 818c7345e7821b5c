import ForebayCore
import ForebayWire

/// What a command answers: one structure, printed as text or as JSON.
indirect enum AdminValue: Equatable {
  case text(String)
  case number(UInt64)
  /// A length of time, in seconds with three digits.
  case seconds(TimeSpan)
  case flag(Bool)
  /// There is no such thing now: no next probe, no limit.
  case none
  case object([Field])
  case list([AdminValue])

  struct Field: Equatable {
    let name: String
    let value: AdminValue
    init(_ name: String, _ value: AdminValue) {
      self.name = name
      self.value = value
    }
  }

  static func object(_ fields: KeyValuePairs<String, AdminValue>) -> AdminValue {
    .object(fields.map { Field($0.key, $0.value) })
  }

  static func count(_ count: Int) -> AdminValue { .number(UInt64(max(0, count))) }
  static func cost(_ cost: Cost) -> AdminValue {
    .object(["messages": .number(cost.messages), "bytes": .number(cost.bytes)])
  }
  static func optional(_ number: UInt64?) -> AdminValue { number.map(AdminValue.number) ?? .none }

  /// Lines of `key: value`, nested keys joined by dots; no line is empty.
  func lines(_ prefix: String = "") -> [String] {
    switch self {
    case .text, .number, .seconds, .flag, .none:
      return [prefix.isEmpty ? plain : "\(prefix): \(plain)"]
    case .object(let fields):
      return fields.flatMap { field in
        field.value.lines(prefix.isEmpty ? field.name : "\(prefix).\(field.name)")
      }
    case .list(let values):
      return values.enumerated().flatMap { $1.lines("\(prefix)[\($0)]") }
    }
  }

  /// A single value as text; it never ends a line.
  var plain: String {
    switch self {
    case .text(let text): text.isEmpty ? "-" : Self.escaped(text)
    case .number(let number): String(number)
    case .seconds(let span): Self.seconds(span)
    case .flag(let flag): flag ? "yes" : "no"
    case .none: "-"
    case .object, .list: json
    }
  }

  var json: String {
    switch self {
    case .text(let text): JSONString.quoted(text)
    case .number(let number): String(number)
    case .seconds(let span): Self.seconds(span)
    case .flag(let flag): flag ? "true" : "false"
    case .none: "null"
    case .object(let fields):
      "{" + fields.map { "\(JSONString.quoted($0.name)):\($0.value.json)" }.joined(separator: ",")
        + "}"
    case .list(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
    }
  }

  /// The value below a name such as `held.messages`.
  func field(_ path: String) -> AdminValue? {
    guard case .object(let fields) = self else { return nil }
    for field in fields {
      if field.name == path { return field.value }
      if path.hasPrefix(field.name + "."),
        let found = field.value.field(String(path.dropFirst(field.name.count + 1)))
      {
        return found
      }
    }
    return nil
  }

  private static func seconds(_ span: TimeSpan) -> String {
    let milliseconds = span.nanoseconds / 1_000_000
    let rest = String(milliseconds % 1000 + 1000).dropFirst()
    return "\(milliseconds / 1000).\(rest)"
  }

  /// Whatever a terminal would obey, or would end a line, as `\u{9b}`.
  static func escaped(_ text: String) -> String {
    func isControl(_ scalar: Unicode.Scalar) -> Bool {
      scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
        || scalar.properties.isBidiControl || scalar.value == 0x2028 || scalar.value == 0x2029
    }
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
      if isControl(scalar) {
        escaped += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
