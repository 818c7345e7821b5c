import ForebayCore
import ForebayWire

/// What `show routes`, `breakers`, `buffer`, `links`, `credits` and `classes` say.
enum AdminRoutes {
  /// What operators made of the route.
  static func steering(_ report: RouteReport) -> String {
    switch (report.isPaused, report.isOnHold) {
    case (false, false): "running"
    case (true, false): "paused"
    case (false, true): "held"
    case (true, true): "paused_and_held"
    }
  }

  static func name(of phase: BreakerReport.Phase) -> String {
    switch phase {
    case .closed: "closed"
    case .open: "open"
    case .halfOpen: "half_open"
    case .forcedOpen: "forced_open"
    case .forcedClosed: "forced_closed"
    }
  }

  private static func name(of reason: BreakerReport.OpenReason?) -> AdminValue {
    switch reason {
    case nil: .none
    case .consecutiveFailures: .text("consecutive_failures")
    case .failureRate: .text("failure_rate")
    case .slowRate: .text("slow_rate")
    case .probeFailed: .text("probe_failed")
    case .probeUnanswered: .text("probe_unanswered")
    case .noProbeSucceeded: .text("no_probe_succeeded")
    case .operatorCommand: .text("operator_command")
    }
  }

  /// A row for each route.
  static func each(_ daemon: Daemon, _ row: (Int, RouteReport) -> AdminValue) -> AdminReply {
    let now = daemon.now
    return .listing(
      "routes",
      FixedListing(
        (0..<daemon.core.routeCount).map { row($0, daemon.core.routeReport($0, now: now)) }))
  }

  static func route(_ daemon: Daemon, _ index: Int, _ report: RouteReport) -> AdminValue {
    .object([
      "name": .text(report.name), "upstream": .text(daemon.upstreamAddress(index)),
      "state": .text(steering(report)), "breaker": .text(name(of: report.breaker.phase)),
      "held": .number(report.held.messages), "queued": .count(report.queuedMessages),
      "in_flight": .count(report.inFlightMessages), "clients": .count(report.clients),
      "principals_waiting": .count(report.waiting), "ordered": .flag(report.isOrdered),
      "window_maximum": .number(report.windowMessagesMax), "reserve": .cost(report.reserve),
      "received": .number(report.totals.received), "delivered": .number(report.totals.delivered),
      "retried": .number(report.totals.retried), "rejected": .number(report.totals.rejected),
      "expired": .number(report.totals.expired), "dropped": .number(report.totals.dropped),
    ])
  }

  static func breaker(_ daemon: Daemon, _ route: RouteReport) -> AdminValue {
    let now = daemon.now
    let report = route.breaker
    let isForced = report.phase == .forcedOpen || report.phase == .forcedClosed
    return .object([
      "route": .text(route.name), "state": .text(name(of: report.phase)),
      "forced": .flag(isForced), "since_seconds": .seconds(now.since(report.since)),
      "reason": name(of: report.openReason),
      "next_probe_seconds": report.nextProbeAt.map { .seconds($0.since(now)) } ?? .none,
      "wait_seconds": .seconds(report.wait),
      "retry_after_seconds": .seconds(report.retryAfterRemaining),
      "consecutive_failures": .number(UInt64(report.consecutiveFailures)),
      "successes": .number(UInt64(report.successes)), "samples": .number(report.samples),
      "failures": .number(report.failures), "slow": .number(report.slow),
      "level": .number(UInt64(report.level)), "openings": .number(report.counters.openings),
      "reopenings": .number(report.counters.reopenings),
      "closings": .number(report.counters.closings),
      "quota_probes": .number(report.counters.quotaProbes),
      "floor_probes": .number(report.counters.floorProbes),
      "stale_results": .number(report.counters.staleResults),
    ])
  }

  static func link(_ daemon: Daemon, _ index: Int, _ report: LinkReport) -> AdminValue {
    let now = daemon.now
    return .object([
      "route": .text(daemon.routeNames[index]), "peer": .text(daemon.upstreamAddress(index)),
      "state": .text(report.phase.rawValue), "limit": .cost(report.limit),
      "sent": .cost(report.sent),
      "blocked_seconds": report.blocked.map(AdminValue.seconds) ?? .none,
      "failed_connects": .number(UInt64(report.failedConnects)),
      "retry_seconds": report.retryAt.map { .seconds($0.since(now)) } ?? .none,
    ])
  }

  static func oneClass(_ report: ClassReport) -> AdminValue {
    .object([
      "name": .text(report.settings.name), "clients": .count(report.clients),
      "open": .cost(report.open), "held": .cost(report.held),
      "pool_share": .number(report.settings.poolShare),
      "weight": .number(report.settings.weight),
      "rate": .optional(report.settings.rate?.messages),
      "window_maximum_set": .optional(report.windowMaximum),
    ])
  }

  static func principal(_ daemon: Daemon, _ report: PrincipalReport) -> AdminValue {
    .object([
      "route": .text(daemon.routeNames[report.route]), "uid": .number(UInt64(report.key.user)),
      "listener": .number(UInt64(report.key.listener)),
      "class": .text(daemon.core.className(report.classIndex)),
      "clients": .count(report.clients), "sessions": .count(report.sessions),
      "open": .cost(report.open), "held": .cost(report.held),
      "demanding": .number(report.demanding), "waiting": .flag(report.isWaiting),
    ])
  }
}

/// `show buffer`: how full each route is, and for how long. The oldest message is found by looking at
/// all runs, some in each turn.
final class BufferListing: AdminListing {
  private static let runsPerTurn = 4096
  private var next = 0
  private var oldest: [Instant]

  init(_ daemon: Daemon) {
    oldest = Array(repeating: .distantFuture, count: daemon.core.routeCount)
  }

  func more(_ daemon: Daemon) -> [AdminValue]? {
    guard next < .max else { return nil }
    let end = daemon.core.runSlots
    daemon.core.noteOldest(inRuns: min(next, end)..<min(next + Self.runsPerTurn, end), &oldest)
    next += Self.runsPerTurn
    guard next >= end else { return [] }
    next = .max
    let now = daemon.now
    return (0..<daemon.core.routeCount).map { row(daemon.core.routeReport($0, now: now), $0, now) }
  }

  private func row(_ report: RouteReport, _ index: Int, _ now: Instant) -> AdminValue {
    .object([
      "route": .text(report.name), "capacity": .cost(report.capacity), "held": .cost(report.held),
      "held_peak": .cost(report.heldPeak), "granted": .cost(report.open),
      "free": .cost(report.free), "control_reserve_bytes": .number(report.controlReserve.bytes),
      "queued_messages": .count(report.queuedMessages),
      "in_flight_messages": .count(report.inFlightMessages),
      // What was settled while the runs were looked at counts for nothing.
      "oldest_seconds": report.held.isZero || oldest[index] == .distantFuture
        ? .none : .seconds(now.since(oldest[index])),
      "pressed": .flag(report.isLow),
    ])
  }
}

/// `show credits`: what each principal has of each route.
final class CreditListing: AdminListing {
  private static let slotsPerTurn = 32
  private var next = 0

  func more(_ daemon: Daemon) -> [AdminValue]? {
    let end = daemon.core.principalSlots
    guard next < end else { return nil }
    let slots = next..<min(next + Self.slotsPerTurn, end)
    next = slots.upperBound
    return slots.compactMap { slot in
      daemon.core.principalReport(slot: slot).map { AdminRoutes.principal(daemon, $0) }
    }
  }
}
