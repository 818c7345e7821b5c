import ForebayStore
import ForebayWire

/// What a journal says of the producers' messages, read in the order in which it has them.
struct JournalTally: Equatable, Sendable {
  /// A message that is there again.
  struct Repeat: Equatable, Sendable {
    var producer: Int
    var sequence: UInt64
  }

  private struct Producer: Equatable, Sendable {
    var seen = SequenceSet()
    var highest: UInt64 = 0
    var lastRepeat: UInt64 = 0
    /// The journal's own key: who sent it, as a one-way tag.
    var tag: ID128
  }

  private(set) var total = 0
  private(set) var distinct: UInt64 = 0
  private(set) var repeats: [Repeat] = []
  /// A message behind a later one of its producer, or a repeat behind a later repeat.
  private(set) var disordered = 0
  /// Records that aren't a producer's, or whose key isn't their message's.
  private(set) var strange = 0
  private var producers: [Int: Producer] = [:]

  mutating func add(_ mark: MessageMark?, tag: ID128, sequence: UInt64) {
    total += 1
    guard let mark, mark.sequence == sequence else {
      strange += 1
      return
    }
    var producer = producers[mark.client] ?? Producer(tag: tag)
    if producer.tag != tag { strange += 1 }
    if producer.seen.insert(sequence..<(sequence + 1)) == 0 {
      distinct += 1
      if sequence < producer.highest { disordered += 1 }
      producer.highest = max(producer.highest, sequence)
    } else {
      repeats.append(Repeat(producer: mark.client, sequence: sequence))
      if sequence <= producer.lastRepeat { disordered += 1 }
      producer.lastRepeat = sequence
    }
    producers[mark.client] = producer
  }

  /// How many of a producer's messages 1 to `sent` aren't there.
  func missing(producer: Int, sent: UInt64) -> UInt64 {
    guard sent > 0, let seen = producers[producer]?.seen else { return sent }
    let present = seen.ranges.reduce(0 as UInt64) {
      $0 + UInt64($1.clamped(to: 1..<(sent + 1)).count)
    }
    return sent - present
  }

  static func read(_ path: String) throws -> JournalTally {
    let reader = try JournalReader(path: path)
    var tally = JournalTally()
    var next: Int64 = 0
    while true {
      let records = try reader.records(from: next, limit: 1_000)
      guard let last = records.last else { return tally }
      for record in records {
        tally.add(MessageMark(record.payload), tag: record.tag, sequence: record.sequence)
      }
      next = last.id + 1
    }
  }
}
