/// JSON as a tree, for what servers say rarely: INFO, and the answers that a check asks for.
enum JSONTree: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case list([JSONTree])
  case object([String: JSONTree])

  /// Nested no deeper than any answer to what we ask.
  private static let depthMax = 16

  /// Nil if it isn't JSON.
  init?(_ bytes: some Collection<UInt8>) {
    let value = Array(bytes).withUnsafeBytes { bytes in
      var scan = JSONScan(bytes)
      let value = Self.value(&scan, bytes, depth: 0)
      return scan.isAtEnd ? value : nil
    }
    guard let value else { return nil }
    self = value
  }

  subscript(_ name: String) -> JSONTree? {
    guard case .object(let members) = self else { return nil }
    return members[name]
  }

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var isTrue: Bool { self == .bool(true) }
  var list: [JSONTree] { if case .list(let items) = self { items } else { [] } }

  /// Nil where it is no whole number.
  var integer: Int? {
    guard case .number(let number) = self else { return nil }
    return Int(exactly: number.rounded())
  }

  private static func value(
    _ scan: inout JSONScan, _ bytes: UnsafeRawBufferPointer, depth: Int
  ) -> JSONTree? {
    guard depth < depthMax, let first = scan.next() else { return nil }
    switch first {
    case UInt8(ascii: "{"):
      var members: [String: JSONTree] = [:]
      let isWhole = scan.eachMember { name, scan in
        let value = value(&scan, bytes, depth: depth + 1)
        members[text(bytes[name])] = value
        return value != nil
      }
      return isWhole ? .object(members) : nil
    case UInt8(ascii: "["):
      var items: [JSONTree] = []
      let isWhole = scan.eachItem { scan in
        let value = value(&scan, bytes, depth: depth + 1)
        if let value { items.append(value) }
        return value != nil
      }
      return isWhole ? .list(items) : nil
    case UInt8(ascii: "\""): return scan.string().map { .text(text(bytes[$0])) }
    default:
      let start = scan.place
      return scan.skipValue() ? word(bytes[start..<scan.place]) : nil
    }
  }

  private static func word(_ bytes: Slice<UnsafeRawBufferPointer>) -> JSONTree? {
    let text = String(decoding: bytes, as: UTF8.self)
    switch text {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default: return Double(text).flatMap { $0.isFinite ? .number($0) : nil }
    }
  }

  /// What is meant by what was written between quotes, which is known to be right.
  private static func text(_ written: Slice<UnsafeRawBufferPointer>) -> String {
    var rest = written
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "n"): bytes.append(10)
      case UInt8(ascii: "r"): bytes.append(13)
      case UInt8(ascii: "t"): bytes.append(9)
      case UInt8(ascii: "b"): bytes.append(8)
      case UInt8(ascii: "f"): bytes.append(12)
      case UInt8(ascii: "u"):
        // Halves of a pair become marks of what couldn't be read: no name that matters has any.
        let code = UInt32(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) ?? 0
        bytes += Array(String(UnicodeScalar(code) ?? "\u{fffd}").utf8)
        rest = rest.dropFirst(4)
      case let other?: bytes.append(other)
      case nil: break
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
