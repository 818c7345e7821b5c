import ForebayStore
import ForebayWire
import Testing

/// What a journal holds, as tests look at it.
struct JournalContents {
  struct Key: Hashable {
    let tag: ID128
    let sequence: UInt64
  }

  let records: [JournalRecord]

  init(_ path: String) throws {
    let reader = try JournalReader(path: path)
    var all: [JournalRecord] = []
    while true {
      let page = try reader.records(from: (all.last?.id ?? 0) + 1, limit: 1000)
      if page.isEmpty { break }
      all += page
    }
    records = all
  }

  var payloads: [String] { records.map { String(decoding: $0.payload, as: UTF8.self) } }
  var keys: [Key] { records.map { Key(tag: $0.tag, sequence: $0.sequence) } }
  var tags: Set<ID128> { Set(records.map(\.tag)) }

  /// Payloads that are there more than once.
  var duplicates: [String] {
    var seen: Set<String> = []
    return payloads.filter { !seen.insert($0).inserted }
  }

  /// All messages of these producers, each once, in the order in which each producer offered them.
  func expectExactly(
    _ producers: [Producer], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(duplicates.isEmpty, sourceLocation: sourceLocation)
    let wanted = producers.reduce(0) { $0 + Int($1.highest) }
    #expect(records.count == wanted, sourceLocation: sourceLocation)
    for producer in producers {
      let numbers = numbers(of: producer)
      #expect(
        numbers == (0..<producer.highest).map { $0 + 1 }, "order of \(producer.name)",
        sourceLocation: sourceLocation)
    }
  }

  /// The numbers of one producer's messages in the order in which they were written.
  func numbers(of producer: Producer) -> [UInt64] {
    payloads.compactMap { text in
      let words = text.split(whereSeparator: { $0 == " " || $0 == "." })
      return words.count >= 2 && words[0] == producer.name ? UInt64(words[1]) : nil
    }
  }
}
