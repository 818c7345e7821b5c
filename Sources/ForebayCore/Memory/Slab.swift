import ForebayWire

/// Records at stable small indices, so that everything refers to everything else by number.
///
/// A freed index is used again most-recent-first. Growing moves the records: keep indices, never
/// pointers, across a call that may insert.
struct Slab<Record: ~Copyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Record>
  private var occupied: UnsafeMutablePointer<Bool>
  private var free: [UInt32] = []
  private var capacity: Int
  private(set) var count = 0
  /// One past the highest index ever used: the range to walk.
  private(set) var end = 0

  init(minimumCapacity: Int) {
    capacity = max(minimumCapacity, 8)
    base = .allocate(capacity: capacity)
    occupied = .allocate(capacity: capacity)
    occupied.initialize(repeating: false, count: capacity)
  }

  deinit {
    for index in 0..<end where occupied[index] { (base + index).deinitialize(count: 1) }
    base.deallocate()
    occupied.deallocate()
  }

  mutating func insert(_ record: consuming Record) -> UInt32 {
    let index: Int
    if let reused = free.popLast() {
      index = Int(reused)
    } else {
      if end == capacity { grow() }
      index = end
      end += 1
    }
    (base + index).initialize(to: record)
    occupied[index] = true
    count += 1
    return UInt32(index)
  }

  mutating func remove(_ index: UInt32) {
    invariant(contains(index), "a slab's record is removed once")
    (base + Int(index)).deinitialize(count: 1)
    occupied[Int(index)] = false
    free.append(index)
    count -= 1
  }

  func contains(_ index: UInt32) -> Bool { Int(index) < end && occupied[Int(index)] }

  subscript(index: UInt32) -> Record {
    @inline(__always) unsafeAddress { UnsafePointer(base + Int(index)) }
    @inline(__always) unsafeMutableAddress { base + Int(index) }
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Record>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: base, count: end)
    base.deallocate()
    base = larger
    let marks = UnsafeMutablePointer<Bool>.allocate(capacity: capacity * 2)
    marks.initialize(repeating: false, count: capacity * 2)
    marks.update(from: occupied, count: capacity)
    occupied.deallocate()
    occupied = marks
    capacity *= 2
    free.reserveCapacity(capacity)
  }
}

/// "No record": the end of a chain of indices.
let none = UInt32.max
