import ForebayWire

/// A fixed set of 64 KiB segments into which clients' bytes are read and in which most messages live
/// and die.
///
/// A segment is filled from its start; its bytes come back all at once, when its last message has
/// gone. Free segments are reused most-recent-first, so the fast path stays in cache.
///
///     0 ≤ live ≤ fill ≤ segmentBytes
struct Nursery: ~Copyable {
  static let segmentBytes = 65_536

  struct Segment {
    /// Where the next bytes go.
    var fill = 0
    /// Bytes of messages that are still held.
    var live = 0
    /// The first of the runs that live here.
    var runs = none
    var isFree = true
  }

  private let memory: UnsafeMutableRawPointer
  private var segments: [Segment]
  private var free: [Int32]
  /// The segment that reads go to.
  private(set) var current: Int32

  init(segmentCount: Int) {
    invariant(segmentCount >= 4, "the nursery has at least four segments")
    memory = .allocate(byteCount: segmentCount * Self.segmentBytes, alignment: 4096)
    segments = Array(repeating: Segment(), count: segmentCount)
    free = (1..<Int32(segmentCount)).reversed()
    current = 0
    segments[0].isFree = false
  }

  deinit { memory.deallocate() }

  var segmentCount: Int { segments.count }
  var freeCount: Int { free.count }
  var liveBytes: Int { segments.reduce(0) { $0 + $1.live } }

  subscript(index: Int32) -> Segment {
    get { segments[Int(index)] }
    _modify { yield &segments[Int(index)] }
  }

  func base(_ index: Int32) -> UnsafeMutableRawPointer {
    memory + Int(index) * Self.segmentBytes
  }

  /// The room left in the current segment, of which a read may fill any prefix.
  var room: UnsafeMutableRawBufferPointer {
    let fill = segments[Int(current)].fill
    return UnsafeMutableRawBufferPointer(
      start: base(current) + fill, count: Self.segmentBytes - fill)
  }

  /// Makes a free segment current. There must be one.
  mutating func turnOver() {
    guard let next = free.popLast() else {
      brokenInvariant("a free segment is left whenever the current one is full")
    }
    let old = current
    segments[Int(next)].isFree = false
    segments[Int(next)].fill = 0
    current = next
    if segments[Int(old)].live == 0 { release(old) }
  }

  /// `byteCount` bytes of messages in the segment are gone.
  mutating func vacate(_ index: Int32, _ byteCount: Int) {
    segments[Int(index)].live -= byteCount
    invariant(segments[Int(index)].live >= 0, "a segment's bytes are vacated once")
    guard segments[Int(index)].live == 0 else { return }
    if index == current { segments[Int(index)].fill = 0 } else { release(index) }
  }

  /// The occupied segment, other than the current one, with the least live bytes.
  func leastLive() -> Int32? {
    var best: Int32?
    for index in segments.indices where !segments[index].isFree && Int32(index) != current {
      if let known = best, segments[Int(known)].live <= segments[index].live { continue }
      best = Int32(index)
    }
    return best
  }

  private mutating func release(_ index: Int32) {
    segments[Int(index)].isFree = true
    segments[Int(index)].fill = 0
    free.append(index)
  }
}
