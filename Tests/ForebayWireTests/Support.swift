import ForebayWire
import Glibc

/// Memory whose last byte lies directly before a page that nobody may touch: a read beyond the end
/// stops the process, with or without a sanitizer.
final class GuardedMemory {
  private let base: UnsafeMutableRawPointer
  private let byteCount: Int
  private let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

  init(byteCount: Int) {
    self.byteCount = (byteCount + pageBytes - 1) / pageBytes * pageBytes
    base = mmap(
      nil, self.byteCount + pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    invariant(base != MAP_FAILED, "mmap failed")
    invariant(
      mprotect(base + self.byteCount, pageBytes, PROT_NONE) == 0, "mprotect failed")
  }

  deinit { munmap(base, byteCount + pageBytes) }

  /// Hands out a copy of `bytes` that ends where the memory ends.
  func holding<Result>(
    _ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let count = bytes.count
    invariant(count <= byteCount, "\(count) bytes in memory of \(byteCount)")
    let place = UnsafeMutableRawBufferPointer(start: base + byteCount - count, count: count)
    place.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(place))
  }
}

/// Reads a whole frame from memory that ends with it.
func decode<Frame: ControlFrame>(_ bytes: [UInt8]) throws(WireError) -> Frame {
  let memory = GuardedMemory(byteCount: max(1, bytes.count))
  let result: Result<Frame, WireError> = memory.holding(bytes) { bytes in
    Result { () throws(WireError) in try Frame(frame: bytes) }
  }
  return try result.get()
}

func decodeReceipt(_ bytes: [UInt8]) throws(WireError) -> [ReceiptRange] {
  let memory = GuardedMemory(byteCount: max(1, bytes.count))
  let result: Result<[ReceiptRange], WireError> = memory.holding(bytes) { bytes in
    Result { () throws(WireError) in
      var ranges: [ReceiptRange] = []
      for index in 0..<(try Receipt.count(frame: bytes)) {
        ranges.append(try Receipt.range(at: index, frame: bytes))
      }
      return ranges
    }
  }
  return try result.get()
}

/// A DATA frame as a client would write it.
func dataFrame(
  _ sequence: UInt64, payload: [UInt8] = [], ttl: UInt32 = 0, lane: UInt8 = 0,
  level: ReceiptLevel = .default, extensions: [UInt8] = []
) -> [UInt8] {
  let header = DataHeader(
    sequence: sequence, ttlMilliseconds: ttl, lane: lane, level: level,
    extensionBytes: extensions.count)
  var bytes = [UInt8](repeating: 0xee, count: WireLimits.dataFixedBytes)
  bytes.withUnsafeMutableBytes {
    header.write(to: $0.baseAddress!, payloadBytes: payload.count)
  }
  return bytes + extensions + payload
}

func extensionList(_ entries: (ExtensionType, [UInt8])...) -> [UInt8] {
  var bytes: [UInt8] = []
  for (type, value) in entries { appendExtension(type, value, to: &bytes) }
  return bytes
}

/// The bytes with some replaced, for frames that no encoder would write.
func patched(_ bytes: [UInt8], _ offset: Int, _ values: UInt8...) -> [UInt8] {
  var bytes = bytes
  bytes.replaceSubrange(offset..<(offset + values.count), with: values)
  return bytes
}

/// Xorshift64*: what tests draw from. The seed is printed when an expectation fails.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }
}
