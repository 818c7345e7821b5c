/// The bytes of a fuzzer, read one value after the other. Beyond the end everything is zero, so that
/// any bytes are an input.
package struct FuzzInput {
  private let bytes: UnsafeRawBufferPointer
  private var place = 0

  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  package var isEmpty: Bool { place >= bytes.count }

  package mutating func byte() -> UInt8 {
    guard place < bytes.count else { return 0 }
    defer { place += 1 }
    return bytes[place]
  }

  package mutating func below(_ bound: Int) -> Int { Int(byte()) % bound }
  package mutating func flag() -> Bool { byte() & 1 == 1 }
  package mutating func short() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }
  package mutating func word() -> UInt32 { UInt32(short()) << 16 | UInt32(short()) }
  package mutating func long() -> UInt64 { UInt64(word()) << 32 | UInt64(word()) }

  /// A number of any size, in few bytes: mostly a small one, else one near a power of two.
  package mutating func number() -> UInt64 {
    let byte = byte()
    if byte < 192 { return UInt64(byte) }
    return (1 as UInt64) << (byte & 63) &+ UInt64(truncatingIfNeeded: Int8(bitPattern: self.byte()))
  }

  package mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

  /// As many bytes as there are, `count` at most.
  package mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
    let end = min(bytes.count, place + count)
    defer { place = end }
    return UnsafeRawBufferPointer(rebasing: bytes[min(place, end)..<end])
  }

  package mutating func rest() -> UnsafeRawBufferPointer { take(bytes.count) }
}
