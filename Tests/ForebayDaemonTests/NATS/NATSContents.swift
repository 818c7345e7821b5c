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

/// Everything that was offered was delivered, and is in the stream in its order. `others` are another
/// daemon's; `before` is what another server has of the same producers.
func expectAllThere(
  _ producers: [Producer], _ daemon: DaemonProcess, _ server: NATSServer, others: [Producer] = [],
  before: [NATSMessage] = [], repeatsAllowed: Bool,
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  try await expectAllDelivered(producers, daemon, sourceLocation: sourceLocation)
  let there = before + (try await server.contents())
  ReadBack(there.map { ReadBack.Entry(text: $0.payload, id: $0.id) }).expect(
    producers + others, repeatsAllowed: repeatsAllowed, sourceLocation: sourceLocation)
  // A server that checks it took it; so a predecessor is really there, before its successor.
  var ids: Set<String> = []
  for message in there {
    if !message.predecessor.isEmpty, !ids.contains(message.predecessor) {
      Issue.record("\(message) has no predecessor", sourceLocation: sourceLocation)
    }
    ids.insert(message.id)
  }
  #expect(try await daemon.stop() == 0, sourceLocation: sourceLocation)
}
