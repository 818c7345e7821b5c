import ForebayStore
import ForebayWire
import Testing

/// Watches a journal grow: each record is read once, so that a long test costs no more at its end than at
/// its beginning.
final class JournalLedger {
  private let path: String
  private var nextID: Int64 = 1
  private var numbers: [String: Set<UInt64>] = [:]
  private var highest: [String: UInt64] = [:]
  private var keys: [JournalContents.Message: JournalContents.Key] = [:]
  /// Outcomes that were found in the journal.
  private var proven: [String: Set<UInt64>] = [:]
  /// Records whose message was there before, with their producers.
  private(set) var repeated: [JournalContents.Message] = []
  private(set) var checked = 0

  init(_ path: String) { self.path = path }

  /// Reads what is new, and checks each record's key and payload with what was there before.
  func read(_ note: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let reader = try JournalReader(path: path)
    while true {
      let page = try reader.records(from: nextID, limit: 1000)
      guard let last = page.last else { return }
      nextID = last.id + 1
      for record in page { add(record, note, sourceLocation) }
    }
  }

  private func add(_ record: JournalRecord, _ text: String, _ sourceLocation: SourceLocation) {
    guard let message = JournalContents.message(record) else {
      Issue.record(
        "\(text) a stranger: \(record.payload.prefix(40))", sourceLocation: sourceLocation)
      return
    }
    let key = JournalContents.Key(tag: record.tag, sequence: record.sequence)
    if let known = keys.updateValue(key, forKey: message) {
      repeated.append(message)
      #expect(known == key, "\(text) two keys of \(message)", sourceLocation: sourceLocation)
    } else {
      let before = highest.updateValue(message.number, forKey: message.producer) ?? 0
      #expect(
        message.number > before, "\(text) \(message) behind \(before)",
        sourceLocation: sourceLocation)
    }
    numbers[message.producer, default: []].insert(message.number)
  }

  /// What a client was told was delivered is here.
  func expectDelivered(
    of producers: [Producer], _ note: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for producer in producers {
      for (number, outcome) in producer.outcomes where outcome.outcome == .delivered {
        guard proven[producer.name, default: []].insert(number).inserted else { continue }
        checked += 1
        #expect(
          numbers[producer.name]?.contains(number) == true,
          "\(note) \(producer.name) \(number) was delivered and isn't there",
          sourceLocation: sourceLocation)
      }
    }
  }
}
