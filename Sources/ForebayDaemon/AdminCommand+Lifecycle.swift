import ForebayConfig
import ForebayCore

extension AdminCommand {
  /// In and out of service, and waiting for it.
  static let lifecycle: [AdminCommand] = [
    AdminCommand(
      "drain", "[timeout]", level: .operate,
      "tell clients to go, forward what is held, wait until nothing is; the daemon stays"
    ) { daemon, request throws(AdminError) in try drain(daemon, &request) },
    AdminCommand("undrain", level: .operate, "serve again after a drain") {
      daemon, request throws(AdminError) in
      try request.end()
      try refuseAtTheEnd(daemon)
      switch daemon.core.restoreCommanded(now: daemon.now) {
      case .changed: return .ok("running")
      case .unchanged: return .ok("already running")
      }
    },
    AdminCommand("shutdown", "[now]", level: .admin, "drain and end; twice, or with now: at once") {
      daemon, request throws(AdminError) in
      let isAtOnce = request.take("now")
      try request.end()
      let wasEnding = daemon.isEnding
      daemon.terminate()
      if isAtOnce, !wasEnding { daemon.terminate() }
      return .ok(isAtOnce || wasEnding ? "ending at once" : "draining")
    },
    AdminCommand(
      "wait", "ready|drained|resumed|held<N|clients<N|breaker:ROUTE=STATE [timeout]",
      level: .view, "wait until something is so"
    ) { daemon, request throws(AdminError) in
      let condition = try AdminCondition(request.required(), daemon)
      let timeout = try request.timeout()
      try request.end()
      return .wait(
        AdminWait(
          timeout: timeout, late: { condition.nowText($0) },
          outcome: { condition.isMet($0) ? .met(condition.text) : condition.standing($0) }))
    },
  ]

  private static func refuseAtTheEnd(_ daemon: Daemon) throws(AdminError) {
    if daemon.isEnding {
      throw AdminError(.unavailable, "the daemon is ending, and that can't be undone")
    }
  }

  private static func drain(
    _ daemon: Daemon, _ request: inout AdminRequest
  ) throws(AdminError) -> AdminReply {
    let timeout = try request.timeout()
    try request.end()
    try refuseAtTheEnd(daemon)
    let done: String
    switch daemon.core.withdrawCommanded(now: daemon.now) {
    case .changed: done = "drained"
    case .unchanged: done = "already drained"
    }
    return .wait(
      AdminWait(
        timeout: timeout,
        late: { "draining, and \($0.core.heldMessages) messages are still held" },
        outcome: { daemon in
          guard daemon.core.lifecycle != .running else {
            return .failed(AdminError(.cancelled, "undrained by another command"))
          }
          return daemon.isEmpty ? .met(done) : .pending
        }))
  }
}

/// What `wait` waits for.
struct AdminCondition {
  private enum Kind {
    case ready
    case drained
    case resumed
    case heldBelow(UInt64)
    case clientsBelow(UInt64)
    case breaker(Int, String)
  }

  let text: String
  private let kind: Kind

  init(_ word: String, _ daemon: Daemon) throws(AdminError) {
    text = word
    switch word {
    case "ready": kind = .ready
    case "drained": kind = .drained
    case "resumed": kind = .resumed
    case _:
      if let number = Self.number(behind: "held<", word) {
        kind = .heldBelow(number)
      } else if let number = Self.number(behind: "clients<", word) {
        kind = .clientsBelow(number)
      } else if word.hasPrefix("breaker:") {
        kind = try Self.breaker(word.dropFirst("breaker:".count), daemon)
      } else {
        throw AdminError(
          .badValue,
          "'\(word)' is no condition; write ready, drained, resumed, held<10, clients<10 or "
            + "breaker:ROUTE=closed")
      }
    }
  }

  private static func number(behind prefix: String, _ word: String) -> UInt64? {
    word.hasPrefix(prefix) ? UInt64(word.dropFirst(prefix.count)) : nil
  }

  private static let breakerStates = [
    "closed", "open", "half_open", "forced_open", "forced_closed",
  ]

  private static func breaker(_ rest: Substring, _ daemon: Daemon) throws(AdminError) -> Kind {
    guard let equals = rest.lastIndex(of: "=") else {
      throw AdminError(.badValue, "write breaker:ROUTE=STATE")
    }
    let state = String(rest[rest.index(after: equals)...])
    guard breakerStates.contains(state) else {
      throw AdminError(.badValue, "a breaker is \(breakerStates.joined(separator: ", "))")
    }
    return .breaker(try AdminRequest.route(String(rest[..<equals]), daemon), state)
  }

  func isMet(_ daemon: Daemon) -> Bool {
    switch kind {
    case .ready: daemon.notReadyReason == nil
    case .drained: daemon.core.lifecycle != .running && daemon.isEmpty
    case .resumed: stopped(daemon).isEmpty
    case .heldBelow(let number): daemon.core.heldMessages < number
    case .clientsBelow(let number): daemon.core.clientCount < number
    case .breaker(let route, let state): breakerState(route, daemon) == state
    }
  }

  /// What can't be met any more is given up at once.
  func standing(_ daemon: Daemon) -> AdminWait.Outcome {
    switch kind {
    case .ready, .resumed:
      guard daemon.isEnding else { return .pending }
      return .failed(AdminError(.cancelled, "the daemon is ending"))
    case .drained:
      // Nobody has to have begun it when the wait begins; but what was begun can be undone.
      return .pending
    case .heldBelow, .clientsBelow, .breaker: return .pending
    }
  }

  /// How it stands, where it wasn't met in time.
  func nowText(_ daemon: Daemon) -> String {
    switch kind {
    case .ready: "not ready: \(daemon.notReadyReason ?? "")"
    case .drained: "\(daemon.lifecycleName), and \(daemon.core.heldMessages) messages are held"
    case .resumed: "still stopped: \(stopped(daemon).joined(separator: ", "))"
    case .heldBelow: "\(daemon.core.heldMessages) messages are held"
    case .clientsBelow: "\(daemon.core.clientCount) clients are connected"
    case .breaker(let route, _): "the breaker is \(breakerState(route, daemon))"
    }
  }

  private func stopped(_ daemon: Daemon) -> [String] {
    (0..<daemon.core.routeCount).map { daemon.core.routeReport($0, now: daemon.now) }
      .filter { $0.isPaused || $0.isOnHold }.map(\.name)
  }

  private func breakerState(_ route: Int, _ daemon: Daemon) -> String {
    AdminRoutes.name(of: daemon.core.routeReport(route, now: daemon.now).breaker.phase)
  }
}
