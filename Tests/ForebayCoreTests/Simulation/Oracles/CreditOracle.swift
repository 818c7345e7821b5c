import ForebayWire

@testable import ForebayCore

/// Who may be granted what, and who comes first. That credit adds up is the core's own invariant; here
/// it is compared from act to act.
final class CreditOracle: CoreWatch {
  /// It owns this.
  private unowned(unsafe) let harness: SidecarHarness
  private var before: [UInt32: Glance] = [:]
  private var lines: [[UInt32]] = []
  private var waiting: Set<UInt32> = []
  private var stopped: [Bool] = []
  /// Shut for want of space, holding or asking, and not in line, by principal.
  private var short: [UInt32: [UInt32]] = [:]

  /// What a connection had before the act.
  private struct Glance {
    let id: ClientID
    let limit: Cost
  }

  init(_ harness: SidecarHarness) { self.harness = harness }

  private func eachOpenClient(_ body: (UInt32) -> Void) {
    for client in 0..<UInt32(harness.core.clients.end)
    where harness.core.clients.contains(client) && harness.core.clients[client].isOpen {
      body(client)
    }
  }

  func willAct() {
    before.removeAll(keepingCapacity: true)
    eachOpenClient { client in
      before[client] = Glance(
        id: harness.core.clients[client].id, limit: harness.core.clients[client].window.limit)
    }
    stopped = (0..<UInt32(harness.core.routes.end)).map { isIntakeStopped($0) }
    lines = waitingLines()
    waiting = Set(lines.joined())
    short = shortClients()
  }

  private func shortClients() -> [UInt32: [UInt32]] {
    var short: [UInt32: [UInt32]] = [:]
    eachOpenClient { client in
      guard harness.core.clients[client].isDemanding, !harness.core.clients[client].isWaiting
      else { return }
      switch harness.core.clients[client].reason {
      case .bufferFull, .fairShare:
        short[harness.core.clients[client].principal, default: []].append(client)
      case .none, .breakerOpen, .rateLimited, .draining, .windowMaximum, .receiptsUnseen,
        .reclaiming, .paused, .deadLettersBlocked:
        break
      }
    }
    return short
  }

  private func isIntakeStopped(_ route: UInt32) -> Bool {
    harness.core.lifecycle != .running || harness.core.routes[route].isPaused
  }

  /// Each principal's waiters, in their order.
  private func waitingLines() -> [[UInt32]] {
    var lines: [[UInt32]] = []
    for route in 0..<UInt32(harness.core.routes.end) {
      var principal = harness.core.routes[route].firstWaiting
      while principal != none {
        var line: [UInt32] = []
        var client = harness.core.principals[principal].firstWaiter
        while client != none {
          line.append(client)
          client = harness.core.clients[client].nextWaiter
        }
        lines.append(line)
        principal = harness.core.principals[principal].nextWaiting
      }
    }
    return lines
  }

  func didAct() {
    var grants: [UInt32: Cost] = [:]
    eachOpenClient { client in
      let grant = granted(client)
      guard !grant.isZero else { return }
      grants[client] = grant
      checkOwn(client, grant)
    }
    guard !grants.isEmpty else { return }
    for line in lines { checkLine(line, grants) }
    checkShares(grants)
    for client in 0..<UInt32(harness.core.clients.end) {
      if let grant = grants[client] { checkEqualShare(client, grant, grants) }
    }
  }

  private func granted(_ client: UInt32) -> Cost {
    guard let known = before[client], known.id == harness.core.clients[client].id else {
      return harness.core.clients[client].window.limit
    }
    return harness.core.clients[client].window.limit.above(known.limit)
  }

  // MARK: Rules

  /// A client's own limits: its window, what it hasn't seen, and that intake isn't stopped.
  private func checkOwn(_ client: UInt32, _ grant: Cost) {
    let route = harness.core.clients[client].route
    if stopped[Int(route)], isIntakeStopped(route) {
      harness.problem("client \(client) was granted \(grant), though intake is stopped")
    }
    guard grant.messages > 0 else { return }
    let session = harness.core.clients[client].session
    // Whoever has waited in line is given the reserve.
    let reserve = waiting.contains(client) ? harness.core.routes[route].reserve.messages : 0
    let standing =
      harness.core.clients[client].window.open.messages
      + harness.core.sessions[session].held.messages
    let window = harness.core.windowMaximum(of: client)
    if standing > max(window, reserve) {
      harness.problem("client \(client) may have \(standing) out, its window is \(window)")
    }
    let unseen = harness.core.sessions[session].outcomes.messages + standing
    let unseenMax =
      1024 + max(harness.core.routes[route].windowMessagesMax, window) + reserve
    if unseen > unseenMax {
      harness.problem("client \(client) may have \(unseen) messages that it hasn't seen end")
    }
  }

  /// In a line nobody is overtaken who could have been served.
  private func checkLine(_ line: [UInt32], _ grants: [UInt32: Cost]) {
    var passed: UInt32?
    for client in line where harness.core.clients.contains(client) {
      if grants[client] != nil {
        if let passed { harness.problem("client \(client) was served before client \(passed)") }
      } else if harness.core.clients[client].isWaiting,
        harness.core.clients[client].window.reclaim == nil
      {
        passed = passed ?? client
      }
    }
  }

  /// open_p + held_p ≤ m_p·r + α·pool, when granting. What others were granted later in the same act was
  /// still free then.
  private func checkShares(_ grants: [UInt32: Cost]) {
    var byPrincipal: [UInt32: Cost] = [:]
    var byRoute: [UInt32: Cost] = [:]
    for client in 0..<UInt32(harness.core.clients.end) {
      guard let grant = grants[client] else { continue }
      let principal = harness.core.clients[client].principal
      byPrincipal[principal] = (byPrincipal[principal] ?? .zero) + grant
      let route = harness.core.clients[client].route
      byRoute[route] = (byRoute[route] ?? .zero) + grant
    }
    for principal in 0..<UInt32(harness.core.principals.end) {
      guard let own = byPrincipal[principal] else { continue }
      let route = harness.core.principals[principal].route
      let others = (byRoute[route] ?? .zero) - own
      let classIndex = harness.core.principals[principal].classIndex
      let share = harness.core.settings.classes[classIndex].poolShare
      let demanding = UInt64(max(1, min(16, harness.core.principals[principal].clients)))
      let most =
        harness.core.routes[route].reserve * demanding
        + (harness.core.routes[route].pool.free + others) * share
      let total = harness.core.principals[principal].open + harness.core.principals[principal].held
      if own.bytes > 0 && total.bytes > most.bytes
        || own.messages > 0 && total.messages > most.messages
      {
        harness.problem("principal \(principal) has \(total), its share is \(most)")
      }
    }
  }

  /// Beside clients of its principal that are short of space nobody is granted more than an equal share of
  /// what all of them have and what is free. Who is short without holding anything may have asked too long
  /// ago to count: what it has is added up all the same, so that the bound is never too low.
  private func checkEqualShare(_ client: UInt32, _ grant: Cost, _ grants: [UInt32: Cost]) {
    let others = (short[harness.core.clients[client].principal] ?? [])
      .filter {
        $0 != client && harness.core.clients.contains($0) && harness.core.clients[$0].isOpen
      }
    let holding = others.filter {
      harness.core.sessions[harness.core.clients[$0].session].held.messages > 0
    }
    guard !holding.isEmpty else { return }
    let route = harness.core.clients[client].route
    var all = harness.core.routes[route].pool.free + harness.core.standing(client)
    for other in others { all += harness.core.standing(other) }
    for other in 0..<UInt32(harness.core.clients.end)
    where other != client && !others.contains(other) && harness.core.clients.contains(other)
      && harness.core.clients[other].route == route
    {
      all += grants[other] ?? .zero
    }
    let share = (all / UInt64(holding.count + 1)).greater(harness.core.routes[route].reserve)
    let has = harness.core.standing(client)
    if grant.bytes > 0 && has.bytes > share.bytes
      || grant.messages > 0 && has.messages > share.messages
    {
      harness.problem(
        "client \(client) has \(has) beside others in want, an equal share is \(share)")
    }
  }
}
