import ForebayWire
import Testing

/// What somebody else's client read back from an upstream's server, in the order in which it stands there,
/// compared with what producers were told.
struct ReadBack {
  struct Entry {
    /// The payload.
    let text: String
    /// What the upstream calls the message: nil where the server doesn't keep it.
    let id: String?
  }

  let entries: [Entry]

  init(_ entries: [Entry]) { self.entries = entries }

  /// All that the producers were told is delivered is there, in the order in which it was sent, where
  /// of each message its first entry counts; nothing else is there. Entries of one message have one id,
  /// and those of two have two.
  ///
  /// - Parameter isOrdered: false where the server spreads a producer's messages over several queues.
  func expect(
    _ producers: [Producer], repeatsAllowed: Bool, isOrdered: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var last: [String: UInt64] = [:]
    var idOf: [String: String?] = [:]
    var ids: Set<String> = []
    var repeats = 0
    for entry in entries {
      if let known = idOf[entry.text] {
        repeats += 1
        if known != entry.id {
          Issue.record("\(entry.text) has two ids", sourceLocation: sourceLocation)
        }
        continue
      }
      idOf[entry.text] = .some(entry.id)
      if let id = entry.id, !ids.insert(id).inserted {
        Issue.record("two messages have the id \(id)", sourceLocation: sourceLocation)
      }
      let words = entry.text.prefix { $0 != "." }.split(separator: " ")
      guard words.count == 2, let sequence = UInt64(words[1]) else {
        Issue.record("\(entry.text) is nobody's", sourceLocation: sourceLocation)
        continue
      }
      let name = String(words[0])
      if isOrdered, let before = last[name], before >= sequence {
        Issue.record("\(entry.text) came after \(before)", sourceLocation: sourceLocation)
      }
      last[name] = sequence
    }
    if !repeatsAllowed { #expect(repeats == 0, sourceLocation: sourceLocation) }
    for producer in producers {
      let missing = producer.outcomes.filter {
        $0.value.outcome == .delivered
          && idOf[producer.text(of: $0.key, payloadBytes: 0)] == nil
      }
      #expect(
        missing.isEmpty, "\(producer.name) was told of \(missing.count) that aren't there",
        sourceLocation: sourceLocation)
    }
  }
}

/// So many producers that each offer `offer` messages to the daemon.
func makeProducers(_ daemon: DaemonProcess, _ count: Int, offer: Int) -> [Producer] {
  (1...count).map {
    let producer = Producer("p\($0)", to: daemon)
    producer.offer(offer)
    return producer
  }
}

/// Each message has the outcome delivered, once, on one connection; the daemon holds nothing and counts
/// right.
func expectAllDelivered(
  _ producers: [Producer], _ daemon: DaemonProcess,
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  for producer in producers {
    #expect(
      producer.count(.delivered) == Int(producer.highest), "\(producer.summary)",
      sourceLocation: sourceLocation)
    #expect(
      producer.settledTwice.isEmpty && producer.errors.isEmpty && producer.connects == 1,
      "\(producer.summary)", sourceLocation: sourceLocation)
  }
  let state = try await daemon.state()
  #expect(state.isBalanced && state.heldMessages == 0, sourceLocation: sourceLocation)
}
