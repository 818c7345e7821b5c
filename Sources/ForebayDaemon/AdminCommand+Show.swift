import ForebayConfig
import ForebayCore
import ForebayUV
import ForebayWire
import Glibc

extension AdminCommand {
  /// Everything that only looks.
  static let showing: [AdminCommand] = [
    AdminCommand(
      "show info", level: .view, "the process: version, sockets, limits, what operators did"
    ) { daemon, request throws(AdminError) in
      try request.end()
      return .ok("info", info(daemon))
    },
    AdminCommand("show state", level: .view, "routes, buffers, memory, totals") {
      daemon, request throws(AdminError) in
      try request.end()
      return .ok("state", AdminState.describe(daemon))
    },
    AdminCommand(
      "show clients", "[where FIELD=VALUE …] [sort [-]FIELD] [limit N]", level: .view,
      "each connection's window",
      columns: [
        "id", "name", "uid", "route", "held=held.messages", "open=open.messages", "window",
        "reason",
        "shut=shut_seconds", "blocked=blocked_seconds", "zero=zero_windows", "idle=idle_ms", "pid",
        "class", "age=age_seconds", "received=received.messages", "held bytes=held.bytes",
        "open bytes=open.bytes",
      ]
    ) { daemon, request throws(AdminError) in
      let query = try AdminQuery(&request, sample: daemon.sampleClient)
      return .listing("clients", ClientListing(query))
    },
    AdminCommand("show client", "<id>", level: .view, "one connection") {
      daemon, request throws(AdminError) in
      let id = try request.client()
      try request.end()
      guard let report = daemon.core.clientReport(id, now: daemon.now) else {
        throw AdminError(.notFound, "no client \(id) is connected")
      }
      return .ok("client", AdminClients.describe(report, daemon))
    },
    AdminCommand(
      "show routes", level: .view, "each route: upstream, state, counts",
      columns: [
        "route=name", "state", "breaker", "held", "in flight=in_flight", "clients",
        "waiting=principals_waiting", "delivered", "retried", "rejected", "upstream", "received",
      ]
    ) {
      daemon, request throws(AdminError) in
      try request.end()
      return AdminRoutes.each(daemon) { AdminRoutes.route(daemon, $0, $1) }
    },
    AdminCommand(
      "show breakers", level: .view, "each route's breaker",
      columns: [
        "route", "state", "since=since_seconds", "reason", "next=next_probe_seconds",
        "wait=wait_seconds", "successes", "failures=consecutive_failures", "openings", "level",
        "quota=quota_probes", "floor=floor_probes", "stale=stale_results",
      ]
    ) {
      daemon, request throws(AdminError) in
      try request.end()
      return AdminRoutes.each(daemon) { AdminRoutes.breaker(daemon, $1) }
    },
    AdminCommand(
      "show buffer", level: .view, "how full each route is, and how old its oldest message",
      columns: [
        "route", "held=held.messages", "bytes=held.bytes", "peak=held_peak.messages",
        "granted=granted.messages", "free=free.messages", "of=capacity.messages",
        "of bytes=capacity.bytes", "oldest=oldest_seconds", "pressed", "queued=queued_messages",
        "in flight=in_flight_messages",
      ]
    ) { daemon, request throws(AdminError) in
      try request.end()
      return .listing("buffer", BufferListing(daemon))
    },
    AdminCommand(
      "show links", level: .view, "connections to peers",
      columns: [
        "route", "state", "peer", "blocked=blocked_seconds", "retry=retry_seconds",
        "failed=failed_connects", "sent=sent.messages", "limit=limit.messages",
      ]
    ) {
      daemon, request throws(AdminError) in
      try request.end()
      let now = daemon.now
      let links = (0..<daemon.core.routeCount).compactMap { index in
        daemon.core.linkReport(index, now: now).map { AdminRoutes.link(daemon, index, $0) }
      }
      return .listing("links", FixedListing(links))
    },
    AdminCommand(
      "show credits", level: .view, "what each user has of each route",
      columns: [
        "route", "uid", "class", "clients", "held=held.messages", "open=open.messages",
        "held bytes=held.bytes", "open bytes=open.bytes", "demanding", "waiting", "sessions",
      ]
    ) {
      _, request throws(AdminError) in
      try request.end()
      return .listing("credits", CreditListing())
    },
    AdminCommand(
      "show classes", level: .view, "each class: shares, and what it has",
      columns: [
        "class=name", "clients", "held=held.messages", "open=open.messages", "weight",
        "share=pool_share", "rate", "set credit=window_maximum_set",
      ]
    ) {
      daemon, request throws(AdminError) in
      try request.end()
      let classes = (0..<daemon.core.classCount).map { daemon.core.classReport($0) }
      return .listing("classes", FixedListing(classes.map(AdminRoutes.oneClass)))
    },
    AdminCommand(
      "show errors", level: .view,
      "the last \(ErrorHistory.entriesMax) connections that were ended; their bytes from operate on",
      columns: ["time", "client", "uid", "reason", "offset", "bytes"]
    ) { daemon, request throws(AdminError) in
      try request.end()
      let withBytes = request.level >= .operate
      return .listing(
        "errors",
        FixedListing(daemon.errorHistory.newestFirst.map { $0.describe(withBytes: withBytes) }))
    },
  ]

  private static func info(_ daemon: Daemon) -> AdminValue {
    let counts = daemon.admin?.counts ?? AdminCounts()
    return .object([
      "version": .text(Release.version), "pid": .count(Int(getpid())),
      "uid": .count(Int(getuid())), "libuv": .text(Loop.libraryVersion),
      "uptime_seconds": .seconds(daemon.now.since(daemon.startedAt)),
      "lifecycle": .text(daemon.lifecycleName),
      "sockets": .list(daemon.settings.sockets.map { .text($0.path) }),
      "admin_socket": .text(daemon.settings.admin.path),
      "clients": .count(daemon.core.clientCount),
      "clients_maximum": .count(daemon.core.connectionsAllowed),
      "sessions": .count(daemon.core.sessionCount), "log_level": .text(daemon.log.level.rawValue),
      "longest_callback_seconds": .seconds(daemon.longestCallback),
      "memory": AdminState.memory(daemon.core.memoryReport),
      "admin": .object([
        "sessions": .count(daemon.admin?.sessionCount ?? 0), "commands": .number(counts.commands),
        "changes": .number(counts.changes), "failures": .number(counts.failures),
        "refusals": .number(counts.refusals), "turned_away": .number(counts.turnedAway),
      ]),
      "errors": .number(daemon.errorHistory.total), "closed": AdminState.closures(daemon),
      "schema_version": .number(schemaVersion),
    ])
  }
}

extension Daemon {
  /// Any client's row, for the names of its fields; nil if there is no client.
  var sampleClient: AdminValue? {
    for slot in 0..<core.clientSlots {
      if let report = core.clientReport(slot: slot, now: now) {
        return AdminClients.describe(report, self)
      }
    }
    return nil
  }
}
