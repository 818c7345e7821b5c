import ForebayCore

/// Messages that the sink holds for its latency, its rate or a stall, first come, first settled.
struct WaitingMessages {
  struct Entry {
    var session: SinkSession
    /// The connection whose credit they hold.
    var connection: Int
    var first: UInt64
    var count: Int
    var cost: Int
    var due: Instant
  }

  private var entries: [(entry: Entry, outcome: SinkOutcome)] = []
  private var start = 0
  /// In messages.
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var head: (entry: Entry, outcome: SinkOutcome)? { isEmpty ? nil : entries[start] }

  mutating func append(_ entry: Entry, outcome: SinkOutcome) {
    entries.append((entry, outcome))
    count += entry.count
  }

  /// Takes the first `wanted` messages of the head, or all that it has.
  mutating func takeFirst(_ wanted: Int) -> (entry: Entry, outcome: SinkOutcome) {
    var taken = entries[start]
    if wanted < taken.entry.count {
      let cost = taken.entry.cost * wanted / taken.entry.count
      entries[start].entry.first += UInt64(wanted)
      entries[start].entry.count -= wanted
      entries[start].entry.cost -= cost
      taken.entry.count = wanted
      taken.entry.cost = cost
    } else {
      start += 1
      compact()
    }
    count -= taken.entry.count
    return taken
  }

  private mutating func compact() {
    if start == entries.count {
      entries.removeAll(keepingCapacity: true)
      start = 0
    } else if start >= 4096, start * 2 > entries.count {
      entries.removeSubrange(0..<start)
      start = 0
    }
  }
}
