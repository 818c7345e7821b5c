import Testing

/// A message as libnats' client reads it back from a stream.
struct NATSMessage: Equatable {
  let id: String
  /// What it said had to be before it.
  let predecessor: String
  let payload: String
}

extension NATSServer {
  /// All messages of a stream, in their order.
  func contents(_ stream: String = "S", on subject: String = "forebay") async throws
    -> [NATSMessage]
  {
    let count = try await count(stream)
    guard count > 0 else { return [] }
    let ended = try await client("read", stream, subject, "\(count)")
    #expect(ended.status == 0, "\(ended.errors)")
    return ended.output.split(separator: "\n").map { line in
      let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
      return NATSMessage(
        id: String(parts[0]), predecessor: String(parts[1]), payload: String(parts[2]))
    }
  }
}

extension [NATSMessage] {
  /// A server that checks a predecessor took it; so it is really there, before its successor.
  func readBack(sourceLocation: SourceLocation = #_sourceLocation) -> ReadBack {
    var ids: Set<String> = []
    for message in self {
      if !message.predecessor.isEmpty, !ids.contains(message.predecessor) {
        Issue.record("\(message) has no predecessor", sourceLocation: sourceLocation)
      }
      ids.insert(message.id)
    }
    return ReadBack(map { ReadBack.Entry(text: $0.payload, id: $0.id) })
  }
}
