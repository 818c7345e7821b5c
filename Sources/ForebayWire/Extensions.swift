/// A walk over TLV extensions: `u8 type, u8 zero, u16 length, value, zero padding to four bytes`.
///
/// `next` returns nil at the end and stops, with `isMalformed` set, at the first entry that doesn't
/// fit the area.
package struct ExtensionWalk {
  package struct Entry {
    package let type: ExtensionType
    /// The value's place in the walked bytes.
    package let value: Range<Int>
  }

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  package private(set) var isMalformed = false

  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  package mutating func next() -> Entry? {
    guard !isMalformed, offset < bytes.count, let base = bytes.baseAddress else { return nil }
    guard bytes.count - offset >= 4 else { return malformed() }
    let length = Int(base.big16(offset + 2))
    let padded = (length + 3) & ~3
    guard base.byte(offset + 1) == 0, bytes.count - offset - 4 >= padded else { return malformed() }
    let start = offset + 4
    for pad in length..<padded where base.byte(start + pad) != 0 { return malformed() }
    let entry = Entry(
      type: ExtensionType(rawValue: base.byte(offset)), value: start..<(start + length))
    offset = start + padded
    return entry
  }

  private mutating func malformed() -> Entry? {
    isMalformed = true
    return nil
  }
}

/// What a message's extensions mean for the message as a whole.
package enum ExtensionVerdict: Equatable {
  case fine
  /// A critical extension that this version doesn't know: the message is rejected, nothing else is.
  case unsupported
  /// Not a TLV list: the connection is closed.
  case malformed
}

/// Looks at every extension once. No critical extension is known in version 1.
package func judgeExtensions(_ bytes: UnsafeRawBufferPointer) -> ExtensionVerdict {
  var walk = ExtensionWalk(bytes)
  var unsupported = false
  while let entry = walk.next() {
    if entry.type.isCritical { unsupported = true }
  }
  if walk.isMalformed { return .malformed }
  return unsupported ? .unsupported : .fine
}

/// Appends one extension, padded. The value must be shorter than 65 536 bytes.
package func appendExtension(
  _ type: ExtensionType, _ value: some Collection<UInt8>, to bytes: inout [UInt8]
) {
  invariant(value.count <= 0xffff, "an extension of \(value.count) bytes has no length field")
  bytes.append(type.rawValue)
  bytes.append(0)
  bytes.append(UInt8(truncatingIfNeeded: value.count >> 8))
  bytes.append(UInt8(truncatingIfNeeded: value.count))
  bytes.append(contentsOf: value)
  for _ in 0..<((4 - value.count & 3) & 3) { bytes.append(0) }
}
