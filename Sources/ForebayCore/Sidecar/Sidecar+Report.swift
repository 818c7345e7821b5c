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
  package var isPaused: Bool
  package var isOnHold: Bool
  package var isPeer: Bool
  package var isOrdered: Bool
  /// r: what each waiting client is owed.
  package var reserve: Cost
  package var controlReserve: Cost
  package var windowMessagesMax: UInt64
  /// Little space is free, as windows say with PRESSED.
  package var isLow: Bool
}

/// Where a peer link stands.
package struct LinkReport: Equatable, Sendable {
  package enum Phase: String, Sendable {
    case disconnected, connecting, greeting, resuming, open, leaving
  }
  package var phase: Phase
  /// The peer's limit on this connection, and what of it is used.
  package var limit: Cost
  package var sent: Cost
  /// Something waits that the peer's window doesn't let through, for so long.
  package var blocked: TimeSpan?
  package var failedConnects: UInt32
  /// The next connect; nil while there is a connection, or nothing to send.
  package var retryAt: Instant?
}

/// What one principal has of one route.
package struct PrincipalReport: Equatable, Sendable {
  package var key: PrincipalKey
  package var route: Int
  package var classIndex: Int
  package var open: Cost
  package var held: Cost
  package var clients: Int
  package var sessions: Int
  /// Its clients with demand when credit was last granted.
  package var demanding: UInt64
  package var isWaiting: Bool
}

/// What one class has, and what operators set for it.
package struct ClassReport: Equatable, Sendable {
  package var settings: ClassSettings
  package var clients: Int
  package var open: Cost
  package var held: Cost
  package var windowMaximum: UInt64?
}

/// Where one connection stands: the daemon's side of its window.
package struct ClientReport: Sendable {
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
  /// For how long it has been told that it is shut, this time and in all.
  package var shut: TimeSpan?
  package var shutTotal: TimeSpan
  package var shutCount: UInt64
  package var windowMaximum: UInt64
  package var isWindowMaximumSet: Bool
  package var open: Cost
  package var classIndex: Int
  /// Nil before its HELLO.
  package var route: Int?
  package var isPeer: Bool
  package var age: TimeSpan
  package var bytesRead: UInt64
  package var names: ClientNames?
  package var isOpen: Bool
  /// It takes nothing of what is written to it, for so long.
  package var stalled: TimeSpan?
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
      totals: routes[route].totals, isPaused: routes[route].isPaused,
      isOnHold: routes[route].isOnHold, isPeer: routes[route].isPeer,
      isOrdered: routes[route].isOrdered, reserve: routes[route].reserve,
      controlReserve: routes[route].pool.controlReserve,
      windowMessagesMax: routes[route].windowMessagesMax, isLow: routes[route].isLow)
  }

  /// Nil where there is no connection that the core decides about.
  package func linkReport(_ index: Int, now: Instant) -> LinkReport? {
    let route = UInt32(index)
    if routes[route].upstream.connects { return connectionReport(route) }
    guard routes[route].isPeer else { return nil }
    let phase: LinkReport.Phase
    var retryAt: Instant?
    switch links[route].phase {
    case .disconnected:
      phase = .disconnected
      let isIdle = links[route].isEmpty && routes[route].queue.queuedMessages == 0
      retryAt = isIdle ? nil : links[route].retryAt
    case .connecting: phase = .connecting
    case .greeting: phase = .greeting
    case .resuming: phase = .resuming
    case .open: phase = .open
    case .leaving: phase = .leaving
    }
    return LinkReport(
      phase: phase, limit: links[route].limit, sent: links[route].sent,
      blocked: links[route].shutSince.map { now.since($0) },
      failedConnects: links[route].failedConnects, retryAt: retryAt)
  }

  /// An upstream that is no peer has no window of its own: limit and sent are empty.
  private func connectionReport(_ route: UInt32) -> LinkReport {
    let phase: LinkReport.Phase
    var retryAt: Instant?
    switch routes[route].connection.phase {
    case .disconnected:
      phase = .disconnected
      if routes[route].queue.queuedMessages > 0 { retryAt = routes[route].connection.retryAt }
    case .connecting: phase = .connecting
    case .open: phase = .open
    case .closing: phase = .leaving
    }
    return LinkReport(
      phase: phase, limit: .zero, sent: .zero, blocked: nil,
      failedConnects: routes[route].connection.failures, retryAt: retryAt)
  }

  /// Finds the longest held message of each route among the runs of these slots.
  package func noteOldest(inRuns slots: Range<Int>, _ oldest: inout [Instant]) {
    for run in UInt32(slots.lowerBound)..<UInt32(min(slots.upperBound, store.runs.end))
    where store.runs.contains(run) {
      let route = Int(store.runs[run].route)
      oldest[route] = min(oldest[route], store.runs[run].acceptedAt)
    }
  }

  package var runSlots: Int { store.runs.end }
  package var clientSlots: Int { clients.end }
  package var principalSlots: Int { principals.end }

  /// The connection in a slot, if there is one.
  package mutating func clientReport(slot: Int, now: Instant) -> ClientReport? {
    guard clients.contains(UInt32(slot)) else { return nil }
    return clientReport(UInt32(slot), now: now)
  }

  package mutating func clientReport(_ id: ClientID, now: Instant) -> ClientReport? {
    slot(id).map { clientReport($0, now: now) }
  }

  package func principalReport(slot: Int) -> PrincipalReport? {
    let principal = UInt32(slot)
    guard principals.contains(principal) else { return nil }
    return PrincipalReport(
      key: principals[principal].key, route: Int(principals[principal].route),
      classIndex: principals[principal].classIndex, open: principals[principal].open,
      held: principals[principal].held, clients: principals[principal].clients,
      sessions: principals[principal].sessions, demanding: principals[principal].demanding,
      isWaiting: principals[principal].isWaiting)
  }

  package var classCount: Int { settings.classes.count }
  package func className(_ index: Int) -> String { settings.classes[index].name }

  package func classReport(_ index: Int) -> ClassReport {
    var report = ClassReport(
      settings: settings.classes[index], clients: 0, open: .zero, held: .zero,
      windowMaximum: classRates[index].windowMaximum)
    for slot in 0..<principals.end {
      guard let principal = principalReport(slot: slot), principal.classIndex == index else {
        continue
      }
      report.clients += principal.clients
      report.open += principal.open
      report.held += principal.held
    }
    return report
  }

  package var connectionsAllowed: Int { connectionsMaxSet ?? limits.connectionsMax }

  /// For what bytes a connection is being ended; nil where it isn't for bytes.
  package func offence(of id: ClientID) -> Offence? {
    guard clients.contains(id.slot), clients[id.slot].id == id else { return nil }
    return clients[id.slot].offence
  }

  package func user(of id: ClientID) -> UInt32? {
    guard clients.contains(id.slot), clients[id.slot].id == id else { return nil }
    return clients[id.slot].key.user
  }

  package func bytesRead(from id: ClientID) -> UInt64 {
    guard clients.contains(id.slot), clients[id.slot].id == id else { return 0 }
    return clients[id.slot].bytesRead
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
    let hasRoute = clients[client].route != none
    return ClientReport(
      id: clients[client].id, user: clients[client].key.user,
      limit: clients[client].window.limit, advertised: clients[client].window.advertised,
      received: clients[client].window.received,
      held: session == none ? .zero : sessions[session].held,
      unseenMessages: session == none ? 0 : sessions[session].outcomes.messages,
      window: clients[client].target, isShut: reason != .none, reason: reason,
      blockedCost: clients[client].blockedCost, isWaiting: clients[client].isWaiting,
      isReclaiming: clients[client].window.reclaim != nil,
      idle: now.since(clients[client].lastData),
      shut: clients[client].toldShutAt.map { now.since($0) },
      shutTotal: shutTotal(client, now), shutCount: clients[client].shutCount,
      windowMaximum: hasRoute ? windowMaximum(of: client) : 0,
      isWindowMaximumSet: clients[client].windowMaximum != nil,
      open: clients[client].window.open, classIndex: clients[client].classIndex,
      route: hasRoute ? Int(clients[client].route) : nil, isPeer: clients[client].isPeer,
      age: now.since(clients[client].acceptedAt), bytesRead: clients[client].bytesRead,
      names: clients[client].names, isOpen: clients[client].isOpen,
      stalled: clients[client].stalledSince.map { now.since($0) })
  }

  private func shutTotal(_ client: UInt32, _ now: Instant) -> TimeSpan {
    guard let since = clients[client].toldShutAt else { return clients[client].shutTotal }
    return clients[client].shutTotal + now.since(since)
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
