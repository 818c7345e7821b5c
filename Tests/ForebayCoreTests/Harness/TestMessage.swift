import ForebayWire
import Glibc

/// A message as a client makes it: its payload follows from session and sequence, so that whoever
/// gets it can tell whether it is the right one, whole.
struct TestMessage: Equatable {
  var sequence: UInt64
  var payloadBytes = 16
  var lane: UInt8 = 0
  var level = ReceiptLevel.default
  var ttlMilliseconds: UInt32 = 0
  var extensions: [UInt8] = []

  var frameBytes: Int { WireLimits.dataFixedBytes + extensions.count + payloadBytes }

  func frame(of session: ID128) -> [UInt8] {
    let header = DataHeader(
      sequence: sequence, ttlMilliseconds: ttlMilliseconds, lane: lane, level: level,
      extensionBytes: extensions.count)
    var bytes = [UInt8](repeating: fill(of: session), count: frameBytes)
    bytes.withUnsafeMutableBytes { header.write(to: $0.baseAddress!, payloadBytes: payloadBytes) }
    bytes.replaceSubrange(
      WireLimits.dataFixedBytes..<(WireLimits.dataFixedBytes + extensions.count), with: extensions)
    return bytes
  }

  private func fill(of session: ID128) -> UInt8 {
    UInt8(truncatingIfNeeded: sequence &* 31 &+ session.low &* 7)
  }

  /// Whether `frame` is this message's, byte for byte.
  func isIn(_ frame: UnsafeRawBufferPointer, of session: ID128) -> Bool {
    let expected = self.frame(of: session)
    guard frame.count == expected.count else { return false }
    return expected.withUnsafeBytes {
      memcmp($0.baseAddress!, frame.baseAddress!, frame.count) == 0
    }
  }
}
