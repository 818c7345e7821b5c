import ForebayConfig
import ForebayCore

extension AdminCommand {
  /// Clients, and what is set until the next start.
  static let clientCommands: [AdminCommand] = [
    AdminCommand(
      "kill client", "<id>|uid=N|class=C|idle>TIME … [dry-run]", level: .operate,
      "end connections that fit all that is said; their sessions stay"
    ) { daemon, request throws(AdminError) in try kill(daemon, &request) },
    AdminCommand(
      "set credit", "<client|class> <messages|default>", level: .operate,
      "the most that one client may have unsettled, until the next start"
    ) { daemon, request throws(AdminError) in try setCredit(daemon, &request) },
    AdminCommand(
      "set log", "debug|info|notice|warning|error", level: .operate,
      "what is logged, until the next start"
    ) { daemon, request throws(AdminError) in
      let word = try request.required()
      try request.end()
      guard let level = DaemonSettings.LogLevel(rawValue: word) else { throw request.wrongUsage }
      let before = daemon.log.level
      daemon.log.level = level
      return .ok(before == level ? "already \(level.rawValue)" : "log level \(level.rawValue)")
    },
    AdminCommand(
      "set maxclients", "<number>", level: .operate,
      "connections in all, until the next start; those above stay"
    ) { daemon, request throws(AdminError) in
      let count = try request.count("maxclients")
      try request.end()
      let most = UInt64(daemon.connectionsPossible)
      guard count >= 1, count <= most else {
        throw AdminError(
          .badValue, "1 to \(most), which is what descriptors allow, not \(count)")
      }
      let isSame = daemon.core.connectionsAllowed == Int(count)
      daemon.core.connectionsMaxCommanded(Int(count))
      return .ok(isSame ? "already \(count)" : "at most \(count) clients")
    },
  ]

  // MARK: kill

  private static func kill(
    _ daemon: Daemon, _ request: inout AdminRequest
  ) throws(AdminError) -> AdminReply {
    var filter = KillFilter()
    var id: ClientID?
    repeat {
      let word = try request.required()
      if let one = ClientID(word) {
        id = one
      } else {
        try filter.add(word, daemon)
      }
    } while !request.isEmpty && !request.isAt("dry-run")
    let isDry = request.take("dry-run")
    try request.end()
    guard let id else { return .chore(KillChore(filter, isDry: isDry)) }
    guard filter.isEmpty else { throw request.wrongUsage }
    return try kill(id, isDry: isDry, daemon)
  }

  private static func kill(
    _ id: ClientID, isDry: Bool, _ daemon: Daemon
  ) throws(AdminError) -> AdminReply {
    guard daemon.core.clientReport(id, now: daemon.now) != nil else {
      throw AdminError(.notFound, "no client \(id) is connected")
    }
    if !isDry { _ = daemon.core.killCommanded(id) }
    return KillChore.reply(1, isDry: isDry)
  }

  // MARK: set credit

  private static func setCredit(
    _ daemon: Daemon, _ request: inout AdminRequest
  ) throws(AdminError) -> AdminReply {
    let target = try request.required()
    let value = try request.required()
    try request.end()
    var messages: UInt64?
    if value != "default" {
      let most =
        (0..<daemon.core.routeCount).map {
          daemon.core.routeReport($0, now: daemon.now).capacity.messages
        }.max() ?? 0
      guard let number = UInt64(value), number >= 1, number <= most else {
        throw AdminError(
          .badValue, "1 to \(most), what the largest route holds, or default; not '\(value)'")
      }
      messages = number
    }
    let text = messages.map { "at most \($0) messages unsettled" } ?? "as configured"
    if let id = ClientID(target) {
      guard daemon.core.creditCommanded(messages, client: id, now: daemon.now) else {
        throw AdminError(.notFound, "no client \(target) is connected")
      }
    } else {
      let index = try AdminRequest.classIndex(target, daemon)
      daemon.core.creditCommanded(messages, classIndex: index, now: daemon.now)
    }
    return .ok("\(target): \(text)")
  }
}

/// Which connections `kill client` means: all that fit everything that is said.
struct KillFilter {
  private var user: UInt32?
  private var classIndex: Int?
  private var idleLongerThan: TimeSpan?

  var isEmpty: Bool { user == nil && classIndex == nil && idleLongerThan == nil }

  mutating func add(_ word: String, _ daemon: Daemon) throws(AdminError) {
    if word.hasPrefix("uid="), let number = UInt32(word.dropFirst(4)) {
      user = number
    } else if word.hasPrefix("class=") {
      classIndex = try AdminRequest.classIndex(String(word.dropFirst(6)), daemon)
    } else if word.hasPrefix("idle>") {
      idleLongerThan = try AdminRequest.time(String(word.dropFirst(5)))
    } else {
      throw AdminError(
        .badValue, "'\(word)' is neither a client's id, uid=N, class=C nor idle>60s")
    }
  }

  func fits(_ report: ClientReport) -> Bool {
    (user.map { $0 == report.user } ?? true)
      && (classIndex.map { $0 == report.classIndex } ?? true)
      && (idleLongerThan.map { report.idle > $0 } ?? true)
  }
}

/// Ends many connections, some in each turn.
final class KillChore: AdminChore {
  private static let slotsPerTurn = 512
  private static let killsPerTurn = 64

  private let filter: KillFilter
  private let isDry: Bool
  private var next = 0
  private var count = 0

  init(_ filter: KillFilter, isDry: Bool) {
    self.filter = filter
    self.isDry = isDry
  }

  func more(_ daemon: Daemon) -> AdminReply? {
    let now = daemon.now
    var slotsLeft = Self.slotsPerTurn
    var killsLeft = Self.killsPerTurn
    while next < daemon.core.clientSlots, slotsLeft > 0, killsLeft > 0 {
      slotsLeft -= 1
      next += 1
      guard let report = daemon.core.clientReport(slot: next - 1, now: now), filter.fits(report)
      else { continue }
      killsLeft -= 1
      if isDry || daemon.core.killCommanded(report.id) { count += 1 }
    }
    daemon.event()
    return next >= daemon.core.clientSlots ? Self.reply(count, isDry: isDry) : nil
  }

  static func reply(_ count: Int, isDry: Bool) -> AdminReply {
    .ok(
      isDry ? "\(count) would be killed" : "\(count) killed",
      .object(["killed": .count(isDry ? 0 : count), "matching": .count(count)]))
  }
}
