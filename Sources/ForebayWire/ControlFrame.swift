/// A frame with fixed fields and, after them, TLV extensions: everything but DATA and RECEIPT.
package protocol ControlFrame: Equatable, Sendable {
  static var type: FrameType { get }
  /// Header and fixed fields.
  static var fixedBytes: Int { get }
  /// Header flags that may be set.
  static var flagsAllowed: UInt8 { get }
  var flags: UInt8 { get }
  /// Reads the fixed fields; `base` has at least `fixedBytes` bytes.
  init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError)
  /// Writes the fixed fields after the header, reserved ones as zero.
  func writeFixed(to base: UnsafeMutableRawPointer)
}

/// A peer's mistake; `code` is what it is told.
package struct WireError: Error, Equatable {
  package let code: ErrorCode
  package init(_ code: ErrorCode) { self.code = code }
}

extension ControlFrame {
  package static var flagsAllowed: UInt8 { 0 }
  package var flags: UInt8 { 0 }

  /// Reads a whole frame: `bytes` begins at its length field and ends with it. Where a frame has
  /// several mistakes, the first in the order flags, fixed fields, extensions is named.
  package init(frame bytes: UnsafeRawBufferPointer) throws(WireError) {
    guard bytes.count >= Self.fixedBytes, let base = bytes.baseAddress else {
      throw WireError(.frameTooShort)
    }
    let flags = base.byte(5)
    guard flags & ~Self.flagsAllowed == 0 else { throw WireError(.reservedBits) }
    try self.init(fixed: base, flags: flags)
    switch judgeExtensions(Self.extensions(of: bytes)) {
    case .fine: break
    case .unsupported, .malformed: throw WireError(.badExtension)
    }
  }

  package static func extensions(of frame: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: frame[fixedBytes...])
  }

  /// Writes the frame without extensions and returns its size, `fixedBytes`.
  @discardableResult
  package func write(to base: UnsafeMutableRawPointer, extensionBytes: Int = 0) -> Int {
    base.put32(UInt32(Self.fixedBytes + extensionBytes - 4), at: 0)
    base.put8(Self.type.rawValue, at: 4)
    base.put8(flags, at: 5)
    base.put16(0, at: 6)
    writeFixed(to: base)
    return Self.fixedBytes
  }

  /// Appends the frame without extensions, and allocates nothing where there is room.
  package func append(to bytes: inout [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: Self.fixedBytes, alignment: 8) { buffer in
      write(to: buffer.baseAddress!)
      bytes.append(contentsOf: UnsafeRawBufferPointer(buffer))
    }
  }

  /// The frame as bytes of its own, for connection set-up and tests.
  package func encoded(extensions: [UInt8] = []) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.fixedBytes + extensions.count) { buffer, count in
      let base = UnsafeMutableRawPointer(buffer.baseAddress!)
      write(to: base, extensionBytes: extensions.count)
      extensions.withUnsafeBytes {
        if let source = $0.baseAddress {
          (base + Self.fixedBytes).copyMemory(from: source, byteCount: $0.count)
        }
      }
      count = Self.fixedBytes + extensions.count
    }
  }
}

func requireZero(_ isZero: Bool) throws(WireError) {
  guard isZero else { throw WireError(.reservedBits) }
}
