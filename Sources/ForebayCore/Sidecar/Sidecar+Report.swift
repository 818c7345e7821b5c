package import ForebayWire

// What operators see. Values only; the shell chooses words and units.

/// Where one route stands.
package struct RouteReport: Equatable, Sendable {
  package var name: String
  package var capacity: Cost
  package var held: Cost
  package var heldPeak: Cost
  package var open: Cost
  package var free: Cost
  package var queuedMessages: Int
  package var inFlightMessages: Int
  package var clients: Int
  /// Principals that have clients waiting for space.
  package var waiting: Int
  package var breaker: BreakerReport
  package var totals: Totals
}

/// Where one connection stands: the daemon's side of its window.
package struct ClientReport: Equatable, Sendable {
  package var id: ClientID
  package var user: UInt32
  package var limit: Cost
  package var advertised: Cost
  package var received: Cost
  package var held: Cost
  /// Settled messages that the client hasn't said it has seen.
  package var unseenMessages: UInt64
  /// The most that it may have unacknowledged now.
  package var window: UInt64
  package var isShut: Bool
  package var reason: WindowReason
  package var blockedCost: UInt64
  package var isWaiting: Bool
  package var isReclaiming: Bool
  package var idle: TimeSpan
}

/// What the messages take of memory, in bytes.
package struct MemoryReport: Equatable, Sendable {
  package var nurseryBytes: Int
  package var nurseryLiveBytes: Int
  package var heapBytes: Int
  package var recycledBytes: Int
  package var runs: Int
  package var tenuredRuns: UInt64
  package var tenuredBytes: UInt64
}

extension Sidecar {
  package var routeCount: Int { routes.count }
  package var clientCount: Int { clients.count }
  package var sessionCount: Int { sessions.count }

  package var heldMessages: UInt64 {
    var sum: UInt64 = 0
    for route in 0..<UInt32(routes.end) { sum += routes[route].pool.held.messages }
    return sum
  }

  package func routeReport(_ index: Int, now: Instant) -> RouteReport {
    let route = UInt32(index)
    var waiting = 0
    var principal = routes[route].firstWaiting
    while principal != none {
      waiting += 1
      principal = principals[principal].nextWaiting
    }
    return RouteReport(
      name: routes[route].settings.name, capacity: routes[route].pool.capacity,
      held: routes[route].pool.held, heldPeak: routes[route].pool.heldPeak,
      open: routes[route].pool.open, free: routes[route].pool.free,
      queuedMessages: routes[route].queue.queuedMessages,
      inFlightMessages: routes[route].inFlightMessages, clients: routes[route].clients,
      waiting: waiting, breaker: routes[route].breaker.report(now: now),
      totals: routes[route].totals)
  }

  /// Every connection that still exists, in slot order.
  package mutating func clientReports(now: Instant) -> [ClientReport] {
    var reports: [ClientReport] = []
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      reports.append(clientReport(client, now: now))
    }
    return reports
  }

  private mutating func clientReport(_ client: UInt32, now: Instant) -> ClientReport {
    let session = clients[client].session
    // Within a turn, credit that has just been used up may be followed by more, and nobody has said yet
    // that there is none: that isn't shut. And the reason is the one that the client is told.
    let isShut = clients[client].isOpen && isShut(client)
    let reason = isShut ? shutReason(client, clients[client].route) : .none
    return ClientReport(
      id: clients[client].id, user: clients[client].key.user,
      limit: clients[client].window.limit, advertised: clients[client].window.advertised,
      received: clients[client].window.received,
      held: session == none ? .zero : sessions[session].held,
      unseenMessages: session == none ? 0 : sessions[session].outcomes.messages,
      window: clients[client].target, isShut: reason != .none, reason: reason,
      blockedCost: clients[client].blockedCost, isWaiting: clients[client].isWaiting,
      isReclaiming: clients[client].window.reclaim != nil,
      idle: now.since(clients[client].lastData))
  }

  package var memoryReport: MemoryReport {
    MemoryReport(
      nurseryBytes: store.nursery.segmentCount * Nursery.segmentBytes,
      nurseryLiveBytes: store.nursery.liveBytes, heapBytes: store.blocks.usedBytes,
      recycledBytes: store.blocks.recycledBytes, runs: store.runs.count,
      tenuredRuns: store.tenuredRuns, tenuredBytes: store.tenuredBytes)
  }

  /// Connections ended by us, by reason; index 0 counts those that clients ended.
  package func closures(_ code: Int) -> UInt64 { closures[code] }
}
