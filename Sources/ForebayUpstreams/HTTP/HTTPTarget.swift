import ForebayWire

/// The path and query of a request, where `{route}`, `{lane}` and `{key}` stand for the message's own.
struct HTTPTarget: Equatable {
  enum Part: Equatable {
    case text(String)
    case lane
    case key
  }

  let parts: [Part]

  init(_ template: String, route: String) {
    var parts: [Part] = []
    var rest = Substring(template.replacing("{route}", with: Self.escaped(Array(route.utf8))))
    while let start = rest.firstIndex(of: "{") {
      let end = rest[start...].firstIndex(of: "}").map { rest.index(after: $0) } ?? rest.endIndex
      if start > rest.startIndex { parts.append(.text(String(rest[..<start]))) }
      switch rest[start..<end] {
      case "{lane}": parts.append(.lane)
      case "{key}": parts.append(.key)
      case let other: parts.append(.text(String(other)))
      }
      rest = rest[end...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    self.parts = parts
  }

  /// Whether requests differ in it.
  var varies: Bool { hasKey || parts.contains(.lane) }
  var hasKey: Bool { parts.contains(.key) }

  func filled(lane: Int, key: [UInt8]) -> String {
    var text = ""
    for part in parts {
      switch part {
      case .text(let fixed): text += fixed
      case .lane: text += "\(lane)"
      case .key: text += Self.escaped(key)
      }
    }
    return text
  }

  /// Longer keys would make a target that no server takes.
  static let keyBytesMax = 2048

  /// Whether a key can be a part of a path. `.` and `..` would be taken for steps in it, however they
  /// are escaped, and an empty one for something else than a thing with a name.
  static func isFit(_ key: UnsafeRawBufferPointer) -> Bool {
    guard !key.isEmpty, key.count <= keyBytesMax else { return false }
    return !(key.count <= 2 && key.allSatisfy { $0 == UInt8(ascii: ".") })
  }

  /// What may stand for itself anywhere in a URL stays, everything else becomes `%XX`.
  static func escaped(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."), UInt8(ascii: "~"):
        result.append(byte)
      default:
        result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
