import ForebayWire

/// Reads what a Redis server answers (RESP, version 2) out of memory as it lies: no allocation, no copy.
///
/// An array is announced by its header, and its elements follow as tokens of their own. What isn't whole
/// yet is left where it is.
struct RESPReader {
  enum Token: Equatable {
    /// `+OK`
    case simple(Range<Int>)
    /// `-OOM command not allowed …`
    case error(Range<Int>)
    /// `:42`
    case integer(Int64)
    case bulk(Range<Int>)
    /// An array, or a null in place of one.
    case array(Int?)
    /// A null in place of a text.
    case null
  }

  enum Result: Equatable {
    /// `next` is where the following one begins.
    case token(Token, next: Int)
    case partial
    /// This is no Redis server, or the stream is out of step: close it.
    case garbage(String)
  }

  /// The longest line, and the longest text. Answers to what we ask are far below: INFO is some 10 KB.
  static let lineBytesMax = 64 * 1024
  static let bulkBytesMax = 1 << 20
  /// EXEC answers with an element a message, XINFO with a few dozen.
  static let arrayCountMax = 1_000_000

  static func read(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Result {
    guard start < bytes.count else { return .partial }
    guard isKind(bytes[start]) else {
      return .garbage("an answer that begins with \(Self.shown(bytes[start]))")
    }
    guard let end = lineEnd(bytes, from: start + 1) else {
      return bytes.count - start > lineBytesMax ? .garbage("a line without an end") : .partial
    }
    let line = (start + 1)..<end
    let next = end + 2
    switch bytes[start] {
    case UInt8(ascii: "+"): return .token(.simple(line), next: next)
    case UInt8(ascii: "-"): return .token(.error(line), next: next)
    case UInt8(ascii: ":"):
      guard let number = number(bytes, line) else { return .garbage("a number that is none") }
      return .token(.integer(number), next: next)
    case UInt8(ascii: "$"): return bulk(bytes, number(bytes, line), from: next)
    case UInt8(ascii: "*"):
      guard let count = number(bytes, line), count >= -1, count <= arrayCountMax else {
        return .garbage("an array of no possible length")
      }
      return .token(.array(count < 0 ? nil : Int(count)), next: next)
    default: brokenInvariant("the kinds of answers were looked at before")
    }
  }

  private static func isKind(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "$"),
      UInt8(ascii: "*"):
      true
    default: false
    }
  }

  private static func bulk(
    _ bytes: UnsafeRawBufferPointer, _ length: Int64?, from start: Int
  ) -> Result {
    guard let length, length >= -1, length <= bulkBytesMax else {
      return .garbage("a text of no possible length")
    }
    if length < 0 { return .token(.null, next: start) }
    let end = start + Int(length)
    guard bytes.count - end >= 2 else { return .partial }
    guard bytes[end] == 13, bytes[end + 1] == 10 else {
      return .garbage("a text that is longer than it says")
    }
    return .token(.bulk(start..<end), next: end + 2)
  }

  /// Where the line's CR is, if its LF is there, too.
  private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    let end = min(bytes.count, start + lineBytesMax)
    var place = start
    while place + 1 < end {
      if bytes[place] == 13, bytes[place + 1] == 10 { return place }
      place += 1
    }
    return nil
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int64? {
    var place = range.lowerBound
    guard place < range.upperBound, range.count <= 20 else { return nil }
    let isNegative = bytes[place] == UInt8(ascii: "-")
    if isNegative { place += 1 }
    guard place < range.upperBound else { return nil }
    var value: Int64 = 0
    while place < range.upperBound {
      let digit = Int64(bytes[place]) - 48
      guard (0...9).contains(digit) else { return nil }
      let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, isLarger) = product.addingReportingOverflow(digit)
      guard !isTooLarge, !isLarger else { return nil }
      value = sum
      place += 1
    }
    return isNegative ? -value : value
  }

  private static func shown(_ byte: UInt8) -> String {
    (33...126).contains(byte) ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
  }
}
