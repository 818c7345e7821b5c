import ForebayCore
import ForebayWire

/// `show state`: what an operator looks at first. Names stay; new ones are added behind.
enum AdminState {
  static func describe(_ daemon: Daemon) -> AdminValue {
    let now = daemon.now
    return .object([
      "lifecycle": .text(daemon.lifecycleName),
      "uptime_ms": .number(now.since(daemon.startedAt).millisecondsRoundedUp),
      "longest_callback_us": .number(daemon.longestCallback.nanoseconds / 1_000),
      "clients": .count(daemon.core.clientCount), "sessions": .count(daemon.core.sessionCount),
      "routes": .list(
        (0..<daemon.core.routeCount).map { route(daemon.core.routeReport($0, now: now), now) }),
      "memory": memory(daemon.core.memoryReport), "closed": closures(daemon),
      "ending": .flag(daemon.isEnding), "ready": .flag(daemon.notReadyReason == nil),
      "schema_version": .number(AdminCommand.schemaVersion),
    ])
  }

  private static func route(_ report: RouteReport, _ now: Instant) -> AdminValue {
    .object([
      "name": .text(report.name), "capacity": .cost(report.capacity), "held": .cost(report.held),
      "held_peak": .cost(report.heldPeak), "granted": .cost(report.open),
      "free": .cost(report.free), "queued_messages": .count(report.queuedMessages),
      "in_flight_messages": .count(report.inFlightMessages), "clients": .count(report.clients),
      "principals_waiting": .count(report.waiting), "breaker": breaker(report.breaker, now),
      "totals": totals(report.totals), "steering": .text(AdminRoutes.steering(report)),
    ])
  }

  static func breaker(_ report: BreakerReport, _ now: Instant) -> AdminValue {
    .object([
      "state": .text(AdminRoutes.name(of: report.phase)),
      "since_ms": .number(now.since(report.since).millisecondsRoundedUp),
      "consecutive_failures": .number(UInt64(report.consecutiveFailures)),
      "successes": .number(UInt64(report.successes)),
      "openings": .number(report.counters.openings),
      "quota_probes": .number(report.counters.quotaProbes),
      "floor_probes": .number(report.counters.floorProbes),
      "stale_results": .number(report.counters.staleResults),
    ])
  }

  static func totals(_ totals: Totals) -> AdminValue {
    .object([
      "received": .number(totals.received), "delivered": .number(totals.delivered),
      "dead_lettered": .number(totals.deadLettered), "expired": .number(totals.expired),
      "dropped": .number(totals.dropped), "rejected": .number(totals.rejected),
      "duplicate": .number(totals.duplicate), "dispatched": .number(totals.dispatched),
      "retried": .number(totals.retried), "reclaims": .number(totals.reclaims),
      "windows_shut": .number(totals.windowsShut),
    ])
  }

  static func memory(_ report: MemoryReport) -> AdminValue {
    .object([
      "rss_anonymous_bytes": .count(ResidentMemory.anonymous()),
      "nursery_bytes": .count(report.nurseryBytes),
      "nursery_live_bytes": .count(report.nurseryLiveBytes),
      "heap_bytes": .count(report.heapBytes), "recycled_bytes": .count(report.recycledBytes),
      "runs": .count(report.runs), "tenured_runs": .number(report.tenuredRuns),
      "tenured_bytes": .number(report.tenuredBytes),
    ])
  }

  /// Only reasons that occurred.
  static func closures(_ daemon: Daemon) -> AdminValue {
    var fields = [AdminValue.Field("by_client", .number(daemon.core.closures(0)))]
    for code in ErrorCode.allCases where daemon.core.closures(Int(code.rawValue)) > 0 {
      fields.append(
        AdminValue.Field(code.wireName, .number(daemon.core.closures(Int(code.rawValue)))))
    }
    return .object(fields)
  }
}
