import ForebayWire

/// All messages that were submitted and aren't settled, in the order of their sequences.
///
/// Invariant: every block holds an unsettled message, and blocks are in ascending order, so the
/// first unsettled message of the first block is the floor. Touched memory stays below twice the live
/// bytes and a few standard blocks.
struct FrameLog: ~Copyable {
  /// Emptied blocks kept for the next messages, so that a steady flow allocates nothing.
  private static let sparesMax = 8

  private var blocks: [FrameBlock] = []
  private var spares: [FrameBlock] = []
  /// The sequence of the next message to be appended.
  private(set) var next: UInt64
  private(set) var count = 0
  private(set) var bytes = 0
  /// Messages whose sender hasn't heard of them at the level it asked for.
  private(set) var unansweredCount = 0

  init(next: UInt64 = 1) { self.next = next }

  /// The lowest sequence without a final outcome.
  var floor: UInt64 {
    guard let first = blocks.first else { return next }
    return first.firstSequence + UInt64(first.firstUnsettled())
  }

  mutating func append(
    ttlMilliseconds: UInt32, lane: UInt8, level: ReceiptLevel, extensions: UnsafeRawBufferPointer,
    payload: UnsafeRawBufferPointer
  ) -> UInt64 {
    let header = DataHeader(
      sequence: next, ttlMilliseconds: ttlMilliseconds, lane: lane, level: level,
      extensionBytes: extensions.count)
    let size = header.frameBytes(payloadBytes: payload.count)
    let block = blockWithRoom(frameBytes: size)
    block.append(header, extensions: extensions, payload: payload)
    next += 1
    count += 1
    bytes += size
    unansweredCount += 1
    return header.sequence
  }

  private mutating func blockWithRoom(frameBytes: Int) -> FrameBlock {
    if let last = blocks.last {
      if last.hasRoom(frameBytes: frameBytes) && last.end == next { return last }
      // From here on it is as sealed as the others.
      last.shrinkIfSparse()
    }
    let block: FrameBlock
    if frameBytes <= FrameBlock.standardBytes, let spare = spares.popLast() {
      spare.reset(firstSequence: next)
      block = spare
    } else {
      block = FrameBlock(
        firstSequence: next, capacity: max(FrameBlock.standardBytes, frameBytes))
    }
    blocks.append(block)
    return block
  }

  // MARK: Finding messages

  /// A block and the messages of it that a question is about.
  struct Piece {
    let block: FrameBlock
    let indexes: Range<Int>
    func sequence(_ index: Int) -> UInt64 { block.firstSequence + UInt64(index) }
    var end: UInt64 { sequence(indexes.upperBound) }
  }

  /// The part of `first..<end` that lies in the first block that has any of it.
  func piece(from first: UInt64, to end: UInt64) -> Piece? {
    guard first < end, let place = blockIndex(endingAfter: first) else { return nil }
    let block = blocks[place]
    guard block.firstSequence < end else { return nil }
    let start = first > block.firstSequence ? Int(first - block.firstSequence) : 0
    let stop = min(block.count, Int(min(end - block.firstSequence, UInt64(block.count))))
    return Piece(block: block, indexes: start..<stop)
  }

  /// The first block with a sequence from `sequence` on.
  private func blockIndex(endingAfter sequence: UInt64) -> Int? {
    var low = 0
    var high = blocks.count
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].end > sequence { high = middle } else { low = middle + 1 }
    }
    return low < blocks.count ? low : nil
  }

  // MARK: Settling

  /// Consecutive messages that have just been settled.
  struct SettledRun: Equatable {
    var first: UInt64
    var count = 0
    /// Those of them that were out on this connection, sent or listed as held, and their bytes.
    var outCount = 0
    var outBytes = 0
    var end: UInt64 { first + UInt64(count) }
  }

  /// Settles the first unsettled messages in `first..<end`, as far as they follow each other in one
  /// block; nil when all are settled. `sentEnd` is the first sequence that isn't sent.
  mutating func settleRun(from first: UInt64, to end: UInt64, sentEnd: UInt64) -> SettledRun? {
    var place = first
    while let piece = piece(from: place, to: end) {
      let start = piece.block.firstUnsettled(from: piece.indexes.lowerBound)
      guard start < piece.indexes.upperBound else {
        place = piece.end
        continue
      }
      return settle(piece, from: start, sentEnd: sentEnd)
    }
    return nil
  }

  private mutating func settle(_ piece: Piece, from start: Int, sentEnd: UInt64) -> SettledRun {
    let block = piece.block
    let bytesBefore = block.liveBytes
    var run = SettledRun(first: piece.sequence(start))
    for index in start..<piece.indexes.upperBound {
      if block.isSettled(index) { break }
      if piece.sequence(index) < sentEnd || block.isHeld(index) {
        run.outCount += 1
        run.outBytes += block.frameBytes(index)
      }
      if !block.isAnswered(index) { unansweredCount -= 1 }
      block.settle(index)
      run.count += 1
    }
    count -= run.count
    bytes -= bytesBefore - block.liveBytes
    if block.liveCount == 0 {
      drop(block)
    } else if block !== blocks.last {
      block.shrinkIfSparse()
    }
    return run
  }

  private mutating func drop(_ block: FrameBlock) {
    guard let place = blockIndex(endingAfter: block.firstSequence), blocks[place] === block else {
      brokenInvariant("the block of sequence \(block.firstSequence) isn't in the log")
    }
    blocks.remove(at: place)
    if block.capacity == FrameBlock.standardBytes, spares.count < Self.sparesMax {
      spares.append(block)
    }
  }

  // MARK: Marks

  /// The message's sender hears of it now. True if it hadn't before.
  mutating func answer(_ index: Int, in block: FrameBlock) -> Bool {
    guard !block.isSettled(index), !block.isAnswered(index) else { return false }
    block.answer(index)
    unansweredCount -= 1
    return true
  }

  /// A new connection: what the daemon holds is to be listed anew.
  func forgetHeld() {
    for block in blocks { block.forgetHeld() }
  }
}
