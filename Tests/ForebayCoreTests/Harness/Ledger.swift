import ForebayWire

/// What one session sent and what it was told of it, across connections.
struct Ledger {
  struct Entry {
    let message: TestMessage
    var isSent = false
    /// Listed as held on this connection, or receipted as received on it.
    var isHeld = false
    var final: ReceiptRange?
    /// How often a final outcome came without the flag that it is a repetition.
    var finals = 0
  }

  private var entries: [Entry] = []
  /// The lowest sequence without a final receipt.
  private(set) var floor: UInt64 = 1

  var nextSequence: UInt64 { UInt64(entries.count) + 1 }
  var count: Int { entries.count }

  subscript(sequence: UInt64) -> TestMessage { entries[Int(sequence) - 1].message }
  func entry(_ sequence: UInt64) -> Entry { entries[Int(sequence) - 1] }
  func holds(_ sequence: UInt64) -> Bool { sequence >= 1 && sequence < nextSequence }

  mutating func add(_ message: TestMessage) { entries.append(Entry(message: message)) }
  mutating func sent(_ sequence: UInt64) { entries[Int(sequence) - 1].isSent = true }

  mutating func connectionLost() {
    for index in Int(floor - 1)..<entries.count { entries[index].isHeld = false }
  }

  /// As a client that lost what it was told: it must be told again.
  mutating func forgetReceipts() {
    for index in entries.indices { entries[index].final = nil }
    floor = 1
  }

  /// What a resumed client sends: everything that is neither settled nor listed as held.
  func unlisted() -> [UInt64] {
    (Int(floor - 1)..<entries.count).filter { entries[$0].final == nil && !entries[$0].isHeld }
      .map { UInt64($0) + 1 }
  }

  /// Takes a range in. Returns what is wrong with it.
  mutating func receipt(_ range: ReceiptRange, isListing: Bool, level: ReceiptLevel) -> String? {
    guard range.end <= nextSequence else { return "a receipt for \(range), which wasn't sent" }
    var problem: String?
    for sequence in range.first..<range.end {
      problem = note(sequence, range, isListing: isListing, level: level) ?? problem
    }
    while floor < nextSequence, entries[Int(floor) - 1].final != nil { floor += 1 }
    return problem
  }

  private mutating func note(
    _ sequence: UInt64, _ range: ReceiptRange, isListing: Bool, level: ReceiptLevel
  ) -> String? {
    let index = Int(sequence) - 1
    guard entries[index].isSent else { return "a receipt for \(sequence), which wasn't sent" }
    guard range.outcome.isFinal else {
      let own = entries[index].message.level
      if entries[index].final != nil { return "\(sequence) was settled and is held" }
      if !isListing, (own == .default ? level : own) == .delivered {
        return "\(sequence) has level delivered and was receipted as received"
      }
      if !isListing, entries[index].isHeld { return "\(sequence) was receipted as held twice" }
      entries[index].isHeld = true
      return nil
    }
    if let known = entries[index].final {
      let isRepeated = isListing || range.flags.contains(.duplicate)
      let isSame = known.outcome == range.outcome || range.outcome == .duplicate
      return isRepeated && isSame ? nil : "\(sequence) is \(known.outcome), then \(range.outcome)"
    }
    entries[index].final = range
    return nil
  }

  // MARK: Summaries

  func count(_ outcome: Outcome) -> Int {
    entries.reduce(0) { $0 + ($1.final?.outcome == outcome ? 1 : 0) }
  }

  var unsettled: Int { entries.reduce(0) { $0 + ($1.final == nil ? 1 : 0) } }
}
