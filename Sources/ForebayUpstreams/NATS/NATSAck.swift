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
    var walk = JSONScan(bytes, payload)
    var found = Found()
    guard walk.eachMember({ found.member($0, &$1) }) else { return .other }
    if let code = found.errorCode { return .refused(code: code, description: found.description) }
    return found.hasSequence ? .taken(isDuplicate: found.isDuplicate) : .other
  }

  private struct Found {
    var errorCode: Int?
    var description = 0..<0
    var hasSequence = false
    var isDuplicate = false

    mutating func member(_ name: Range<Int>, _ walk: inout JSONScan) -> Bool {
      if walk.isText(name, "seq") {
        hasSequence = true
      } else if walk.isText(name, "duplicate") {
        isDuplicate = walk.next() == UInt8(ascii: "t")
      } else if walk.isText(name, "error") {
        errorCode = errorCode ?? 0
        return walk.eachMember { error($0, &$1) }
      }
      return walk.skipValue()
    }

    private mutating func error(_ name: Range<Int>, _ walk: inout JSONScan) -> Bool {
      if walk.isText(name, "err_code") {
        guard let number = walk.smallInteger() else { return false }
        errorCode = number
      } else if walk.isText(name, "description") {
        guard let text = walk.string() else { return false }
        description = text
      } else {
        return walk.skipValue()
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
