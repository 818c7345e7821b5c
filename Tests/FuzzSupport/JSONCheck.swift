/// Whether a text is one JSON value and nothing else: as strict as RFC 8259, and sure to end.
package enum JSONCheck {
  package static func isValid(_ text: some Collection<UInt8>) -> Bool {
    var scan = Scan(bytes: Array(text))
    guard String(validating: scan.bytes, as: UTF8.self) != nil, scan.value(depth: 0) else {
      return false
    }
    scan.skipBlanks()
    return scan.place == scan.bytes.count
  }

  private struct Scan {
    let bytes: [UInt8]
    var place = 0
    static let depthMax = 64

    var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard next == UInt8(ascii: character) else { return false }
      place += 1
      return true
    }

    mutating func skipBlanks() {
      while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { place += 1 }
    }

    mutating func value(depth: Int) -> Bool {
      guard depth < Self.depthMax else { return false }
      skipBlanks()
      switch next {
      case UInt8(ascii: "{"): return members("{", "}", depth)
      case UInt8(ascii: "["): return members("[", "]", depth)
      case UInt8(ascii: "\""): return string()
      case UInt8(ascii: "t"): return word("true")
      case UInt8(ascii: "f"): return word("false")
      case UInt8(ascii: "n"): return word("null")
      default: return number()
      }
    }

    private mutating func members(
      _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ depth: Int
    ) -> Bool {
      guard take(open) else { return false }
      skipBlanks()
      if take(close) { return true }
      repeat {
        if open == "{" {
          skipBlanks()
          guard string() else { return false }
          skipBlanks()
          guard take(":") else { return false }
        }
        guard value(depth: depth + 1) else { return false }
        skipBlanks()
      } while take(",")
      return take(close)
    }

    private mutating func string() -> Bool {
      guard take("\"") else { return false }
      while let byte = next {
        place += 1
        switch byte {
        case UInt8(ascii: "\""): return true
        case UInt8(ascii: "\\"): guard escape() else { return false }
        case ..<0x20: return false
        default: break
        }
      }
      return false
    }

    private mutating func escape() -> Bool {
      guard let byte = next else { return false }
      place += 1
      guard byte == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(byte) }
      for _ in 0..<4 {
        guard let digit = next, "0123456789abcdefABCDEF".utf8.contains(digit) else { return false }
        place += 1
      }
      return true
    }

    private mutating func word(_ word: String) -> Bool {
      guard bytes[place...].starts(with: word.utf8) else { return false }
      place += word.utf8.count
      return true
    }

    private mutating func digits() -> Bool {
      let start = place
      while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
      return place > start
    }

    private mutating func number() -> Bool {
      _ = take("-")
      if !take("0") { guard digits() else { return false } }
      if take(".") { guard digits() else { return false } }
      if take("e") || take("E") {
        if !take("+") { _ = take("-") }
        return digits()
      }
      return true
    }
  }
}
