import ForebayConfig
import ForebayCore

extension AdminCommand {
  /// Routes and their breakers.
  static let steering: [AdminCommand] = [
    AdminCommand(
      "pause", "<route|all> [timeout]", level: .operate,
      "shut windows, forward what is held, wait until nothing is"
    ) { daemon, request throws(AdminError) in try pause(daemon, &request) },
    AdminCommand(
      "hold", "<route|all>", level: .operate, "stop forwarding at once; the buffer fills"
    ) { daemon, request throws(AdminError) in
      let routes = try request.routes(daemon)
      try request.end()
      let now = daemon.now
      let changed = routes.filter {
        daemon.core.holdCommanded(route: $0, now: now) == .changed
      }
      return .ok(changed.isEmpty ? "already held" : "held")
    },
    AdminCommand("resume", "<route|all>", level: .operate, "undo pause and hold") {
      daemon, request throws(AdminError) in
      let routes = try request.routes(daemon)
      try request.end()
      let now = daemon.now
      let changed = routes.filter {
        daemon.core.resumeCommanded(route: $0, now: now) == .changed
      }
      return .ok(changed.isEmpty ? "already running" : "resumed")
    },
    AdminCommand(
      "breaker", "<route|all> open|close|auto|probe", level: .operate,
      "force a breaker, let it decide again, or end its wait"
    ) { daemon, request throws(AdminError) in try breaker(daemon, &request) },
  ]

  private static func pause(
    _ daemon: Daemon, _ request: inout AdminRequest
  ) throws(AdminError) -> AdminReply {
    let routes = try request.routes(daemon)
    let timeout = try request.timeout()
    try request.end()
    let now = daemon.now
    let changed = routes.filter { daemon.core.pauseCommanded(route: $0, now: now) == .changed }
    let done = changed.isEmpty ? "already paused" : "paused"
    return .wait(
      AdminWait(
        timeout: timeout,
        late: { "paused, and \(held(routes, $0)) messages are still held" },
        outcome: { daemon in
          let reports = routes.map { daemon.core.routeReport($0, now: daemon.now) }
          guard reports.allSatisfy(\.isPaused) else {
            return .failed(AdminError(.cancelled, "resumed by another command"))
          }
          if routes.allSatisfy({ daemon.core.isEmpty(route: $0) }) { return .met(done) }
          guard !reports.contains(where: { $0.isOnHold && $0.held.messages > 0 }) else {
            return .failed(
              AdminError(.cancelled, "paused, but forwarding is on hold, so what is held stays"))
          }
          return .pending
        }))
  }

  static func held(_ routes: [Int], _ daemon: Daemon) -> UInt64 {
    routes.reduce(0) { $0 + daemon.core.routeReport($1, now: daemon.now).held.messages }
  }

  private static func breaker(
    _ daemon: Daemon, _ request: inout AdminRequest
  ) throws(AdminError) -> AdminReply {
    let routes = try request.routes(daemon)
    let words: [String: Breaker.OperatorCommand] = [
      "open": .forceOpen, "close": .forceClosed, "auto": .automatic, "probe": .probeNow,
    ]
    guard let command = words[try request.required()] else { throw request.wrongUsage }
    try request.end()
    let now = daemon.now
    var didChange = false
    for route in routes {
      let before = daemon.core.routeReport(route, now: now).breaker.phase
      let result = daemon.core.breakerCommanded(command, route: route, now: now)
      let after = daemon.core.routeReport(route, now: now).breaker.phase
      didChange = didChange || result != .none || before != after
    }
    let states = routes.map {
      AdminRoutes.name(of: daemon.core.routeReport($0, now: now).breaker.phase)
    }
    let shown = Set(states).count == 1 ? states[0] : "mixed"
    return .ok(didChange ? shown : "already \(shown)")
  }
}
