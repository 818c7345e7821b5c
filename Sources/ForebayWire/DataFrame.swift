/// The fixed fields of a DATA frame.
///
///     0        4    5      6         8         16     20    21  22         24
///     | length | 2 | flags | 0     0 | sequence | ttl | lane | 0 | ext bytes | extensions | payload |
package struct DataHeader: Equatable, Sendable {
  package var sequence: UInt64
  /// Milliseconds from the daemon's receipt until the message expires; 0 means never.
  package var ttlMilliseconds: UInt32
  package var lane: UInt8
  package var level: ReceiptLevel
  package var extensionBytes: Int

  package init(
    sequence: UInt64, ttlMilliseconds: UInt32 = 0, lane: UInt8 = 0, level: ReceiptLevel = .default,
    extensionBytes: Int = 0
  ) {
    self.sequence = sequence
    self.ttlMilliseconds = ttlMilliseconds
    self.lane = lane
    self.level = level
    self.extensionBytes = extensionBytes
  }

  /// The whole frame in bytes for a payload of `payloadBytes`.
  package func frameBytes(payloadBytes: Int) -> Int {
    WireLimits.dataFixedBytes + extensionBytes + payloadBytes
  }

  /// Writes the 24 fixed bytes. Extensions and payload follow at `WireLimits.dataFixedBytes`.
  package func write(to base: UnsafeMutableRawPointer, payloadBytes: Int) {
    base.put32(UInt32(frameBytes(payloadBytes: payloadBytes) - 4), at: 0)
    base.put8(FrameType.data.rawValue, at: 4)
    base.put8(level.rawValue, at: 5)
    base.put16(0, at: 6)
    base.put64(sequence, at: 8)
    base.put32(ttlMilliseconds, at: 16)
    base.put8(lane, at: 20)
    base.put8(0, at: 21)
    base.put16(UInt16(extensionBytes), at: 22)
  }
}

/// A whole, checked DATA frame in memory: where its parts are.
package struct DataFrameView {
  package let header: DataHeader
  package let byteCount: Int
  package let extensions: UnsafeRawBufferPointer
  package let payload: UnsafeRawBufferPointer

  /// `base` points at a frame that `RunScanner` accepted before.
  package init(_ base: UnsafeRawPointer) {
    let extensionBytes = Int(base.big16(22))
    byteCount = Int(base.big32(0)) + 4
    header = DataHeader(
      sequence: base.big64(8), ttlMilliseconds: base.big32(16), lane: base.byte(20),
      level: ReceiptLevel(rawValue: base.byte(5) & FrameFlags.dataLevelMask)!,
      extensionBytes: extensionBytes)
    extensions = UnsafeRawBufferPointer(
      start: base + WireLimits.dataFixedBytes, count: extensionBytes)
    payload = UnsafeRawBufferPointer(
      start: base + WireLimits.dataFixedBytes + extensionBytes,
      count: byteCount - WireLimits.dataFixedBytes - extensionBytes)
  }
}
