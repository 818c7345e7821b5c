import ForebayWire

/// Puts bytes into memory that is large enough.
struct ByteWriter {
  private let start: UnsafeMutableRawPointer
  private var place: UnsafeMutableRawPointer

  init(_ start: UnsafeMutableRawPointer) {
    self.start = start
    place = start
  }

  var count: Int { place - start }

  mutating func put(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { put($0) }
  }

  mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    place.copyMemory(from: source, byteCount: bytes.count)
    place += bytes.count
  }

  mutating func put(_ byte: UInt8) {
    place.storeBytes(of: byte, as: UInt8.self)
    place += 1
  }

  mutating func put(_ text: StaticString) {
    put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  // MARK: Numbers in network order

  mutating func put(big16 value: UInt16) {
    put(UInt8(value >> 8))
    put(UInt8(truncatingIfNeeded: value))
  }

  mutating func put(big32 value: UInt32) {
    put(big16: UInt16(value >> 16))
    put(big16: UInt16(truncatingIfNeeded: value))
  }

  mutating func put(big64 value: UInt64) {
    put(big32: UInt32(value >> 32))
    put(big32: UInt32(truncatingIfNeeded: value))
  }

  // MARK: Text

  mutating func putLineEnd() {
    place.storeBytes(of: UInt16(littleEndian: 0x0a0d), as: UInt16.self)
    place += 2
  }

  mutating func put(_ tag: HexTag) {
    place.storeBytes(of: tag.high.0.littleEndian, as: UInt64.self)
    (place + 8).storeBytes(of: tag.high.1.littleEndian, as: UInt64.self)
    (place + 16).storeBytes(of: tag.low.0.littleEndian, as: UInt64.self)
    (place + 24).storeBytes(of: tag.low.1.littleEndian, as: UInt64.self)
    place += 32
  }

  /// Length, line end, bytes, line end: what follows a `$`.
  mutating func putCounted(_ bytes: UnsafeRawBufferPointer) {
    put(decimal: UInt64(bytes.count))
    putLineEnd()
    put(bytes)
    putLineEnd()
  }

  mutating func put(decimal value: UInt64) {
    let count = Self.digits(of: value)
    var rest = value
    var index = count
    while index > 0 {
      index &-= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      (place + index).storeBytes(of: UInt8(truncatingIfNeeded: 48 &+ digit), as: UInt8.self)
      rest = quotient
    }
    place += count
  }

  static func digits(of value: UInt64) -> Int {
    var count = 1
    var bound: UInt64 = 10
    while count < 20, value >= bound {
      count += 1
      let (next, isTooLarge) = bound.multipliedReportingOverflow(by: 10)
      if isTooLarge { return value >= bound ? 20 : count }
      bound = next
    }
    return count
  }
}

/// A tag's 32 digits, made once a stretch.
struct HexTag {
  let high: (UInt64, UInt64)
  let low: (UInt64, UInt64)

  init(_ tag: ID128) {
    high = (Self.spread(tag.high >> 32), Self.spread(tag.high))
    low = (Self.spread(tag.low >> 32), Self.spread(tag.low))
  }

  /// The lower 32 bits as eight digits, in memory order on a little-endian machine.
  private static func spread(_ value: UInt64) -> UInt64 {
    var digits: UInt64 = 0
    for shift in 0..<8 {
      let nibble = value >> UInt64(28 - shift * 4) & 15
      digits |= (nibble < 10 ? 48 + nibble : 87 + nibble) << UInt64(shift * 8)
    }
    return digits
  }
}
