/// Walks over JSON (RFC 8259) as it lies in memory: strict, bounded in depth, without allocation.
///
/// It says whether something is one JSON value, and where its parts are; what they mean is for whoever
/// asks. So a message that isn't JSON never gets into an array with others, and an answer is read without
/// building it.
struct JSONScan {
  /// Deeper than any document that is meant.
  static let depthMax = 64

  private let bytes: UnsafeRawBufferPointer
  private(set) var place = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Whether all of it is one value, with nothing but spaces around it.
  static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var walk = JSONScan(bytes)
    return walk.skipValue() && walk.isAtEnd
  }

  /// Nothing but spaces is left.
  var isAtEnd: Bool {
    mutating get {
      skipSpaces()
      return place == bytes.count
    }
  }

  /// What begins next, after spaces.
  mutating func next() -> UInt8? {
    skipSpaces()
    return place < bytes.count ? bytes[place] : nil
  }

  /// Steps over this byte, after spaces, if it is next.
  mutating func take(_ byte: UInt8) -> Bool {
    guard next() == byte else { return false }
    place += 1
    return true
  }

  /// Steps over one value of any kind.
  mutating func skipValue(depth: Int = 0) -> Bool {
    guard depth < Self.depthMax, let byte = next() else { return false }
    switch byte {
    case UInt8(ascii: "{"): return skipObject(depth)
    case UInt8(ascii: "["): return skipArray(depth)
    case UInt8(ascii: "\""): return string() != nil
    case UInt8(ascii: "t"): return skip("true")
    case UInt8(ascii: "f"): return skip("false")
    case UInt8(ascii: "n"): return skip("null")
    default: return skipNumber()
    }
  }

  private mutating func skipObject(_ depth: Int) -> Bool {
    place += 1
    if take(UInt8(ascii: "}")) { return true }
    repeat {
      guard next() == UInt8(ascii: "\""), string() != nil, take(UInt8(ascii: ":")),
        skipValue(depth: depth + 1)
      else { return false }
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "}"))
  }

  private mutating func skipArray(_ depth: Int) -> Bool {
    place += 1
    if take(UInt8(ascii: "]")) { return true }
    repeat {
      guard skipValue(depth: depth + 1) else { return false }
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "]"))
  }

  /// Steps over a string, and says where its text is, escapes as they were written.
  mutating func string() -> Range<Int>? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    let start = place
    while place < bytes.count {
      let byte = bytes[place]
      switch byte {
      case UInt8(ascii: "\""):
        place += 1
        return start..<(place - 1)
      case UInt8(ascii: "\\"):
        guard skipEscape() else { return nil }
      case 0..<0x20: return nil
      case 0x80...:
        let count = UTF8Text.characterBytes(bytes, at: place)
        guard count > 0 else { return nil }
        place += count
      default: place += 1
      }
    }
    return nil
  }

  private mutating func skipEscape() -> Bool {
    guard bytes.count - place >= 2 else { return false }
    switch bytes[place + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      place += 2
      return true
    case UInt8(ascii: "u"):
      guard bytes.count - place >= 6 else { return false }
      for index in 2..<6 where !Self.isHexDigit(bytes[place + index]) { return false }
      place += 6
      return true
    default: return false
    }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  /// A number without sign, fraction and exponent, of at most nine digits.
  mutating func smallInteger() -> Int? {
    guard next() != nil else { return nil }
    let start = place
    guard skipNumber(), place - start <= 9 else { return nil }
    var value = 0
    for index in start..<place {
      guard isDigit(at: index) else { return nil }
      value = value * 10 + Int(bytes[index] - 48)
    }
    return value
  }

  private mutating func skipNumber() -> Bool {
    if place < bytes.count, bytes[place] == UInt8(ascii: "-") { place += 1 }
    guard isDigit(at: place) else { return false }
    // A zero stands alone.
    if bytes[place] == UInt8(ascii: "0") { place += 1 } else { skipDigits() }
    if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
      place += 1
      guard isDigit(at: place) else { return false }
      skipDigits()
    }
    guard place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") else { return true }
    place += 1
    if place < bytes.count, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") {
      place += 1
    }
    guard isDigit(at: place) else { return false }
    skipDigits()
    return true
  }

  private func isDigit(at index: Int) -> Bool {
    index < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
  }

  private mutating func skipDigits() { while isDigit(at: place) { place += 1 } }

  private mutating func skip(_ word: StaticString) -> Bool {
    guard bytes.count - place >= word.utf8CodeUnitCount else { return false }
    for index in 0..<word.utf8CodeUnitCount where bytes[place + index] != word.utf8Start[index] {
      return false
    }
    place += word.utf8CodeUnitCount
    return true
  }

  private mutating func skipSpaces() {
    while place < bytes.count {
      switch bytes[place] {
      case 0x20, 0x09, 0x0a, 0x0d: place += 1
      default: return
      }
    }
  }
}

/// UTF-8 as the Unicode standard has it: no overlong forms, no surrogates, nothing above 10FFFF.
enum UTF8Text {
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var place = 0
    while place < bytes.count {
      if bytes[place] < 0x80 {
        place += 1
        continue
      }
      let count = characterBytes(bytes, at: place)
      guard count > 0 else { return false }
      place += count
    }
    return true
  }

  /// How many bytes the character has that begins here with a byte above 7F; 0 if it is none.
  static func characterBytes(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Int {
    let first = bytes[place]
    let (count, second): (Int, ClosedRange<UInt8>)
    switch first {
    case 0xc2...0xdf: (count, second) = (2, 0x80...0xbf)
    case 0xe0: (count, second) = (3, 0xa0...0xbf)
    case 0xe1...0xec, 0xee...0xef: (count, second) = (3, 0x80...0xbf)
    case 0xed: (count, second) = (3, 0x80...0x9f)
    case 0xf0: (count, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: (count, second) = (4, 0x80...0xbf)
    case 0xf4: (count, second) = (4, 0x80...0x8f)
    default: return 0
    }
    guard bytes.count - place >= count, second.contains(bytes[place + 1]) else { return 0 }
    for index in 2..<count where !(0x80...0xbf).contains(bytes[place + index]) { return 0 }
    return count
  }
}
