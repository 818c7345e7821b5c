import ForebayWire

@testable import ForebayCore

/// What the simulation knows and the cores don't: which messages the upstreams really took. At the end
/// it compares that with what clients were told, and meanwhile it looks for clients that starve.
final class Truth {
  private(set) var problems: [String] = []
  func problem(_ text: String) { problems.append(text) }

  /// Where a client's messages come out.
  private struct Way {
    let client: TestClient
    var tag: ID128
    var upstreams: [TestUpstream]
    let daemon: Int
    let route: Int
    /// Messages that a daemon held, or may have held, when it lost its memory: the one thing that may
    /// be delivered twice, or be delivered and end in another way.
    var excused: Set<UInt64> = []
    var wait: Wait?
  }
  /// How long a client has stood in line, and how much went on around it.
  private struct Wait {
    let connection: ClientID
    /// Credit that it has had: more of it, and it was served.
    let limit: Cost
    let settled: UInt64
    let since: Instant
  }
  private var ways: [Way] = []
  private var upstreams: [(upstream: TestUpstream, daemon: Int, route: Int)] = []

  func add(_ upstream: TestUpstream, daemon: Int, route: Int) {
    upstreams.append((upstream, daemon, route))
    upstream.isExcused = { [unowned self] tag, sequence in
      ways.contains { $0.tag == tag && $0.excused.contains(sequence) }
    }
    for index in ways.indices where ways[index].daemon == daemon && ways[index].route == route {
      ways[index].upstreams.append(upstream)
    }
  }

  /// The messages of `client` come out at a daemon's route under this tag. Said again, it changes
  /// nothing.
  func add(_ client: TestClient, tag: ID128, daemon: Int, route: Int) {
    guard !ways.contains(where: { $0.client === client }) else { return }
    let its = upstreams.filter { $0.daemon == daemon && $0.route == route }.map(\.upstream)
    ways.append(Way(client: client, tag: tag, upstreams: its, daemon: daemon, route: route))
  }

  /// A daemon on the client's way lost its memory.
  func memoryLost(_ client: TestClient) {
    guard let index = ways.firstIndex(where: { $0.client === client }) else { return }
    for sequence in 1..<client.ledger.nextSequence {
      let entry = client.ledger.entry(sequence)
      // What may have been delivered may still be under way further down.
      let isOpen = entry.final?.flags.contains(.maybeDelivered) ?? true
      if entry.isSent, isOpen { ways[index].excused.insert(sequence) }
    }
  }

  // MARK: At the end

  /// What receipts said against what the upstreams took.
  func firstLie() -> String? {
    for (index, way) in ways.enumerated() {
      for sequence in 1..<way.client.ledger.nextSequence {
        let final = way.client.ledger.entry(sequence).final
        if let lie = lie(way, sequence, final) { return "client \(index): \(lie)" }
      }
    }
    return nil
  }

  private func lie(_ way: Way, _ sequence: UInt64, _ final: ReceiptRange?) -> String? {
    guard let final else { return "message \(sequence) never ended" }
    let taken = way.upstreams.count { $0.hasAccepted(way.tag, sequence) }
    let isExcused = way.excused.contains(sequence)
    if taken > 1, !isExcused { return "message \(sequence) was delivered \(taken) times" }
    switch final.outcome {
    case .delivered:
      return taken > 0 ? nil : "message \(sequence) was never delivered: \(final)"
    case .rejected, .expired, .dropped, .deadLettered:
      let isTold = final.flags.contains(.maybeDelivered) || isExcused
      return taken == 0 || isTold ? nil : "message \(sequence) was delivered: \(final)"
    case .duplicate, .received, .stored:
      return "message \(sequence) ended as \(final.outcome)"
    }
  }

  // MARK: Meanwhile

  /// A receipt says `delivered` when an upstream has taken the message, not before.
  func check(_ range: ReceiptRange, of client: TestClient) {
    guard range.outcome == .delivered, let way = ways.first(where: { $0.client === client }) else {
      return
    }
    for sequence in range.first..<range.end
    where !way.upstreams.contains(where: { $0.hasAccepted(way.tag, sequence) }) {
      problem("message \(sequence) was receipted as delivered, and nobody has it")
      return
    }
  }

  /// A resuming client is told of everything that the daemon knows of its session, so what it sends
  /// again is new.
  func checkListing(_ client: TestClient) {
    let core = client.harness
    guard client.isConnected, let id = client.id, core.core.clients.contains(id.slot),
      core.core.clients[id.slot].id == id, core.core.clients[id.slot].session != none
    else { return }
    let session = core.core.clients[id.slot].session
    var held: [Range<UInt64>] = []
    var run = core.core.sessions[session].heldRuns
    while run != none {
      let first = core.core.store.runs[run].firstSequence
      held.append(first..<(first + UInt64(core.core.store.runs[run].count)))
      run = core.core.store.runs[run].nextOfSession
    }
    for sequence in client.waiting {
      if core.core.sessions[session].outcomes.range(holding: sequence) != nil {
        return problem("message \(sequence) is settled, and its resuming client wasn't told")
      }
      if held.contains(where: { $0.contains(sequence) }) {
        return problem("message \(sequence) is held, and its resuming client wasn't told")
      }
    }
  }

  /// A drain that ends says what became of every message that was receipted as received.
  func checkPromises(_ client: TestClient) {
    for sequence in 1..<client.ledger.nextSequence {
      let entry = client.ledger.entry(sequence)
      let level = entry.message.level == .default ? client.level : entry.message.level
      guard entry.isSent, entry.isHeld, entry.final == nil, level == .received else { continue }
      return problem("message \(sequence) was receipted as received and is dropped without a word")
    }
  }

  /// By then idle credit has been asked back, and whoever doesn't answer is closed.
  private static let patience = TimeSpan.seconds(15)

  /// Nobody with nothing held waits while others are served for ever: for longer than that, while so many
  /// messages of others come to their end as fill the buffer twenty times.
  func lookForStarvation(_ clients: [TestClient], now: Instant) {
    for index in ways.indices {
      let client = ways[index].client
      let core = client.harness
      guard let id = client.id, client.isConnected, core.core.clients.contains(id.slot),
        core.core.clients[id.slot].id == id, core.core.clients[id.slot].isWaiting,
        core.core.clients[id.slot].window.reclaim == nil
      else {
        ways[index].wait = nil
        continue
      }
      let route = core.core.clients[id.slot].route
      let settled = core.core.routes[route].totals.settled
      let limit = core.core.clients[id.slot].window.limit
      if let wait = ways[index].wait, wait.connection == id, wait.limit == limit {
        let most = core.core.routes[route].pool.capacity.messages * 20 + 1000
        if settled - wait.settled > most, now.since(wait.since) > Self.patience {
          problem("client \(index) has waited since \(wait.since), \(settled) were served")
        }
      } else {
        ways[index].wait = Wait(connection: id, limit: limit, settled: settled, since: now)
      }
    }
  }

  var hasOvertaken: Bool { upstreams.contains { $0.upstream.hasOvertaken } }
}
