/// Consecutive DATA frames that agree in everything but their extensions and payload.
package struct DataRun: Equatable, Sendable {
  /// Place of the first frame in the scanned bytes.
  package var offset: Int
  package var byteCount: Int
  package var count: Int
  package var firstSequence: UInt64
  package var ttlMilliseconds: UInt32
  package var lane: UInt8
  package var level: ReceiptLevel

  package init(
    offset: Int, byteCount: Int, count: Int, firstSequence: UInt64, ttlMilliseconds: UInt32,
    lane: UInt8, level: ReceiptLevel
  ) {
    self.offset = offset
    self.byteCount = byteCount
    self.count = count
    self.firstSequence = firstSequence
    self.ttlMilliseconds = ttlMilliseconds
    self.lane = lane
    self.level = level
  }
}

/// Finds runs in received bytes without copying or rewriting any.
///
/// One call does the work of up to 256 frames: the first is checked in full and gives the run its
/// shape; each following one costs three loads and three comparisons.
package struct RunScanner {
  package var frameBytesMax: Int
  /// What a message costs beyond its bytes on the wire.
  package var overhead: Int

  package init(frameBytesMax: Int, overhead: Int) {
    self.frameBytesMax = frameBytesMax
    self.overhead = overhead
  }

  /// What the caller allows the next frames to be.
  package struct Bounds {
    /// Sequences must be above this, or, with `isExact`, continue it by one.
    package var lastSequence: UInt64
    package var isExact: Bool
    package var messagesLeft: UInt64
    package var costLeft: UInt64
    package var countMax: Int

    package init(
      lastSequence: UInt64, isExact: Bool = false, messagesLeft: UInt64 = .max,
      costLeft: UInt64 = .max, countMax: Int = WireLimits.runMessagesMax
    ) {
      invariant(countMax >= 1, "a run has room for a message")
      self.lastSequence = lastSequence
      self.isExact = isExact
      self.messagesLeft = messagesLeft
      self.costLeft = costLeft
      self.countMax = countMax
    }
  }

  package enum Finding: Equatable {
    /// Store these frames.
    case run(DataRun)
    /// One message, counted and charged as any, that must be rejected for its critical extension.
    case unsupported(DataRun)
    /// A whole frame of another type.
    case control(FrameHeader, offset: Int)
    /// The frame at `offset` isn't whole; `byteCount` is its length where its header is there, else 0.
    case partial(offset: Int, byteCount: Int)
    /// The next message is more than the credit left. It must not be stored.
    case overCredit
    case malformed(ErrorCode)
    case end
  }

  package func next(
    _ bytes: UnsafeRawBufferPointer, from offset: Int, within bounds: Bounds
  ) -> Finding {
    guard offset < bytes.count else { return .end }
    let header: FrameHeader
    switch FrameHeader.read(bytes, at: offset, frameBytesMax: frameBytesMax) {
    case .header(let read): header = read
    case .partial: return .partial(offset: offset, byteCount: 0)
    case .malformed(let code): return .malformed(code)
    }
    guard header.type == .data else {
      guard bytes.count - offset >= header.byteCount else {
        return .partial(offset: offset, byteCount: header.byteCount)
      }
      return .control(header, offset: offset)
    }
    return data(header, bytes, at: offset, within: bounds)
  }

  private func data(
    _ header: FrameHeader, _ bytes: UnsafeRawBufferPointer, at offset: Int, within bounds: Bounds
  ) -> Finding {
    // Everything that the fixed fields can say is said before the body arrives, so that nothing is
    // read or allocated for a frame that will be refused.
    guard header.flags & ~FrameFlags.dataLevelMask == 0 else { return .malformed(.reservedBits) }
    guard bytes.count - offset >= WireLimits.dataFixedBytes, let base = bytes.baseAddress else {
      return .partial(offset: offset, byteCount: header.byteCount)
    }
    let first = base + offset
    let sequence = first.big64(8)
    let extensionBytes = Int(first.big16(22))
    let lane = first.byte(20)
    guard first.byte(21) == 0 else { return .malformed(.reservedBits) }
    guard lane < WireLimits.lanesMax else { return .malformed(.badField) }
    guard extensionBytes <= WireLimits.extensionsBytesMax,
      extensionBytes <= header.byteCount - WireLimits.dataFixedBytes
    else { return .malformed(.badExtension) }
    guard sequence > bounds.lastSequence, sequence <= WireLimits.sequenceMax,
      !bounds.isExact || sequence == bounds.lastSequence + 1
    else { return .malformed(bounds.isExact ? .originMismatch : .sequenceNotIncreasing) }
    let cost = UInt64(header.byteCount + overhead)
    guard bounds.messagesLeft >= 1, bounds.costLeft >= cost else { return .overCredit }
    guard bytes.count - offset >= header.byteCount else {
      return .partial(offset: offset, byteCount: header.byteCount)
    }
    var run = DataRun(
      offset: offset, byteCount: header.byteCount, count: 1, firstSequence: sequence,
      ttlMilliseconds: first.big32(16), lane: lane, level: ReceiptLevel(rawValue: header.flags)!
    )
    switch verdict(bytes, at: offset, extensionBytes) {
    case .fine: break
    case .unsupported: return .unsupported(run)
    case .malformed: return .malformed(.badExtension)
    }
    extend(&run, bytes, within: bounds, costLeft: bounds.costLeft - cost)
    return .run(run)
  }

  /// Adds the frames that follow for as long as they have the first one's shape. Whatever is unusual
  /// about a frame ends the run; the next call judges it.
  private func extend(
    _ run: inout DataRun, _ bytes: UnsafeRawBufferPointer, within bounds: Bounds, costLeft: UInt64
  ) {
    guard let base = bytes.baseAddress else { return }
    let shape = base.big64(run.offset) & 0xffff_ffff
    let fields = base.big64(run.offset + 16) >> 16
    // The last term keeps the run below the sequence that isn't one, where the sum would wrap.
    let countMax = min(UInt64(bounds.countMax), bounds.messagesLeft, .max - run.firstSequence)
    var costLeft = costLeft
    var place = run.offset + run.byteCount
    while UInt64(run.count) < countMax, bytes.count - place >= WireLimits.dataFixedBytes {
      let head = base.big64(place)
      let tail = base.big64(place + 16)
      let length = Int(head >> 32)
      guard head & 0xffff_ffff == shape, tail >> 16 == fields,
        base.big64(place + 8) == run.firstSequence &+ UInt64(run.count),
        length >= WireLimits.dataFixedBytes - 4, length <= frameBytesMax - 4,
        bytes.count - place - 4 >= length
      else { break }
      let cost = UInt64(length + 4 + overhead)
      guard costLeft >= cost else { break }
      let extensionBytes = Int(tail & 0xffff)
      if extensionBytes != 0 {
        guard extensionBytes <= WireLimits.extensionsBytesMax,
          extensionBytes <= length + 4 - WireLimits.dataFixedBytes,
          verdict(bytes, at: place, extensionBytes) == .fine
        else { break }
      }
      costLeft -= cost
      run.count += 1
      place += length + 4
    }
    run.byteCount = place - run.offset
  }

  private func verdict(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, _ extensionBytes: Int
  ) -> ExtensionVerdict {
    guard extensionBytes > 0 else { return .fine }
    let start = offset + WireLimits.dataFixedBytes
    return judgeExtensions(
      UnsafeRawBufferPointer(rebasing: bytes[start..<(start + extensionBytes)]))
  }
}
