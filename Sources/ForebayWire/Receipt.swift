/// What became of `count` messages with consecutive sequences from `first` on.
package struct ReceiptRange: Equatable, Sendable {
  package static let bytes = 16

  package var first: UInt64
  package var count: UInt32
  package var outcome: Outcome
  package var flags: ReceiptFlags
  package var code: MessageCode

  package init(
    first: UInt64, count: UInt32, outcome: Outcome, flags: ReceiptFlags = [],
    code: MessageCode = .none
  ) {
    self.first = first
    self.count = count
    self.outcome = outcome
    self.flags = flags
    self.code = code
  }

  /// The first sequence after the range.
  package var end: UInt64 { first + UInt64(count) }

  package func hasSameVerdict(as other: ReceiptRange) -> Bool {
    outcome == other.outcome && flags == other.flags && code == other.code
  }

  func write(to base: UnsafeMutableRawPointer) {
    base.put64(first, at: 0)
    base.put32(count, at: 8)
    base.put8(outcome.rawValue, at: 12)
    base.put8(flags.rawValue, at: 13)
    base.put16(code.rawValue, at: 14)
  }

  init(_ base: UnsafeRawPointer) throws(WireError) {
    first = base.big64(0)
    count = base.big32(8)
    // An outcome that this version doesn't know can't be guessed without telling the application
    // something untrue; receipt flags only add to an outcome, so unknown ones are kept and ignored.
    guard let outcome = Outcome(rawValue: base.byte(12)), count >= 1,
      isSequenceRange(first: first, count: count)
    else { throw WireError(.badField) }
    self.outcome = outcome
    flags = ReceiptFlags(rawValue: base.byte(13))
    code = MessageCode(rawValue: base.big16(14))
  }
}

/// The RECEIPT frame: a header and nothing but ranges.
package enum Receipt {
  package static func bytes(ranges: Int) -> Int {
    WireLimits.headerBytes + ranges * ReceiptRange.bytes
  }

  package static func writeHeader(ranges: Int, to base: UnsafeMutableRawPointer) {
    base.put32(UInt32(bytes(ranges: ranges) - 4), at: 0)
    base.put8(FrameType.receipt.rawValue, at: 4)
    base.put8(0, at: 5)
    base.put16(0, at: 6)
  }

  package static func write(
    _ range: ReceiptRange, at index: Int, to base: UnsafeMutableRawPointer
  ) {
    range.write(to: base + WireLimits.headerBytes + index * ReceiptRange.bytes)
  }

  package static func encoded(_ ranges: [ReceiptRange]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes(ranges: ranges.count)) { buffer, count in
      let base = UnsafeMutableRawPointer(buffer.baseAddress!)
      writeHeader(ranges: ranges.count, to: base)
      for (index, range) in ranges.enumerated() { write(range, at: index, to: base) }
      count = bytes(ranges: ranges.count)
    }
  }

  /// How many ranges a whole RECEIPT frame holds.
  package static func count(frame bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
    guard let base = bytes.baseAddress, bytes.count >= Self.bytes(ranges: 1) else {
      throw WireError(.frameTooShort)
    }
    try requireZero(base.byte(5) == 0)
    guard (bytes.count - WireLimits.headerBytes) % ReceiptRange.bytes == 0 else {
      throw WireError(.badField)
    }
    return (bytes.count - WireLimits.headerBytes) / ReceiptRange.bytes
  }

  package static func range(
    at index: Int, frame bytes: UnsafeRawBufferPointer
  ) throws(WireError) -> ReceiptRange {
    try ReceiptRange(bytes.baseAddress! + WireLimits.headerBytes + index * ReceiptRange.bytes)
  }
}
