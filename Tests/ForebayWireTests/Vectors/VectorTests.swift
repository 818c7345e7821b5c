import ForebayWire
import Testing

/// proto/vectors against this module: whole, cut at every byte, byte by byte, and one behind another.
@Suite struct VectorTests {
  /// Above this an input is cut at some places only, near the edges of frames.
  static let long = 3000
  static let withInput = Vector.all.filter { $0.input != nil }

  @Test func areAllThere() {
    #expect(Vector.all.count >= 300)
    #expect(Set(Vector.all.map(\.id)).count == Vector.all.count)
  }

  @Test(arguments: withInput) func holdsWhole(_ vector: Vector) {
    expect(vector, cutAt: [], joiningRuns: false)
  }

  @Test(arguments: withInput) func holdsCutAtEveryByte(_ vector: Vector) {
    let count = vector.bytes.count
    for cut in 1..<max(1, count)
    where count <= Self.long || cut < 64 || cut > count - 64 || cut % 997 == 0 {
      expect(vector, cutAt: [cut], joiningRuns: true)
    }
  }

  @Test(arguments: withInput.filter { $0.bytes.count <= long })
  func holdsByteByByte(_ vector: Vector) {
    expect(vector, cutAt: Array(1..<max(1, vector.bytes.count)), joiningRuns: true)
  }

  @Test(arguments: withInput) func namesMistakesInTime(_ vector: Vector) {
    guard let known = vector.expect?.error?.known_after else { return }
    var receiver = self.receiver(for: vector)
    receiver.feed(vector.bytes.prefix(known))
    #expect(receiver.mistake != nil, "nothing wrong after \(known) bytes")
  }

  /// A frame of which every later cut is one byte more must never be read beyond what is there; the
  /// guarded memory of the receiver stops the process if it is.
  @Test(arguments: withInput) func readsNothingBeyondTheEnd(_ vector: Vector) {
    let bytes = vector.bytes
    for end in 0..<min(bytes.count, 512) {
      var receiver = self.receiver(for: vector)
      receiver.feed(bytes.prefix(end))
    }
  }

  @Test(arguments: withInput.filter(\.canGoFirst)) func holdsBehindAnother(_ first: Vector) {
    for second in Self.withInput
    where second.dependsOnNothing && second.setup == first.setup && second.bytes.count <= Self.long
    {
      var receiver = self.receiver(for: first, describingMessages: first.describesMessages)
      receiver.feed(first.bytes + second.bytes)
      let shift = first.bytes.count
      let events = normal(first.expect!.events, joiningRuns: false)
      expect(
        receiver, second.expect!, second.id, joiningRuns: false, after: events, shift: shift)
    }
  }

  /// What arrives in the cases for senders are good frames; ForebayClient's tests do the rest.
  @Test(arguments: Vector.all.filter { $0.steps != nil }) func readsWhatSendersHear(
    _ vector: Vector
  ) {
    for frame in vector.steps!.compactMap(\.recv) {
      var receiver = self.receiver(for: vector)
      receiver.feed(Vector.bytes(hex: frame))
      #expect(receiver.mistake == nil && receiver.rest == nil && receiver.events.count == 1)
    }
  }

  private func receiver(
    for vector: Vector, describingMessages: Bool = false
  ) -> VectorReceiver {
    VectorReceiver(
      vector.setup, describesMessages: describingMessages,
      memory: GuardedMemory(byteCount: 131_072))
  }

  private func expect(_ vector: Vector, cutAt cuts: [Int], joiningRuns: Bool) {
    let bytes = vector.bytes
    var receiver = self.receiver(for: vector, describingMessages: vector.describesMessages)
    for (start, end) in zip([0] + cuts, cuts + [bytes.count]) { receiver.feed(bytes[start..<end]) }
    expect(receiver, vector.expect!, "cut at \(cuts.prefix(1))", joiningRuns: joiningRuns)
  }

  private func expect(
    _ receiver: VectorReceiver, _ expected: Vector.Expectation, _ how: String, joiningRuns: Bool,
    after events: [JSON] = [], shift: Int = 0
  ) {
    #expect(receiver.mistake.map { snake("\($0.code)") } == expected.error?.code, "\(how)")
    #expect(receiver.mistake?.offset == expected.error.map { $0.offset + shift }, "\(how)")
    #expect(receiver.rest?.offset == expected.incomplete.map { $0.offset + shift }, "\(how)")
    #expect(receiver.rest?.frame_bytes == expected.incomplete?.frame_bytes, "\(how)")
    let wanted = normal(events + expected.events, joiningRuns: joiningRuns)
    let found = normal(receiver.events, joiningRuns: joiningRuns)
    #expect(found.count == wanted.count, "\(how)")
    for (found, wanted) in zip(found, wanted) {
      #expect((wanted["messages"] == nil ? found.withoutMessages : found) == wanted, "\(how)")
    }
    if let counted = expected.counted, events.isEmpty {
      #expect(String(receiver.countedBytes) == counted.bytes, "\(how)")
      #expect(String(receiver.countedMessages) == counted.messages, "\(how)")
    }
  }
}

extension Vector {
  var describesMessages: Bool { expect?.events.contains { $0["messages"] != nil } ?? false }

  /// Ends well, so that another may follow.
  var canGoFirst: Bool {
    guard let expect, expect.error == nil, expect.incomplete == nil, let last = expect.events.last
    else { return false }
    return last["event"] != .text("bye") && bytes.count <= VectorTests.long
  }

  /// Means the same whatever came before.
  var dependsOnNothing: Bool {
    let contextual: [JSON] = ["hello", "run", "unsupported", "origin", "bye"].map(JSON.text)
    return setup.state != "new" && setup.last_sequence == nil && setup.last_link_sequence == nil
      && expect!.counted == nil
      && !expect!.events.contains { contextual.contains($0["event"]!) } && !mentionsData
  }

  private var mentionsData: Bool {
    let bytes = self.bytes
    var place = 0
    while place + 8 <= bytes.count {
      if [1, 2, 9].contains(bytes[place + 4]) { return true }
      place += bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) } + 4
    }
    return false
  }
}

extension JSON {
  fileprivate var withoutMessages: JSON {
    guard case .object(var fields) = self else { return self }
    fields["messages"] = nil
    return .object(fields)
  }
}

/// Events as they compare: equal receipt ranges written out, runs that only a cut divides as one.
private func normal(_ events: [JSON], joiningRuns: Bool) -> [JSON] {
  var out: [JSON] = []
  for event in events.map(writtenOut) {
    if joiningRuns, let last = out.last, let joined = join(last, event) {
      out[out.count - 1] = joined
    } else {
      out.append(event)
    }
  }
  return out
}

private func writtenOut(_ event: JSON) -> JSON {
  guard case .object(var fields) = event, let ranges = fields["ranges"]?.list else { return event }
  fields["ranges"] = .list(
    ranges.flatMap { range -> [JSON] in
      guard case .object(var parts) = range, let times = parts.removeValue(forKey: "times") else {
        return [range]
      }
      return Array(repeating: .object(parts), count: times.number!)
    })
  return .object(fields)
}

private func join(_ first: JSON, _ second: JSON) -> JSON? {
  guard case .object(var fields) = first, case .object(let others) = second,
    fields["event"] == .text("run"), others["event"] == .text("run"),
    ["lane", "ttl", "level"].allSatisfy({ fields[$0] == others[$0] }),
    UInt64(first["first"]!.text!)! + UInt64(first["count"]!.number!)
      == UInt64(second["first"]!.text!)!
  else { return nil }
  for key in ["count", "bytes"] {
    fields[key] = .number(first[key]!.number! + second[key]!.number!)
  }
  if let messages = first["messages"]?.list, let more = second["messages"]?.list {
    fields["messages"] = .list(messages + more)
  }
  return .object(fields)
}
