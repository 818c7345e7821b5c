/// JSON as a tree, for what servers say rarely: INFO, and the answers that a check asks for.
enum NATSJSON: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case list([NATSJSON])
  case object([String: NATSJSON])

  /// Nested no deeper than any answer to what we ask.
  private static let depthMax = 16

  /// Nil if it isn't JSON.
  init?(_ bytes: some Collection<UInt8>) {
    var rest = Array(bytes)[...]
    guard let value = Self.value(&rest, depth: 0) else { return nil }
    Self.skipSpace(&rest)
    guard rest.isEmpty else { return nil }
    self = value
  }

  subscript(_ name: String) -> NATSJSON? {
    guard case .object(let members) = self else { return nil }
    return members[name]
  }

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var isTrue: Bool { self == .bool(true) }
  var list: [NATSJSON] { if case .list(let items) = self { items } else { [] } }

  /// Nil where it is no whole number.
  var integer: Int? {
    guard case .number(let number) = self else { return nil }
    return Int(exactly: number.rounded())
  }

  private static func value(_ rest: inout ArraySlice<UInt8>, depth: Int) -> NATSJSON? {
    skipSpace(&rest)
    guard depth < depthMax, let first = rest.first else { return nil }
    switch first {
    case UInt8(ascii: "{"): return object(&rest, depth: depth)
    case UInt8(ascii: "["): return list(&rest, depth: depth)
    case UInt8(ascii: "\""): return string(&rest).map { .text($0) }
    default: return word(&rest)
    }
  }

  private static func object(_ rest: inout ArraySlice<UInt8>, depth: Int) -> NATSJSON? {
    var members: [String: NATSJSON] = [:]
    rest.removeFirst()
    while !take(UInt8(ascii: "}"), &rest) {
      guard members.isEmpty || take(UInt8(ascii: ","), &rest) else { return nil }
      skipSpace(&rest)
      guard let name = string(&rest), take(UInt8(ascii: ":"), &rest),
        let value = value(&rest, depth: depth + 1)
      else { return nil }
      members[name] = value
    }
    return .object(members)
  }

  private static func list(_ rest: inout ArraySlice<UInt8>, depth: Int) -> NATSJSON? {
    var items: [NATSJSON] = []
    rest.removeFirst()
    while !take(UInt8(ascii: "]"), &rest) {
      guard items.isEmpty || take(UInt8(ascii: ","), &rest),
        let value = value(&rest, depth: depth + 1)
      else { return nil }
      items.append(value)
    }
    return .list(items)
  }

  private static func string(_ rest: inout ArraySlice<UInt8>) -> String? {
    guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "n"): bytes.append(10)
      case UInt8(ascii: "r"): bytes.append(13)
      case UInt8(ascii: "t"): bytes.append(9)
      case UInt8(ascii: "u"):
        // Halves of a pair become marks of what couldn't be read: no name that matters has any.
        guard let code = UInt32(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) else {
          return nil
        }
        bytes += Array(String(UnicodeScalar(code) ?? "\u{fffd}").utf8)
        rest = rest.dropFirst(4)
      case let other?: bytes.append(other)
      case nil: return nil
      }
    }
    return nil
  }

  private static func word(_ rest: inout ArraySlice<UInt8>) -> NATSJSON? {
    let ends = Array(",:{}[]\" \t\r\n".utf8)
    let text = String(decoding: rest.prefix { !ends.contains($0) }, as: UTF8.self)
    rest = rest.dropFirst(text.utf8.count)
    switch text {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default: return Double(text).flatMap { $0.isFinite ? .number($0) : nil }
    }
  }

  private static func take(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) -> Bool {
    skipSpace(&rest)
    guard rest.first == byte else { return false }
    rest.removeFirst()
    return true
  }

  private static func skipSpace(_ rest: inout ArraySlice<UInt8>) {
    rest = rest.drop { $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 }
  }
}
