/// What a payload begins with when somebody wants to know each message again: which client sent it,
/// and its number, as text that `forebayctl journal cat` shows.
struct MessageMark: Equatable, Sendable {
  /// Counted from 1.
  var client: Int
  var sequence: UInt64

  private static let clientDigits = 2
  private static let sequenceDigits = 12
  private static let before = Array("producer ".utf8)
  private static let between = Array(" message ".utf8)
  static let clientMax = 99
  static let byteCount = before.count + clientDigits + between.count + sequenceDigits

  init(client: Int, sequence: UInt64) {
    self.client = client
    self.sequence = sequence
  }

  /// Nil if that isn't what the payload begins with.
  init?(_ payload: [UInt8]) {
    guard payload.count >= Self.byteCount else { return nil }
    var rest = payload[..<Self.byteCount]
    guard rest.starts(with: Self.before) else { return nil }
    rest = rest.dropFirst(Self.before.count)
    guard let client = Self.number(rest.prefix(Self.clientDigits)) else { return nil }
    rest = rest.dropFirst(Self.clientDigits)
    guard rest.starts(with: Self.between),
      let sequence = Self.number(rest.dropFirst(Self.between.count))
    else { return nil }
    self.init(client: Int(client), sequence: sequence)
  }

  func write(to place: UnsafeMutableRawPointer) {
    var offset = 0
    func put(_ text: [UInt8]) {
      text.withUnsafeBytes {
        (place + offset).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      }
      offset += text.count
    }
    func put(_ number: UInt64, digits: Int) {
      var rest = number
      for digit in stride(from: offset + digits - 1, through: offset, by: -1) {
        place.storeBytes(
          of: UInt8(ascii: "0") + UInt8(rest % 10), toByteOffset: digit, as: UInt8.self)
        rest /= 10
      }
      offset += digits
    }
    put(Self.before)
    put(UInt64(client), digits: Self.clientDigits)
    put(Self.between)
    put(sequence, digits: Self.sequenceDigits)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
    }
    return value
  }
}
