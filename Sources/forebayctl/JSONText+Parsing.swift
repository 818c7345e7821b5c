/// Reads what the daemon writes: JSON of one piece, as deep as replies are.
extension JSONText {
  /// Nil if `text` isn't JSON, or is nested more deeply than any reply.
  init?(parsing text: String) {
    var parser = Parser(Array(text.utf8))
    guard let value = parser.value(depth: 0), parser.isAtEnd() else { return nil }
    self = value
  }

  func field(_ name: String) -> JSONText? {
    guard case .object(let fields) = self else { return nil }
    return fields.first { $0.0 == name }?.1
  }

  private struct Parser {
    private static let depthMax = 16
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func isAtEnd() -> Bool {
      skipBlanks()
      return place == bytes.count
    }

    private mutating func skipBlanks() {
      while place < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[place]) { place += 1 }
    }

    private mutating func take(_ text: StaticString) -> Bool {
      let count = text.utf8CodeUnitCount
      guard bytes.count - place >= count else { return false }
      for index in 0..<count where bytes[place + index] != text.utf8Start[index] { return false }
      place += count
      return true
    }

    mutating func value(depth: Int) -> JSONText? {
      skipBlanks()
      guard depth < Self.depthMax, place < bytes.count else { return nil }
      switch bytes[place] {
      case UInt8(ascii: "{"): return object(depth)
      case UInt8(ascii: "["): return list(depth)
      case UInt8(ascii: "\""): return string().map(JSONText.string)
      case UInt8(ascii: "t"): return take("true") ? .flag(true) : nil
      case UInt8(ascii: "f"): return take("false") ? .flag(false) : nil
      case UInt8(ascii: "n"): return take("null") ? .null : nil
      default: return number()
      }
    }

    private mutating func object(_ depth: Int) -> JSONText? {
      place += 1
      var fields: [(String, JSONText)] = []
      skipBlanks()
      if take("}") { return .object([]) }
      while true {
        skipBlanks()
        guard place < bytes.count, bytes[place] == UInt8(ascii: "\""), let name = string() else {
          return nil
        }
        skipBlanks()
        guard take(":"), let value = value(depth: depth + 1) else { return nil }
        fields.append((name, value))
        skipBlanks()
        if take("}") { return .object(fields) }
        guard take(",") else { return nil }
      }
    }

    private mutating func list(_ depth: Int) -> JSONText? {
      place += 1
      var values: [JSONText] = []
      skipBlanks()
      if take("]") { return .list([]) }
      while true {
        guard let value = value(depth: depth + 1) else { return nil }
        values.append(value)
        skipBlanks()
        if take("]") { return .list(values) }
        guard take(",") else { return nil }
      }
    }

    private mutating func number() -> JSONText? {
      let start = place
      while place < bytes.count, "+-.eE0123456789".utf8.contains(bytes[place]) { place += 1 }
      let text = String(decoding: bytes[start..<place], as: UTF8.self)
      return Double(text) == nil ? nil : .number(text)
    }

    private mutating func string() -> String? {
      place += 1
      var found: [UInt8] = []
      while place < bytes.count {
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "\""): return String(decoding: found, as: UTF8.self)
        case UInt8(ascii: "\\"):
          guard let scalar = escape() else { return nil }
          found += Array(String(scalar).utf8)
        default: found.append(byte)
        }
      }
      return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
      guard place < bytes.count else { return nil }
      place += 1
      switch bytes[place - 1] {
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{c}"
      case UInt8(ascii: "u"):
        guard bytes.count - place >= 4,
          let code = UInt32(String(decoding: bytes[place..<(place + 4)], as: UTF8.self), radix: 16)
        else { return nil }
        place += 4
        return Unicode.Scalar(code) ?? "\u{fffd}"
      case let other: return Unicode.Scalar(other)
      }
    }
  }
}
