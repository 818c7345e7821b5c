import ForebayWire

/// Bytes that wait for a socket, in one piece: what is written lies behind what isn't out yet.
///
///     | out | waiting … | free |
///     0     head        tail   capacity
///
/// It says when so much waits that nothing more should be asked for, and when that is over. What is
/// dispatched before its answer is bounded elsewhere (in-flight limits), and so is this.
package struct OutputQueue: ~Copyable {
  /// From so many waiting bytes on it is busy. A megabyte: more than a turn writes, less than a
  /// connection's share of memory.
  package static let highMark = 1 << 20
  /// And no longer when so many are left: enough to keep a socket busy until more comes.
  package static let lowMark = 1 << 18
  /// What it begins with, and goes back to when it is empty after having grown beyond `keptMax`.
  static let firstCapacity = 1 << 16
  static let keptMax = 1 << 21

  private var memory = UnsafeMutableRawBufferPointer.allocate(
    byteCount: OutputQueue.firstCapacity, alignment: 16)
  private var head = 0
  private var tail = 0
  package private(set) var isBusy = false

  package init() {}

  deinit { memory.deallocate() }

  package var count: Int { tail - head }
  package var isEmpty: Bool { head == tail }
  package var capacity: Int { memory.count }

  /// What waits. Good until the next call that changes the queue.
  package var waiting: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: memory[head..<tail])
  }

  /// Room for at least `count` bytes; `wrote` says how many of them were used.
  package mutating func room(_ count: Int) -> UnsafeMutableRawPointer {
    if memory.count - tail < count { makeRoom(count) }
    return memory.baseAddress! + tail
  }

  package mutating func wrote(_ count: Int) {
    tail += count
    invariant(tail <= memory.count, "more was written than there was room for")
  }

  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    room(bytes.count).copyMemory(from: source, byteCount: bytes.count)
    wrote(bytes.count)
  }

  /// So many bytes are out.
  package mutating func took(_ count: Int) {
    head += count
    invariant(head <= tail, "more is out than there was")
    guard head == tail else { return }
    head = 0
    tail = 0
    if memory.count > Self.keptMax { resize(Self.firstCapacity) }
  }

  package mutating func removeAll() {
    took(count)
    isBusy = false
  }

  package enum OnMark: Equatable {
    case unchanged
    case busy
    case ready
  }

  /// Whether a mark has been passed since this was last asked.
  package mutating func passMark() -> OnMark {
    if !isBusy, count >= Self.highMark {
      isBusy = true
      return .busy
    }
    if isBusy, count <= Self.lowMark {
      isBusy = false
      return .ready
    }
    return .unchanged
  }

  /// Moves what waits to the front, into a larger piece where that isn't enough.
  private mutating func makeRoom(_ count: Int) {
    let needed = self.count + count
    if needed > memory.count / 2 {
      var capacity = memory.count * 2
      while capacity < needed { capacity *= 2 }
      resize(capacity)
    } else {
      let left = self.count
      memory.baseAddress!.copyMemory(from: memory.baseAddress! + head, byteCount: left)
      head = 0
      tail = left
    }
  }

  private mutating func resize(_ capacity: Int) {
    let left = count
    let new = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    new.baseAddress!.copyMemory(from: memory.baseAddress! + head, byteCount: left)
    memory.deallocate()
    memory = new
    head = 0
    tail = left
  }
}
