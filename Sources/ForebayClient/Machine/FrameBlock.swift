import ForebayWire

/// Up to 256 encoded DATA frames with consecutive sequences, in one piece of memory.
///
/// Frames are encoded once, when they are submitted: sending and resending only copy. The block goes
/// when its last message is settled; a sealed one that is mostly settled shrinks to its survivors.
final class FrameBlock {
  static let messagesMax = 256
  /// One `send` of the socket takes a few of these. A larger frame gets a block of its own size.
  static let standardBytes = 65_536

  private(set) var firstSequence: UInt64
  private(set) var count = 0
  /// Messages that aren't settled, and the bytes of their frames.
  private(set) var liveCount = 0
  private(set) var liveBytes = 0
  private(set) var capacity: Int
  private var storage: UnsafeMutableRawPointer
  /// Where each frame begins; one entry more than there are frames. A settled frame may be empty.
  private let offsets: UnsafeMutablePointer<UInt32>

  private var settled = MessageBits()
  /// The sender has heard of the message, at the level it asked for.
  private var answered = MessageBits()
  /// The daemon listed the message as held on this connection: it isn't sent again.
  private var held = MessageBits()

  init(firstSequence: UInt64, capacity: Int) {
    self.firstSequence = firstSequence
    self.capacity = capacity
    storage = .allocate(byteCount: capacity, alignment: 16)
    offsets = .allocate(capacity: Self.messagesMax + 1)
    offsets[0] = 0
  }

  deinit {
    storage.deallocate()
    offsets.deallocate()
  }

  /// Makes an emptied block as good as new.
  func reset(firstSequence: UInt64) {
    invariant(liveCount == 0, "a block with \(liveCount) unsettled messages was reused")
    self.firstSequence = firstSequence
    count = 0
    settled = MessageBits()
    answered = MessageBits()
    held = MessageBits()
  }

  /// The first sequence after the block.
  var end: UInt64 { firstSequence + UInt64(count) }

  func hasRoom(frameBytes: Int) -> Bool {
    count < Self.messagesMax && capacity - Int(offsets[count]) >= frameBytes
  }

  func append(
    _ header: DataHeader, extensions: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer
  ) {
    let size = header.frameBytes(payloadBytes: payload.count)
    invariant(hasRoom(frameBytes: size), "a frame of \(size) bytes doesn't fit its block")
    let start = Int(offsets[count])
    let base = storage + start
    header.write(to: base, payloadBytes: payload.count)
    let place = base + WireLimits.dataFixedBytes
    if let source = extensions.baseAddress {
      place.copyMemory(from: source, byteCount: extensions.count)
    }
    if let source = payload.baseAddress {
      (place + extensions.count).copyMemory(from: source, byteCount: payload.count)
    }
    count += 1
    offsets[count] = UInt32(start + size)
    liveCount += 1
    liveBytes += size
  }

  // MARK: One message

  func frame(_ index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: storage + Int(offsets[index]), count: frameBytes(index))
  }

  func frameBytes(_ index: Int) -> Int { Int(offsets[index + 1] - offsets[index]) }

  /// The level in the frame's flags; `default` means the connection's.
  func level(_ index: Int) -> ReceiptLevel {
    ReceiptLevel(rawValue: frame(index)[5] & 3) ?? .default
  }

  func isSettled(_ index: Int) -> Bool { settled[index] }
  func isAnswered(_ index: Int) -> Bool { answered[index] }
  func isHeld(_ index: Int) -> Bool { held[index] }
  /// Neither settled nor listed as held.
  func isToSend(_ index: Int) -> Bool { !settled[index] && !held[index] }

  func firstUnsettled(from index: Int = 0) -> Int { min(settled.firstClear(from: index), count) }

  func settle(_ index: Int) {
    invariant(!settled[index], "message \(firstSequence + UInt64(index)) is settled twice")
    settled[index] = true
    liveCount -= 1
    liveBytes -= frameBytes(index)
  }

  func answer(_ index: Int) { answered[index] = true }
  func hold(_ index: Int) { held[index] = true }
  func forgetHeld() { held = MessageBits() }

  // MARK: Memory

  /// Moves the survivors together once they are less than half of the bytes used. Each move at least
  /// halves those, so all moves of a block together copy less than the block.
  func shrinkIfSparse() {
    guard liveCount > 0, liveBytes * 2 < Int(offsets[count]) else { return }
    let smaller = UnsafeMutableRawPointer.allocate(byteCount: liveBytes, alignment: 16)
    var place = 0
    for index in 0..<count {
      let old = frame(index)
      offsets[index] = UInt32(place)
      guard !settled[index], let source = old.baseAddress else { continue }
      (smaller + place).copyMemory(from: source, byteCount: old.count)
      place += old.count
    }
    offsets[count] = UInt32(place)
    storage.deallocate()
    storage = smaller
    capacity = liveBytes
  }
}
