import ForebayWire

/// Heap blocks for messages that outlive the nursery or don't fit it.
///
/// Size classes are eighths of powers of two, so a block wastes at most an eighth. Freed blocks are
/// kept for reuse up to `recycledBytesMax`, the rest goes back to the allocator.
struct BlockPool: ~Copyable {
  struct Block: Equatable {
    var base: UnsafeMutableRawPointer
    var sizeClass: Int
  }

  /// The smallest block; below it the allocator's own overhead would exceed the waste saved.
  static let smallestBytes = 64
  private static let stepsPerDoubling = 8

  private var recycledBytesMax: Int
  private var recycled: [[UnsafeMutableRawPointer]]
  /// Bytes in blocks that hold messages.
  private(set) var usedBytes = 0
  /// Bytes in blocks kept for reuse.
  private(set) var recycledBytes = 0

  init(largestBytes: Int, recycledBytesMax: Int) {
    self.recycledBytesMax = recycledBytesMax
    let classes = Self.sizeClass(largestBytes) + 1
    recycled = Array(repeating: [], count: classes)
  }

  deinit {
    for list in recycled { for block in list { block.deallocate() } }
  }

  mutating func allocate(_ byteCount: Int) -> Block {
    let sizeClass = Self.sizeClass(byteCount)
    let size = Self.bytes(ofClass: sizeClass)
    usedBytes += size
    if let base = recycled[sizeClass].popLast() {
      recycledBytes -= size
      return Block(base: base, sizeClass: sizeClass)
    }
    return Block(
      base: .allocate(byteCount: size, alignment: 16), sizeClass: sizeClass)
  }

  mutating func free(_ block: Block) {
    let size = Self.bytes(ofClass: block.sizeClass)
    usedBytes -= size
    invariant(usedBytes >= 0, "a heap block is freed once")
    if recycledBytes + size <= recycledBytesMax {
      recycled[block.sizeClass].append(block.base)
      recycledBytes += size
    } else {
      block.base.deallocate()
    }
  }

  /// The bound on what is kept for reuse changes; what lies above it is freed, the largest blocks first.
  mutating func keepRecycled(atMost byteCount: Int) {
    recycledBytesMax = byteCount
    for sizeClass in recycled.indices.reversed() {
      while recycledBytes > byteCount, let base = recycled[sizeClass].popLast() {
        recycledBytes -= Self.bytes(ofClass: sizeClass)
        base.deallocate()
      }
    }
  }

  /// The smallest class that holds `byteCount` bytes.
  static func sizeClass(_ byteCount: Int) -> Int {
    if byteCount <= smallestBytes { return 0 }
    let doubling = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount
    let floor = 1 << doubling
    let step = floor / stepsPerDoubling
    let steps = (byteCount - floor + step - 1) / step
    let base = (doubling - smallestBytes.trailingZeroBitCount) * stepsPerDoubling
    return base + steps
  }

  static func bytes(ofClass sizeClass: Int) -> Int {
    let floor = smallestBytes << (sizeClass / stepsPerDoubling)
    return floor + (sizeClass % stepsPerDoubling) * (floor / stepsPerDoubling)
  }
}
