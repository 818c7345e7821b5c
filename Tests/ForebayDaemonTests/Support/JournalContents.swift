import ForebayStore
import ForebayWire
import Testing

/// What a journal holds, as tests look at it.
struct JournalContents {
  struct Key: Hashable {
    let tag: ID128
    let sequence: UInt64
  }

  /// A message of a `Producer`: its payload says whose it is, and which.
  struct Message: Hashable {
    let producer: String
    let number: UInt64
  }

  /// Which messages may be there more than once.
  enum Repeats {
    case none
    /// By producer.
    case only([String: Set<UInt64>])
    case any

    func allow(_ message: Message) -> Bool {
      switch self {
      case .none: false
      case .only(let numbers): numbers[message.producer]?.contains(message.number) ?? false
      case .any: true
      }
    }
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

  private init(records: [JournalRecord]) { self.records = records }

  /// What these producers sent, without what others did.
  func of(_ producers: [Producer]) -> JournalContents {
    let names = Set(producers.map(\.name))
    return JournalContents(
      records: records.filter { Self.message($0).map { names.contains($0.producer) } ?? false })
  }

  var payloads: [String] { records.map { String(decoding: $0.payload, as: UTF8.self) } }
  var keys: [Key] { records.map(Self.key) }
  var tags: Set<ID128> { Set(records.map(\.tag)) }

  private static func key(_ record: JournalRecord) -> Key {
    Key(tag: record.tag, sequence: record.sequence)
  }

  static func message(_ record: JournalRecord) -> Message? {
    // Whatever fills a payload up isn't worth reading.
    let words = record.payload.prefix(40).split {
      $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ".")
    }
    guard words.count >= 2, let number = UInt64(String(decoding: words[1], as: UTF8.self)) else {
      return nil
    }
    return Message(producer: String(decoding: words[0], as: UTF8.self), number: number)
  }

  /// The numbers of each producer's messages in the order in which they were written.
  var numbers: [String: [UInt64]] {
    records.compactMap(Self.message).reduce(into: [:]) {
      $0[$1.producer, default: []].append($1.number)
    }
  }

  /// The same, each number where it came first.
  var firstNumbers: [String: [UInt64]] {
    numbers.mapValues { all in
      var seen: Set<UInt64> = []
      return all.filter { seen.insert($0).inserted }
    }
  }

  /// How many records are there that had been there before.
  var repeatCount: Int { records.count - Set(keys).count }
}

// The books must balance.
extension JournalContents {
  /// All messages of these producers are here and nothing else: each in the order in which it was
  /// offered, twice only where that is allowed, and a repetition always under the same key. Each has one
  /// final outcome, which says that it is here.
  func expectExactly(
    _ producers: [Producer], repeats: Repeats = .none, _ note: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectKeys(repeats, note, sourceLocation)
    let wanted = producers.reduce(0) { $0 + Int($1.highest) }
    #expect(Set(keys).count == wanted, "\(note)", sourceLocation: sourceLocation)
    let firsts = firstNumbers
    for producer in producers {
      #expect(
        firsts[producer.name, default: []] == (0..<producer.highest).map { $0 + 1 },
        "\(note) \(producer.name): all there and in order", sourceLocation: sourceLocation)
      #expect(
        producer.settledTwice.isEmpty && producer.outcomes.count == Int(producer.highest),
        "\(note) one outcome each: \(producer.summary)", sourceLocation: sourceLocation)
      #expect(
        producer.outcomes.values.allSatisfy {
          $0.outcome == .delivered || $0.outcome == .duplicate
        },
        "\(note) \(producer.summary)", sourceLocation: sourceLocation)
    }
  }

  /// A key is one message's and a message has one key.
  private func expectKeys(_ repeats: Repeats, _ note: String, _ sourceLocation: SourceLocation) {
    var messages: [Key: Message] = [:]
    var keys: [Message: Key] = [:]
    for record in records {
      guard let message = Self.message(record) else {
        Issue.record(
          "\(note) a stranger: \(record.payload.prefix(40))", sourceLocation: sourceLocation)
        continue
      }
      let key = Self.key(record)
      if let earlier = messages[key] {
        #expect(
          earlier == message && repeats.allow(message), "\(note) \(message) again after \(earlier)",
          sourceLocation: sourceLocation)
      }
      if let earlier = keys[message] {
        #expect(earlier == key, "\(note) two keys of \(message)", sourceLocation: sourceLocation)
      }
      messages[key] = message
      keys[message] = key
    }
  }

  /// What a client was told was delivered is here, whatever happened since.
  func expectDelivered(
    of producers: [Producer], _ note: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let there = numbers.mapValues(Set.init)
    for producer in producers {
      let missing = producer.outcomes.filter { $0.value.outcome == .delivered }.keys
        .filter { there[producer.name]?.contains($0) != true }
      #expect(
        missing.isEmpty, "\(note) \(producer.name): lost \(missing.sorted().prefix(5))",
        sourceLocation: sourceLocation)
    }
  }
}
