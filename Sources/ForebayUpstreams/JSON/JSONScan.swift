/// Walks over JSON (RFC 8259) as it lies in memory: strict, bounded in depth, without allocation.
///
/// It says whether something is one JSON value, and where its parts are; what they mean is for whoever
/// asks. So a message that isn't JSON never gets into an array with others, and an answer is read without
/// building it.
struct JSONScan {
  /// Deeper than any document that is meant.
  static let depthMax = 64

  private let bytes: UnsafeRawBufferPointer
  private let end: Int
  private(set) var place: Int

  init(_ bytes: UnsafeRawBufferPointer) { self.init(bytes, 0..<bytes.count) }

  /// Of a part of what lies there.
  init(_ bytes: UnsafeRawBufferPointer, _ part: Range<Int>) {
    self.bytes = bytes
    place = part.lowerBound
    end = part.upperBound
  }

  /// Whether all of it is one value, with nothing but spaces around it.
  static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var walk = JSONScan(bytes)
    return walk.skipValue() && walk.isAtEnd
  }

  /// Nothing but spaces is left.
  var isAtEnd: Bool {
    mutating get {
      skipSpaces()
      return place == end
    }
  }

  /// What begins next, after spaces.
  mutating func next() -> UInt8? {
    skipSpaces()
    return place < end ? bytes[place] : nil
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
    eachMember { $1.skipValue(depth: depth + 1) }
  }

  private mutating func skipArray(_ depth: Int) -> Bool {
    eachItem { $0.skipValue(depth: depth + 1) }
  }

  /// Steps over an object: `body` gets the name of each member, escapes as they were written, and steps over
  /// its value. False if it is no object, or `body` says so.
  mutating func eachMember(_ body: (Range<Int>, inout JSONScan) -> Bool) -> Bool {
    guard take(UInt8(ascii: "{")) else { return false }
    if take(UInt8(ascii: "}")) { return true }
    repeat {
      guard let name = string(), take(UInt8(ascii: ":")), body(name, &self) else { return false }
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "}"))
  }

  /// Steps over an array: `body` steps over each item. False if it is no array, or `body` says so.
  mutating func eachItem(_ body: (inout JSONScan) -> Bool) -> Bool {
    guard take(UInt8(ascii: "[")) else { return false }
    if take(UInt8(ascii: "]")) { return true }
    repeat {
      guard body(&self) else { return false }
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "]"))
  }

  /// Steps over a string, and says where its text is, escapes as they were written.
  mutating func string() -> Range<Int>? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    let start = place
    while place < end {
      let byte = bytes[place]
      switch byte {
      case UInt8(ascii: "\""):
        place += 1
        return start..<(place - 1)
      case UInt8(ascii: "\\"):
        guard skipEscape() else { return nil }
      case 0..<0x20: return nil
      case 0x80...:
        let count = UTF8Text.characterBytes(bytes, at: place, before: end)
        guard count > 0 else { return nil }
        place += count
      default: place += 1
      }
    }
    return nil
  }

  private mutating func skipEscape() -> Bool {
    guard end - place >= 2 else { return false }
    switch bytes[place + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      place += 2
      return true
    case UInt8(ascii: "u"):
      guard end - place >= 6 else { return false }
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
    if place < end, bytes[place] == UInt8(ascii: "-") { place += 1 }
    guard isDigit(at: place) else { return false }
    // A zero stands alone.
    if bytes[place] == UInt8(ascii: "0") { place += 1 } else { skipDigits() }
    if place < end, bytes[place] == UInt8(ascii: ".") {
      place += 1
      guard isDigit(at: place) else { return false }
      skipDigits()
    }
    guard place < end, bytes[place] | 0x20 == UInt8(ascii: "e") else { return true }
    place += 1
    if place < end, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") {
      place += 1
    }
    guard isDigit(at: place) else { return false }
    skipDigits()
    return true
  }

  private func isDigit(at index: Int) -> Bool {
    index < end && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
  }

  private mutating func skipDigits() { while isDigit(at: place) { place += 1 } }

  private mutating func skip(_ word: StaticString) -> Bool {
    guard end - place >= word.utf8CodeUnitCount else { return false }
    for index in 0..<word.utf8CodeUnitCount where bytes[place + index] != word.utf8Start[index] {
      return false
    }
    place += word.utf8CodeUnitCount
    return true
  }

  private mutating func skipSpaces() {
    while place < end {
      switch bytes[place] {
      case 0x20, 0x09, 0x0a, 0x0d: place += 1
      default: return
      }
    }
  }

  /// Whether a string that was stepped over is this text.
  func isText(_ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count where bytes[range.lowerBound + index] != text.utf8Start[index] {
      return false
    }
    return true
  }
}
