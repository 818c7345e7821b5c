import ForebayCore
import ForebayWire

/// `show state`: what an operator looks at first.
enum AdminState {
  static func describe(_ daemon: Daemon) -> AdminValue {
    let now = daemon.now
    return .object([
      ("lifecycle", .text(lifecycle(daemon.core.lifecycle))),
      ("uptime_ms", .number(now.since(daemon.startedAt).millisecondsRoundedUp)),
      ("longest_callback_us", .number(daemon.longestCallback.nanoseconds / 1_000)),
      ("clients", .number(UInt64(daemon.core.clientCount))),
      ("sessions", .number(UInt64(daemon.core.sessionCount))),
      (
        "routes",
        .list(
          (0..<daemon.core.routeCount).map { route(daemon.core.routeReport($0, now: now), now) })
      ),
      ("memory", memory(daemon.core.memoryReport)),
      ("closed", closures(daemon)),
    ])
  }

  /// `show clients`: where each connection's window stands.
  static func clients(_ daemon: Daemon) -> AdminValue {
    .list(daemon.core.clientReports(now: daemon.now).map(client))
  }

  private static func client(_ report: ClientReport) -> AdminValue {
    .object([
      ("id", .text("\(report.id.slot).\(report.id.generation)")),
      ("uid", .number(UInt64(report.user))),
      ("limit", cost(report.limit)), ("advertised", cost(report.advertised)),
      ("received", cost(report.received)), ("held", cost(report.held)),
      ("unseen_messages", .number(report.unseenMessages)), ("window", .number(report.window)),
      ("shut", .flag(report.isShut)), ("reason", .text("\(report.reason)")),
      ("blocked_bytes", .number(report.blockedCost)), ("waiting", .flag(report.isWaiting)),
      ("reclaiming", .flag(report.isReclaiming)),
      ("idle_ms", .number(report.idle.millisecondsRoundedUp)),
    ])
  }

  private static func lifecycle(_ state: Sidecar.Lifecycle) -> String {
    switch state {
    case .running: "running"
    case .draining: "draining"
    case .drained: "drained"
    }
  }

  private static func route(_ report: RouteReport, _ now: Instant) -> AdminValue {
    .object([
      ("name", .text(report.name)),
      ("capacity", cost(report.capacity)), ("held", cost(report.held)),
      ("held_peak", cost(report.heldPeak)), ("granted", cost(report.open)),
      ("free", cost(report.free)),
      ("queued_messages", .number(UInt64(report.queuedMessages))),
      ("in_flight_messages", .number(UInt64(report.inFlightMessages))),
      ("clients", .number(UInt64(report.clients))),
      ("principals_waiting", .number(UInt64(report.waiting))),
      ("breaker", breaker(report.breaker, now)),
      ("totals", totals(report.totals)),
    ])
  }

  private static func cost(_ cost: Cost) -> AdminValue {
    .object([("messages", .number(cost.messages)), ("bytes", .number(cost.bytes))])
  }

  private static func breaker(_ report: BreakerReport, _ now: Instant) -> AdminValue {
    .object([
      ("state", .text(phase(report.phase))),
      ("since_ms", .number(now.since(report.since).millisecondsRoundedUp)),
      ("consecutive_failures", .number(UInt64(report.consecutiveFailures))),
      ("successes", .number(UInt64(report.successes))),
      ("openings", .number(report.counters.openings)),
      ("quota_probes", .number(report.counters.quotaProbes)),
      ("floor_probes", .number(report.counters.floorProbes)),
      ("stale_results", .number(report.counters.staleResults)),
    ])
  }

  private static func phase(_ phase: BreakerReport.Phase) -> String {
    switch phase {
    case .closed: "closed"
    case .open: "open"
    case .halfOpen: "half_open"
    case .forcedOpen: "forced_open"
    case .forcedClosed: "forced_closed"
    }
  }

  private static func totals(_ totals: Totals) -> AdminValue {
    .object([
      ("received", .number(totals.received)), ("delivered", .number(totals.delivered)),
      ("dead_lettered", .number(totals.deadLettered)), ("expired", .number(totals.expired)),
      ("dropped", .number(totals.dropped)), ("rejected", .number(totals.rejected)),
      ("duplicate", .number(totals.duplicate)), ("dispatched", .number(totals.dispatched)),
      ("retried", .number(totals.retried)), ("reclaims", .number(totals.reclaims)),
      ("windows_shut", .number(totals.windowsShut)),
    ])
  }

  private static func memory(_ report: MemoryReport) -> AdminValue {
    .object([
      ("rss_anonymous_bytes", .number(UInt64(ResidentMemory.anonymous()))),
      ("nursery_bytes", .number(UInt64(report.nurseryBytes))),
      ("nursery_live_bytes", .number(UInt64(report.nurseryLiveBytes))),
      ("heap_bytes", .number(UInt64(report.heapBytes))),
      ("recycled_bytes", .number(UInt64(report.recycledBytes))),
      ("runs", .number(UInt64(report.runs))),
      ("tenured_runs", .number(report.tenuredRuns)),
      ("tenured_bytes", .number(report.tenuredBytes)),
    ])
  }

  /// Only reasons that occurred.
  private static func closures(_ daemon: Daemon) -> AdminValue {
    var fields: [(String, AdminValue)] = [("by_client", .number(daemon.core.closures(0)))]
    for code in ErrorCode.allCases where daemon.core.closures(Int(code.rawValue)) > 0 {
      fields.append(("\(code)", .number(daemon.core.closures(Int(code.rawValue)))))
    }
    return .object(fields)
  }
}
