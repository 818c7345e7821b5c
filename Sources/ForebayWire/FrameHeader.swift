/// The first eight bytes of every frame, checked as far as they can be alone.
package struct FrameHeader: Equatable, Sendable {
  package let type: FrameType
  package let flags: UInt8
  /// The whole frame in bytes, the length field included.
  package let byteCount: Int

  package init(type: FrameType, flags: UInt8, byteCount: Int) {
    self.type = type
    self.flags = flags
    self.byteCount = byteCount
  }

  package enum Reading: Equatable {
    case header(FrameHeader)
    /// Fewer than eight bytes are there, and those that are could still become a header.
    case partial
    case malformed(ErrorCode)
  }

  /// Reads the header at `offset`. `frameBytesMax` bounds DATA; everything else has its own bound.
  /// The length is checked before anything is added to it, and before the type is there.
  package static func read(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, frameBytesMax: Int
  ) -> Reading {
    let available = bytes.count - offset
    guard available >= 4, let base = bytes.baseAddress else { return .partial }
    let length = Int(base.big32(offset))
    guard length >= WireLimits.headerBytes - 4 else { return .malformed(.frameTooShort) }
    guard length <= max(frameBytesMax, WireLimits.controlFrameBytesMax) - 4 else {
      return .malformed(.frameTooLarge)
    }
    guard available >= WireLimits.headerBytes else { return .partial }
    guard let type = FrameType(rawValue: base.byte(offset + 4)) else {
      return .malformed(.unknownFrameType)
    }
    guard base.big16(offset + 6) == 0 else { return .malformed(.reservedBits) }
    let byteCount = length + 4
    guard byteCount >= type.bytesMin else { return .malformed(.frameTooShort) }
    guard byteCount <= type.bytesMax(frameBytesMax: frameBytesMax) else {
      return .malformed(.frameTooLarge)
    }
    return .header(FrameHeader(type: type, flags: base.byte(offset + 5), byteCount: byteCount))
  }
}
