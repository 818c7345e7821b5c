import ForebayCore
import ForebayWire

/// What `show clients` and `show client` say.
enum AdminClients {
  static func describe(_ report: ClientReport, _ daemon: Daemon) -> AdminValue {
    let process = daemon.connection(report.id)?.process ?? 0
    return .object([
      "id": .text("\(report.id)"), "uid": .number(UInt64(report.user)),
      "limit": .cost(report.limit), "advertised": .cost(report.advertised),
      "received": .cost(report.received), "held": .cost(report.held),
      "unseen_messages": .number(report.unseenMessages), "window": .number(report.window),
      "shut": .flag(report.isShut), "reason": .text(report.reason.wireName),
      "blocked_bytes": .number(report.blockedCost), "waiting": .flag(report.isWaiting),
      "reclaiming": .flag(report.isReclaiming),
      "idle_ms": .number(report.idle.millisecondsRoundedUp),
      "open": .cost(report.open),
      "shut_seconds": report.shut.map(AdminValue.seconds) ?? .none,
      "blocked_seconds": .seconds(report.shutTotal), "zero_windows": .number(report.shutCount),
      "window_maximum": .number(report.windowMaximum),
      "window_maximum_set": .flag(report.isWindowMaximumSet),
      "pid": process == 0 ? .none : .count(Int(process)),
      "class": .text(daemon.core.className(report.classIndex)),
      "route": report.route.map { .text(daemon.routeNames[$0]) } ?? .none,
      "peer": .flag(report.isPeer), "greeted": .flag(report.isOpen),
      "age_seconds": .seconds(report.age), "received_bytes": .number(report.bytesRead),
      "stalled_seconds": report.stalled.map(AdminValue.seconds) ?? .none,
      "name": .text(report.names?.name ?? ""), "shim": .text(report.names?.shim ?? ""),
      "shim_version": .text(report.names?.shimVersion ?? ""),
    ])
  }
}

/// `show clients where … sort … limit …`, some slots a turn.
final class ClientListing: AdminListing {
  private static let slotsPerTurn = 2048
  /// A row of 36 lines takes 100 µs.
  private static let rowsPerTurn = 16

  private let query: AdminQuery
  private var next = 0
  private var left: Int
  /// With a sort key all clients are looked at first, and kept in order: to sort thousands at the end
  /// would take too long for one turn.
  private var sorted: [(id: ClientID, key: AdminQuery.Key)]?
  private var isSorted = false

  init(_ query: AdminQuery) {
    self.query = query
    left = query.limit ?? .max
    sorted = query.sortKey == nil ? nil : []
  }

  func more(_ daemon: Daemon) -> [AdminValue]? {
    guard left > 0 else { return nil }
    if sorted != nil { return isSorted ? nextSorted(daemon) : collect(daemon) }
    var rows: [AdminValue] = []
    scan(daemon) { _, value in rows.append(value) }
    return rows.isEmpty && next >= daemon.core.clientSlots ? nil : rows
  }

  /// Looks at some slots and gives what the query lets through.
  private func scan(_ daemon: Daemon, _ found: (ClientID, AdminValue) -> Void) {
    let now = daemon.now
    let end = daemon.core.clientSlots
    var slotsLeft = Self.slotsPerTurn
    var rowsLeft = Self.rowsPerTurn
    while next < end, slotsLeft > 0, rowsLeft > 0, left > 0 {
      slotsLeft -= 1
      next += 1
      guard let report = daemon.core.clientReport(slot: next - 1, now: now) else { continue }
      rowsLeft -= 1
      let value = AdminClients.describe(report, daemon)
      guard query.lets(value) else { continue }
      if sorted == nil { left -= 1 }
      found(report.id, value)
    }
  }

  private func collect(_ daemon: Daemon) -> [AdminValue]? {
    scan(daemon) { id, value in insert(id, query.key(of: value)) }
    guard next >= daemon.core.clientSlots else { return [] }
    isSorted = true
    next = 0
    return []
  }

  /// Behind all that it doesn't come before; beyond the limit nobody is kept.
  private func insert(_ id: ClientID, _ key: AdminQuery.Key) {
    guard var sorted else { return }
    self.sorted = nil
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if query.isBefore(key, sorted[middle].key) { high = middle } else { low = middle + 1 }
    }
    sorted.insert((id, key), at: low)
    if sorted.count > left { sorted.removeLast() }
    self.sorted = sorted
  }

  private func nextSorted(_ daemon: Daemon) -> [AdminValue]? {
    guard let sorted, next < sorted.count else { return nil }
    let now = daemon.now
    let chosen = sorted[next..<min(next + min(left, Self.rowsPerTurn), sorted.count)]
    next = chosen.endIndex
    left -= chosen.count
    return chosen.compactMap { entry in
      daemon.core.clientReport(entry.id, now: now).map { AdminClients.describe($0, daemon) }
    }
  }
}
