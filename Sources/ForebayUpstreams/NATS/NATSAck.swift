/// What JetStream answers to a message that was published, read where it lies:
///
///     {"stream":"S", "seq":7}   {"stream":"S", "seq":7,"duplicate": true}
///     {"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}
///     NATS/1.0 503                                    in the header: nobody takes the subject
enum NATSAck: Equatable {
  case taken(isDuplicate: Bool)
  case refused(code: Int, description: Range<Int>)
  /// The header has a status, and `description` what stands behind it.
  case status(Int, description: Range<Int>)
  /// Somebody else than JetStream has answered.
  case other

  static func read(
    _ bytes: UnsafeRawBufferPointer, header: Range<Int>, payload: Range<Int>
  ) -> NATSAck {
    if !header.isEmpty, let status = status(bytes, header) { return status }
    var walk = JSONWalk(bytes, payload)
    guard walk.take(UInt8(ascii: "{")) else { return .other }
    var found = Found()
    var isFirst = true
    while !walk.take(UInt8(ascii: "}")) {
      guard isFirst || walk.take(UInt8(ascii: ",")), let name = walk.string(),
        walk.take(UInt8(ascii: ":")), found.member(name, &walk)
      else { return .other }
      isFirst = false
    }
    if let code = found.errorCode { return .refused(code: code, description: found.description) }
    return found.hasSequence ? .taken(isDuplicate: found.isDuplicate) : .other
  }

  private struct Found {
    var errorCode: Int?
    var description = 0..<0
    var hasSequence = false
    var isDuplicate = false

    mutating func member(_ name: Range<Int>, _ walk: inout JSONWalk) -> Bool {
      if walk.isText(name, "seq") {
        hasSequence = true
      } else if walk.isText(name, "duplicate") {
        isDuplicate = walk.isNext(UInt8(ascii: "t"))
      } else if walk.isText(name, "error") {
        return error(&walk)
      }
      return walk.skipValue()
    }

    private mutating func error(_ walk: inout JSONWalk) -> Bool {
      guard walk.take(UInt8(ascii: "{")) else { return false }
      var isFirst = true
      errorCode = errorCode ?? 0
      while !walk.take(UInt8(ascii: "}")) {
        guard isFirst || walk.take(UInt8(ascii: ",")), let name = walk.string(),
          walk.take(UInt8(ascii: ":"))
        else { return false }
        isFirst = false
        if walk.isText(name, "err_code"), let number = walk.number() {
          errorCode = number
        } else if walk.isText(name, "description"), let text = walk.string() {
          description = text
        } else if !walk.skipValue() {
          return false
        }
      }
      return true
    }
  }

  /// `NATS/1.0 503 No Responders`
  private static func status(_ bytes: UnsafeRawBufferPointer, _ header: Range<Int>) -> NATSAck? {
    let first = header.lowerBound + 9
    guard header.upperBound - first >= 3 else { return nil }
    var code = 0
    for place in first..<(first + 3) {
      let digit = Int(bytes[place]) - 48
      guard (0...9).contains(digit) else { return nil }
      code = code * 10 + digit
    }
    var start = first + 3
    while start < header.upperBound, bytes[start] == 32 { start += 1 }
    var end = start
    while end < header.upperBound, bytes[end] >= 32 { end += 1 }
    return .status(code, description: start..<end)
  }
}

/// A walk over JSON in memory, without a copy: what is asked for is taken, the rest is skipped.
struct JSONWalk {
  private let bytes: UnsafeRawBufferPointer
  private var place: Int
  private let end: Int

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    self.bytes = bytes
    place = range.lowerBound
    end = range.upperBound
  }

  private mutating func skipSpace() {
    while place < end, bytes[place] <= 32 { place += 1 }
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard isNext(byte) else { return false }
    place += 1
    return true
  }

  mutating func isNext(_ byte: UInt8) -> Bool {
    skipSpace()
    return place < end && bytes[place] == byte
  }

  /// What stands between quotes, as it is written.
  mutating func string() -> Range<Int>? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    let start = place
    while place < end, bytes[place] != UInt8(ascii: "\"") {
      place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard place < end else { return nil }
    place += 1
    return start..<(place - 1)
  }

  mutating func number() -> Int? {
    skipSpace()
    var value = 0
    let start = place
    while place < end, place - start < 9, (48...57).contains(bytes[place]) {
      value = value * 10 + Int(bytes[place]) - 48
      place += 1
    }
    return place > start ? value : nil
  }

  /// Any value: its end is where its brackets are closed.
  mutating func skipValue() -> Bool {
    var depth = 0
    repeat {
      skipSpace()
      guard place < end else { return false }
      switch bytes[place] {
      case UInt8(ascii: "\""):
        guard string() != nil else { return false }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        place += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        place += 1
        guard depth >= 0 else { return false }
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        guard depth > 0 else { return false }
        place += 1
      default:
        skipWord()
      }
    } while depth > 0
    return true
  }

  /// A number, true, false, null.
  private mutating func skipWord() {
    while place < end, bytes[place] > 32 {
      switch bytes[place] {
      case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "}"), UInt8(ascii: "]"),
        UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""):
        return
      default: place += 1
      }
    }
  }

  func isText(_ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count
    where bytes[range.lowerBound + index] != text.utf8Start[index] {
      return false
    }
    return true
  }
}
