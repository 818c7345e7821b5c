/// JSON as programs of ours print it, read without Foundation.
///
/// Numbers are doubles: counts are exact up to 2^53, and no daemon counts that far.
enum JSONValue: Equatable, Sendable {
  case null
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  /// Nil unless the whole text is one value.
  init?(_ text: String) {
    var reader = JSONReader(text)
    guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
    self = value
  }

  subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  subscript(index: Int) -> JSONValue? {
    if case .list(let values) = self, values.indices.contains(index) { values[index] } else { nil }
  }

  var values: [JSONValue]? { if case .list(let values) = self { values } else { nil } }
  var string: String? { if case .text(let text) = self { text } else { nil } }
  var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
  var double: Double? { if case .number(let number) = self { number } else { nil } }
  /// A whole number that isn't negative.
  var count: UInt64? { if case .number(let number) = self { UInt64(exactly: number) } else { nil } }
}

private struct JSONReader {
  /// Deeper than any reply of ours.
  private static let depthMax = 32

  private let bytes: [UInt8]
  private var next = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return next == bytes.count
    }
  }

  private var byte: UInt8? { next < bytes.count ? bytes[next] : nil }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || (0x09...0x0d).contains(byte) { next += 1 }
  }

  private mutating func takeMark(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard byte == UInt8(ascii: character) else { return false }
    next += 1
    return true
  }

  private mutating func takeWord(_ word: String) -> Bool {
    guard bytes[next...].starts(with: word.utf8) else { return false }
    next += word.utf8.count
    return true
  }

  mutating func value(depth: Int) -> JSONValue? {
    skipSpace()
    guard let byte, depth < Self.depthMax else { return nil }
    switch byte {
    case UInt8(ascii: "{"): return object(depth: depth)
    case UInt8(ascii: "["): return list(depth: depth)
    case UInt8(ascii: "\""): return string().map(JSONValue.text)
    case UInt8(ascii: "t"): return takeWord("true") ? .flag(true) : nil
    case UInt8(ascii: "f"): return takeWord("false") ? .flag(false) : nil
    case UInt8(ascii: "n"): return takeWord("null") ? .null : nil
    default: return number()
    }
  }

  private mutating func object(depth: Int) -> JSONValue? {
    var members: [String: JSONValue] = [:]
    next += 1
    if takeMark("}") { return .object(members) }
    repeat {
      skipSpace()
      guard byte == UInt8(ascii: "\""), let key = string(), takeMark(":"),
        let member = value(depth: depth + 1)
      else { return nil }
      // A key twice would be two answers to one question.
      guard members.updateValue(member, forKey: key) == nil else { return nil }
    } while takeMark(",")
    return takeMark("}") ? .object(members) : nil
  }

  private mutating func list(depth: Int) -> JSONValue? {
    var values: [JSONValue] = []
    next += 1
    if takeMark("]") { return .list(values) }
    repeat {
      guard let element = value(depth: depth + 1) else { return nil }
      values.append(element)
    } while takeMark(",")
    return takeMark("]") ? .list(values) : nil
  }

  private mutating func number() -> JSONValue? {
    let start = next
    while let byte, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { next += 1 }
    return Double(String(decoding: bytes[start..<next], as: UTF8.self)).map(JSONValue.number)
  }

  private mutating func string() -> String? {
    next += 1
    var text: [UInt8] = []
    while let byte {
      next += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let escaped = escape() else { return nil }
        text += Array(String(escaped).utf8)
      default: text.append(byte)
      }
    }
    return nil
  }

  /// What follows a backslash. Pairs of surrogates are not ours to print, and not read.
  private mutating func escape() -> Unicode.Scalar? {
    guard let byte else { return nil }
    next += 1
    switch byte {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "u"):
      guard bytes.count - next >= 4 else { return nil }
      defer { next += 4 }
      let digits = String(decoding: bytes[next..<(next + 4)], as: UTF8.self)
      return UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
    default: return Unicode.Scalar(byte)
    }
  }
}
