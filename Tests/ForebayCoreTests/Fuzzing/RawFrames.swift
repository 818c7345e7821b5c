import ForebayWire
import FuzzSupport

/// Frames of any type whose length is right and whose fields are a fuzzer's: it changes numbers at the
/// right places where random bytes would hardly ever come past a header.
enum RawFrames {
  static let types: [FrameType] = [
    .hello, .data, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin, .welcome, .window,
    .receipt, .reclaim, .ping, .goaway, .error,
  ]

  static func any(_ input: inout FuzzInput) -> [UInt8] {
    let type = input.pick(types)
    let flags = input.byte()
    let more = Int(input.byte() & 63)
    let count = type.bytesMin + (input.flag() ? more : 0)
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: UInt32(count - 4).bigEndian, as: UInt32.self) }
    bytes[4] = type.rawValue
    bytes[5] = flags & 3
    // Fields are mostly zero but for their last bytes.
    for place in stride(from: 8, to: count, by: 4) {
      let word = input.number()
      for index in 0..<min(4, count - place) {
        bytes[place + index] = UInt8(truncatingIfNeeded: word >> UInt64(24 - 8 * index))
      }
    }
    if type == .hello {
      bytes.replaceSubrange(8..<16, with: [0x46, 0x42, 0x41, 0x59, 0, 1, 0, 1])
    }
    return bytes
  }

  /// Changes one bit of a frame that would be right.
  static func spoiled(_ frame: [UInt8], _ input: inout FuzzInput) -> [UInt8] {
    guard !frame.isEmpty else { return frame }
    var frame = frame
    frame[Int(input.short()) % frame.count] ^= 1 << (input.byte() & 7)
    return frame
  }
}
