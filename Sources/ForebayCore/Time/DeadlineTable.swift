import ForebayWire

/// Deadlines by slot: a binary heap that knows where each slot stands, so that a deadline can be
/// moved or dropped in logarithmic time. Equal deadlines come out in slot order, for determinism.
struct DeadlineTable: ~Copyable {
  private struct Entry {
    var at: Instant
    var slot: UInt32
    static func < (a: Entry, b: Entry) -> Bool {
      a.at == b.at ? a.slot < b.slot : a.at < b.at
    }
  }

  private var heap: [Entry] = []
  private var places: [UInt32] = []

  init() {}

  /// `distantFuture` when no deadline is set.
  var nextOrNever: Instant { heap.isEmpty ? .distantFuture : heap[0].at }

  func deadline(of slot: UInt32) -> Instant? {
    guard Int(slot) < places.count, places[Int(slot)] != none else { return nil }
    return heap[Int(places[Int(slot)])].at
  }

  /// Sets or moves a slot's deadline; nil drops it.
  mutating func set(_ slot: UInt32, _ at: Instant?) {
    while places.count <= Int(slot) { places.append(none) }
    let place = places[Int(slot)]
    switch (at, place == none) {
    case (nil, true):
      return
    case (nil, false):
      remove(at: Int(place))
    case (let at?, true):
      heap.append(Entry(at: at, slot: slot))
      places[Int(slot)] = UInt32(heap.count - 1)
      siftUp(heap.count - 1)
    case (let at?, false):
      heap[Int(place)].at = at
      siftUp(Int(place))
      siftDown(Int(places[Int(slot)]))
    }
  }

  /// Sets a slot's deadline unless an earlier one is set: the cheap way to ask for an early look.
  mutating func pull(_ slot: UInt32, to at: Instant) {
    if let known = deadline(of: slot), known <= at { return }
    set(slot, at)
  }

  /// Takes out one slot whose deadline has come.
  mutating func popExpired(_ now: Instant) -> UInt32? {
    guard let first = heap.first, first.at <= now else { return nil }
    remove(at: 0)
    return first.slot
  }

  private mutating func remove(at place: Int) {
    places[Int(heap[place].slot)] = none
    let last = heap.removeLast()
    guard place < heap.count else { return }
    heap[place] = last
    places[Int(last.slot)] = UInt32(place)
    siftUp(place)
    siftDown(Int(places[Int(last.slot)]))
  }

  private mutating func siftUp(_ start: Int) {
    var place = start
    while place > 0 {
      let parent = (place - 1) / 2
      guard heap[place] < heap[parent] else { return }
      exchange(place, parent)
      place = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var place = start
    while true {
      var least = place
      let left = 2 * place + 1
      for child in left..<min(left + 2, max(left, heap.count)) {
        if heap[child] < heap[least] { least = child }
      }
      guard least != place else { return }
      exchange(place, least)
      place = least
    }
  }

  private mutating func exchange(_ a: Int, _ b: Int) {
    heap.swapAt(a, b)
    places[Int(heap[a].slot)] = UInt32(a)
    places[Int(heap[b].slot)] = UInt32(b)
  }
}
