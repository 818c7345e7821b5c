import ForebayConfig
import ForebayUV
import ForebayWire

extension AdminCommand {
  /// What every caller needs first.
  static let general: [AdminCommand] = [
    AdminCommand(
      "help", "[command]", level: .view, "list the commands, or explain one",
      columns: ["command", "arguments", "level", "summary"]
    ) {
      _, request throws(AdminError) in try help(&request)
    },
    AdminCommand("ping", level: .view, "answer, if the loop turns") {
      _, request throws(AdminError) in
      try request.end()
      return .ok("pong")
    },
    AdminCommand("ready", level: .view, "whether clients are served") {
      daemon, request throws(AdminError) in
      try request.end()
      if let reason = daemon.notReadyReason { throw AdminError(.notReady, reason) }
      return .ok("ready")
    },
    AdminCommand("version", level: .view, "what runs") { _, request throws(AdminError) in
      try request.end()
      return .ok(
        "version",
        .object([
          "version": .text(Release.version), "protocol": .number(UInt64(WireLimits.version)),
          "libuv": .text(Loop.libraryVersion), "schema_version": .number(schemaVersion),
        ]))
    },
    AdminCommand(
      "level", "[view|operate]", level: .view, "tell this session's level, or lower it"
    ) { _, request throws(AdminError) in try level(&request) },
    AdminCommand("prompt", level: .view, "write '> ' after each reply, or stop doing so") {
      _, request throws(AdminError) in
      try request.end()
      return .session(.prompt)
    },
    AdminCommand("quit", level: .view, "end this session") { _, request throws(AdminError) in
      try request.end()
      return .session(.quit)
    },
  ]

  /// Counts up when a name in JSON changes its meaning or goes; new names don't count.
  static let schemaVersion: UInt64 = 1

  private static func help(_ request: inout AdminRequest) throws(AdminError) -> AdminReply {
    var words: [String] = []
    while let word = request.next() { words.append(word) }
    var chosen = table.filter { $0.words.starts(with: words) }
    // A whole command line is explained by its row.
    if let row = find(words) { chosen = [row] }
    guard !chosen.isEmpty else {
      throw AdminError(.notFound, "no command begins with '\(words.joined(separator: " "))'")
    }
    if request.wantsJSON { return .listing("help", FixedListing(chosen.map(describe))) }
    if chosen.count == 1 { return .ok("help", describe(chosen[0])) }
    return .ok(
      "help", .object(chosen.map { AdminValue.Field($0.usage, .text($0.summary)) }))
  }

  private static func describe(_ command: AdminCommand) -> AdminValue {
    .object([
      "command": .text(command.name), "arguments": .text(command.arguments),
      "level": .text("\(command.level)"), "summary": .text(command.summary),
      "columns": .list(command.columns.map(AdminValue.text)),
    ])
  }

  private static func level(_ request: inout AdminRequest) throws(AdminError) -> AdminReply {
    guard let word = request.next() else { return .session(.level(request.level)) }
    try request.end()
    let levels: [String: AdminLevel] = ["view": .view, "operate": .operate, "admin": .admin]
    guard let wanted = levels[word] else {
      throw AdminError(.badValue, "a level is view, operate or admin, not '\(word)'")
    }
    guard wanted <= request.level else {
      throw AdminError(.permission, "a session can't raise its level from \(request.level)")
    }
    return .session(.level(wanted))
  }
}

/// A list that is already there.
final class FixedListing: AdminListing {
  private var elements: [AdminValue]?
  init(_ elements: [AdminValue]) { self.elements = elements }

  func more(_ daemon: Daemon) -> [AdminValue]? {
    defer { elements = nil }
    return elements
  }
}
