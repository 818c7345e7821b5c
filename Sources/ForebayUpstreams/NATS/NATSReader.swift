internal import Glibc

/// Reads what a NATS server says out of memory as it lies: no allocation, no copy. What isn't whole yet
/// is left where it is.
struct NATSReader {
  enum Token: Equatable {
    /// `INFO {…}`
    case info(Range<Int>)
    /// `MSG subject sid [reply] bytes`, or HMSG, where `header` is what stands before the payload.
    case message(subject: Range<Int>, header: Range<Int>, payload: Range<Int>)
    case ping
    case pong
    /// `+OK`
    case ok
    /// `-ERR 'Authorization Violation'`, without the quotes.
    case error(Range<Int>)
  }

  enum Result: Equatable {
    /// `next` is where the following one begins.
    case token(Token, next: Int)
    case partial
    /// This is no NATS server, or the stream is out of step: close it.
    case garbage(String)
  }

  /// The longest line: an INFO that names every server of a large cluster.
  static let lineBytesMax = 64 * 1024
  /// The longest message: answers to what we ask are below 100 KB.
  static let messageBytesMax = 1 << 20

  static func read(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Result {
    guard start < bytes.count else { return .partial }
    guard let first = Kind(bytes[start]) else {
      return .garbage("a line that begins with \(shown(bytes[start]))")
    }
    guard let end = lineEnd(bytes, from: start) else {
      return bytes.count - start > lineBytesMax ? .garbage("a line without an end") : .partial
    }
    guard end - start <= lineBytesMax else { return .garbage("a line without an end") }
    let next = end + 1
    // A lone line feed ends a line, too.
    let line = start..<(end > start && bytes[end - 1] == 13 ? end - 1 : end)
    switch first {
    case .message:
      if begins(bytes, line, with: "MSG ") {
        return message(bytes, line, hasHeader: false, from: line.lowerBound + 4, body: next)
      }
    case .headedMessage:
      if begins(bytes, line, with: "HMSG ") {
        return message(bytes, line, hasHeader: true, from: line.lowerBound + 5, body: next)
      }
    case .ping:
      if isWord(bytes, line, "PING") { return .token(.ping, next: next) }
      if isWord(bytes, line, "PONG") { return .token(.pong, next: next) }
    case .info:
      if begins(bytes, line, with: "INFO ") {
        return .token(.info((line.lowerBound + 5)..<line.upperBound), next: next)
      }
    case .ok: if isWord(bytes, line, "+OK") { return .token(.ok, next: next) }
    case .error:
      if begins(bytes, line, with: "-ERR") {
        return .token(.error(unquoted(bytes, (line.lowerBound + 4)..<line.upperBound)), next: next)
      }
    }
    return .garbage("a line that no NATS server says")
  }

  /// What the first byte says that it can be.
  private enum Kind {
    case message, headedMessage, ping, info, ok, error

    init?(_ byte: UInt8) {
      switch byte {
      case UInt8(ascii: "M"): self = .message
      case UInt8(ascii: "H"): self = .headedMessage
      case UInt8(ascii: "P"): self = .ping
      case UInt8(ascii: "I"): self = .info
      case UInt8(ascii: "+"): self = .ok
      case UInt8(ascii: "-"): self = .error
      default: return nil
      }
    }
  }

  // MARK: Messages

  private static func message(
    _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, hasHeader: Bool, from start: Int,
    body: Int
  ) -> Result {
    // subject, our number for it, perhaps a subject for answers, then one length or two.
    var rest = start..<line.upperBound
    guard let subject = word(bytes, &rest), word(bytes, &rest) != nil,
      let third = word(bytes, &rest)
    else { return .garbage("a message without a subject or a length") }
    var last = third
    var beforeLast = third
    var count = 3
    while let word = word(bytes, &rest) {
      beforeLast = last
      last = word
      count += 1
    }
    let least = hasHeader ? 4 : 3
    guard count == least || count == least + 1, let total = number(bytes, last),
      let head = hasHeader ? number(bytes, beforeLast) : 0, head <= total
    else { return .garbage("a message of no possible length") }
    guard bytes.count - body >= total + 2 else { return .partial }
    guard bytes[body + total] == 13, bytes[body + total + 1] == 10 else {
      return .garbage("a message that is longer than it says")
    }
    return .token(
      .message(
        subject: subject, header: body..<(body + head), payload: (body + head)..<(body + total)),
      next: body + total + 2)
  }

  /// The next word of a line, which is then behind us.
  private static func word(_ bytes: UnsafeRawBufferPointer, _ rest: inout Range<Int>) -> Range<Int>?
  {
    var start = rest.lowerBound
    while start < rest.upperBound, isSpace(bytes[start]) { start += 1 }
    var end = start
    while end < rest.upperBound, !isSpace(bytes[end]) { end += 1 }
    rest = end..<rest.upperBound
    return start < end ? start..<end : nil
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
    guard range.count <= 9 else { return nil }
    var value = 0
    for place in range {
      let digit = Int(bytes[place]) - 48
      guard (0...9).contains(digit) else { return nil }
      value = value * 10 + digit
    }
    return value <= messageBytesMax ? value : nil
  }

  // MARK: Lines

  /// Where the line feed is.
  private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard let base = bytes.baseAddress,
      let place = memchr(base + start, 10, bytes.count - start)
    else { return nil }
    return UnsafeRawPointer(place) - base
  }

  private static func begins(
    _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, with text: StaticString
  ) -> Bool {
    line.count >= text.utf8CodeUnitCount
      && memcmp(
        bytes.baseAddress! + line.lowerBound, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  private static func isWord(
    _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, _ text: StaticString
  ) -> Bool {
    begins(bytes, line, with: text)
      && line.dropFirst(text.utf8CodeUnitCount).allSatisfy { isSpace(bytes[$0]) }
  }

  private static func unquoted(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    func isAround(_ byte: UInt8) -> Bool { isSpace(byte) || byte == UInt8(ascii: "'") }
    while start < end, isAround(bytes[start]) { start += 1 }
    while end > start, isAround(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

  private static func shown(_ byte: UInt8) -> String {
    (33...126).contains(byte) ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
  }
}
