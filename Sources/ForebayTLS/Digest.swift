internal import CSSL
package import ForebayWire

/// OpenSSL's SHA-256.
package enum Digest {
  /// Its first half, which nobody can hit on purpose either.
  package static func of(_ bytes: UnsafeRawBufferPointer) -> ID128 {
    var digest = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    withUnsafeMutableBytes(of: &digest) { room in
      _ = SHA256(
        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count,
        room.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
    return ID128(high: UInt64(bigEndian: digest.0), low: UInt64(bigEndian: digest.1))
  }
}
