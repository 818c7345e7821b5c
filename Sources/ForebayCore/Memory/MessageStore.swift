import ForebayWire

/// All messages that the process holds: the nursery they are born in, the heap they are moved to when
/// they outlive it, and the record of every run.
///
///     bytes in use ≤ nursery + blocks in use + recycled blocks
///
/// Ordering, credit and meaning live elsewhere; here a run is memory with a count.
struct MessageStore: ~Copyable {
  /// Frames longer than this, when they come in pieces, are read into a heap block of their own.
  static let largeFrameBytes = Nursery.segmentBytes / 8
  /// The least room that a read is offered; below it the next segment is taken.
  static let readRoomBytesMin = Nursery.segmentBytes / 4
  /// Segments that stay free: one for the next read, one so that tenuring never has to hurry.
  static let freeSegmentsMin = 2

  var nursery: Nursery
  var blocks: BlockPool
  var runs = Slab<Run>(minimumCapacity: 1024)
  /// Serial of the next message accepted.
  private var nextSerial: UInt64 = 1
  /// Runs moved out of the nursery, and bytes copied for it.
  private(set) var tenuredRuns: UInt64 = 0
  private(set) var tenuredBytes: UInt64 = 0
  private var chunkStart = 0
  private var chunkHoldsMessages = false

  init(nurserySegments: Int, frameBytesMax: Int, recycledBytesMax: Int) {
    nursery = Nursery(segmentCount: nurserySegments)
    blocks = BlockPool(
      largestBytes: max(frameBytesMax, Nursery.segmentBytes), recycledBytesMax: recycledBytesMax)
  }

  // MARK: Reading

  /// Room for a read, with `stashed` bytes of an earlier one put in front.
  ///
  /// A client that sends frames of `frameBytes` gets room for a number of whole ones. Its reads then
  /// end between frames, and no frame has to be put together from pieces in a block of its own.
  mutating func lend(
    stashed: UnsafeRawBufferPointer, frameBytes: Int = 0
  ) -> UnsafeMutableRawBufferPointer {
    if nursery.room.count < stashed.count + max(Self.readRoomBytesMin, frameBytes) {
      nursery.turnOver()
      while nursery.freeCount < Self.freeSegmentsMin { tenureLeastLive() }
    }
    let room = nursery.room
    if let source = stashed.baseAddress, stashed.count > 0 {
      room.baseAddress!.copyMemory(from: source, byteCount: stashed.count)
    }
    let rest = UnsafeMutableRawBufferPointer(rebasing: room[stashed.count...])
    guard frameBytes > 0 else { return rest }
    return UnsafeMutableRawBufferPointer(
      rebasing: rest[..<(rest.count / frameBytes * frameBytes)])
  }

  /// The `byteCount` bytes at the current fill are about to be scanned: nothing may move them.
  mutating func beginChunk(_ byteCount: Int) -> UnsafeRawBufferPointer {
    chunkStart = nursery[nursery.current].fill
    chunkHoldsMessages = false
    nursery[nursery.current].live += 1
    return UnsafeRawBufferPointer(rebasing: nursery.room[..<byteCount])
  }

  /// The chunk is scanned up to `consumed`; what lies behind it has been stashed or is void.
  mutating func endChunk(consumed: Int) {
    let current = nursery.current
    if chunkHoldsMessages { nursery[current].fill = chunkStart + consumed }
    nursery.vacate(current, 1)
  }

  // MARK: Runs

  /// Takes a run of the current chunk as it lies.
  mutating func adopt(_ run: consuming Run) -> UInt32 {
    chunkHoldsMessages = true
    nursery[nursery.current].live += Int(run.byteCount) - (planted(.memoryCountedShort) ? 4 : 0)
    run.segment = nursery.current
    return insert(run)
  }

  /// Takes a run that lies in a heap block of its own.
  mutating func adopt(_ run: consuming Run, in block: BlockPool.Block) -> UInt32 {
    run.segment = -1
    run.sizeClass = Int32(block.sizeClass)
    return insert(run)
  }

  private mutating func insert(_ run: consuming Run) -> UInt32 {
    run.serial = nextSerial
    nextSerial += UInt64(run.count)
    let index = runs.insert(run)
    if runs[index].isInNursery { chainToSegment(index) }
    return index
  }

  /// Cuts a run with no settled message in two before message `count`; returns the second part,
  /// whose chains, but for the segment's, are empty.
  mutating func split(_ index: UInt32, before count: Int) -> UInt32 {
    invariant(count > 0 && count < Int(runs[index].count), "a run is split inside")
    invariant(runs[index].isWhole, "only a run without settled messages is split")
    var cut = 0
    runs[index].walk { frame in
      cut = frame.offset
      return frame.index < count
    }
    var rest = runs[index]
    rest.base += cut
    rest.byteCount -= Int32(cut)
    rest.liveBytes = rest.byteCount
    rest.count -= UInt16(count)
    rest.unsettled = rest.count
    rest.firstSequence += UInt64(count)
    rest.receiptSequence += UInt64(count)
    rest.serial += UInt64(count)
    if rest.linkSequence > 0 { rest.linkSequence += UInt64(count) }
    rest.placeInCall += UInt32(count)
    rest.next = none
    rest.previous = none
    rest.nextOfSession = none
    rest.previousOfSession = none
    runs[index].byteCount = Int32(cut)
    runs[index].liveBytes = Int32(cut)
    runs[index].count = UInt16(count)
    runs[index].unsettled = UInt16(count)
    if rest.segment < 0 { rest = moved(rest, fromBlockOf: index) }
    let second = runs.insert(rest)
    if runs[second].isInNursery { chainToSegment(second) }
    return second
  }

  /// A heap block belongs to one run: the second part of a split gets its own, and the first is
  /// copied down when it leaves too much of the old one empty.
  private mutating func moved(_ rest: Run, fromBlockOf index: UInt32) -> Run {
    var rest = rest
    let block = blocks.allocate(Int(rest.byteCount))
    block.base.copyMemory(from: rest.base, byteCount: Int(rest.byteCount))
    rest.base = block.base
    rest.sizeClass = Int32(block.sizeClass)
    copyDownIfSparse(index)
    return rest
  }

  /// Marks the unsettled ones of `messages` settled; returns how many they were and their frames' bytes.
  mutating func settle(_ index: UInt32, messages: Range<Int>) -> (count: Int, bytes: Int) {
    var count = 0
    var bytes = 0
    var fresh = runs[index].settled
    runs[index].walk { frame in
      guard frame.index < messages.upperBound else { return false }
      if frame.index >= messages.lowerBound, !fresh[frame.index] {
        fresh[frame.index] = true
        count += 1
        bytes += frame.byteCount
      }
      return true
    }
    runs[index].settled = fresh
    runs[index].unsettled -= UInt16(count)
    runs[index].liveBytes -= Int32(bytes)
    return (count, bytes)
  }

  /// Makes a partly settled run whole: it keeps its first stretch of unsettled messages, each further
  /// stretch becomes a run of its own. All of them move to the heap. Returns the further ones.
  mutating func separate(_ index: UInt32) -> [UInt32] {
    let old = runs[index]
    var pieces: [Run] = []
    old.eachStretch { first, count, bytes in
      let block = blocks.allocate(bytes.count)
      block.base.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
      var part = old
      part.base = block.base
      part.sizeClass = Int32(block.sizeClass)
      part.segment = -1
      part.byteCount = Int32(bytes.count)
      part.liveBytes = Int32(bytes.count)
      part.count = UInt16(count)
      part.unsettled = UInt16(count)
      part.settled = Bits256()
      part.absent = Bits256()
      part.firstSequence += UInt64(first)
      part.receiptSequence += UInt64(first)
      part.serial += UInt64(first)
      if part.linkSequence > 0 { part.linkSequence += UInt64(first) }
      part.placeInCall += UInt32(first)
      part.nextInSegment = none
      part.previousInSegment = none
      pieces.append(part)
    }
    release(memoryOf: index)
    runs[index] = pieces[0]
    return pieces.dropFirst().map { piece in
      var piece = piece
      piece.next = none
      piece.previous = none
      piece.nextOfSession = none
      piece.previousOfSession = none
      return runs.insert(piece)
    }
  }

  /// Called after messages of a run were settled one by one: returns memory that they alone used.
  mutating func compact(_ index: UInt32) {
    if !runs[index].isInNursery { copyDownIfSparse(index) }
  }

  /// Frees a run's memory and record. It must be out of every chain but the segment's.
  mutating func remove(_ index: UInt32) {
    release(memoryOf: index)
    runs.remove(index)
  }

  private mutating func release(memoryOf index: UInt32) {
    if runs[index].isInNursery {
      unchainFromSegment(index)
      nursery.vacate(runs[index].segment, Int(runs[index].byteCount))
    } else {
      blocks.free(
        BlockPool.Block(base: runs[index].base, sizeClass: Int(runs[index].sizeClass)))
    }
  }

  // MARK: Tenuring

  private mutating func tenureLeastLive() {
    guard let segment = nursery.leastLive() else {
      brokenInvariant("some segment can be emptied when none is free")
    }
    while nursery[segment].runs != none { tenure(nursery[segment].runs) }
  }

  /// Moves what is unsettled of a run from the nursery to the heap.
  private mutating func tenure(_ index: UInt32) {
    let segment = runs[index].segment
    let vacated = Int(runs[index].byteCount)
    unchainFromSegment(index)
    copySurvivors(index)
    tenuredRuns += 1
    tenuredBytes += UInt64(runs[index].byteCount)
    nursery.vacate(segment, vacated)
  }

  /// A heap run that fills less than three quarters of its block moves to a smaller one.
  private mutating func copyDownIfSparse(_ index: UInt32) {
    let size = BlockPool.bytes(ofClass: Int(runs[index].sizeClass))
    guard Int(runs[index].liveBytes) < size / 4 * 3, size > BlockPool.smallestBytes else { return }
    let old = BlockPool.Block(base: runs[index].base, sizeClass: Int(runs[index].sizeClass))
    copySurvivors(index)
    blocks.free(old)
  }

  /// Copies the unsettled frames to a new block; the settled ones are absent from then on.
  private mutating func copySurvivors(_ index: UInt32) {
    let block = blocks.allocate(Int(runs[index].liveBytes))
    var place = 0
    runs[index].eachStretch { _, _, bytes in
      (block.base + place).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
      place += bytes.count
    }
    invariant(place == Int(runs[index].liveBytes), "the unsettled frames are the live bytes")
    runs[index].base = block.base
    runs[index].sizeClass = Int32(block.sizeClass)
    runs[index].segment = -1
    runs[index].byteCount = runs[index].liveBytes
    runs[index].absent = runs[index].settled
  }

  // MARK: The chain of a segment

  private mutating func chainToSegment(_ index: UInt32) {
    let segment = runs[index].segment
    let head = nursery[segment].runs
    runs[index].previousInSegment = none
    runs[index].nextInSegment = head
    if head != none { runs[head].previousInSegment = index }
    nursery[segment].runs = index
  }

  private mutating func unchainFromSegment(_ index: UInt32) {
    let before = runs[index].previousInSegment
    let after = runs[index].nextInSegment
    if before == none {
      nursery[runs[index].segment].runs = after
    } else {
      runs[before].nextInSegment = after
    }
    if after != none { runs[after].previousInSegment = before }
    runs[index].nextInSegment = none
    runs[index].previousInSegment = none
  }
}
