/// Runs that wait for their next attempt outside their queues, on a route without order: nothing waits
/// behind them, and when they are due they go first, having the older serial.
///
/// Sorted by due time, equal ones in order of arrival. Bounded by what was in flight.
struct RetryShelf {
  private struct Entry {
    var due: Instant
    var run: UInt32
  }

  private var entries: [Entry] = []

  var next: Instant? { entries.first?.due }
  var runs: [UInt32] { entries.map(\.run) }

  mutating func add(_ run: UInt32, due: Instant) {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].due <= due { low = middle + 1 } else { high = middle }
    }
    entries.insert(Entry(due: due, run: run), at: low)
  }

  /// Puts the second part of a split run where the first stands.
  mutating func add(_ second: UInt32, behind run: UInt32) {
    guard let place = entries.firstIndex(where: { $0.run == run }) else { return }
    entries.insert(Entry(due: entries[place].due, run: second), at: place + 1)
  }

  mutating func remove(_ run: UInt32) { entries.removeAll { $0.run == run } }

  mutating func popDue(_ now: Instant) -> UInt32? {
    guard let first = entries.first, first.due <= now else { return nil }
    entries.removeFirst()
    return first.run
  }
}
