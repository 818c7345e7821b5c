import ForebayCore
import ForebayUV
import ForebayWire

/// The admin socket's commands: rows of one table. Who may use a command stands in its row.
struct AdminCommand: Sendable {
  enum Level: Int, Comparable, Sendable {
    case view, operate, admin
    static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  enum Reply {
    case ok(String, AdminValue?)
    case error(String, String)
  }

  let words: [String]
  let level: Level
  let summary: String
  let run: @Sendable (Daemon) -> Reply

  static let table: [AdminCommand] = [
    AdminCommand(words: ["help"], level: .view, summary: "list the commands") { _ in
      .ok("help", .object(table.map { ($0.words.joined(separator: " "), .text($0.summary)) }))
    },
    AdminCommand(words: ["ping"], level: .view, summary: "answer, if the loop turns") { _ in
      .ok("pong", nil)
    },
    AdminCommand(words: ["ready"], level: .view, summary: "whether clients are served") { daemon in
      switch daemon.core.lifecycle {
      case .running: .ok("ready", nil)
      case .draining, .drained: .error("NOT_READY", "draining")
      }
    },
    AdminCommand(words: ["version"], level: .view, summary: "what runs") { _ in
      .ok("version", .object([("version", .text(Release.version)), ("protocol", .number(1))]))
    },
    AdminCommand(
      words: ["show", "state"], level: .view, summary: "routes, buffers, memory, totals"
    ) {
      .ok("state", AdminState.describe($0))
    },
    AdminCommand(words: ["show", "clients"], level: .view, summary: "each connection's window") {
      .ok("clients", AdminState.clients($0))
    },
    AdminCommand(words: ["shutdown"], level: .admin, summary: "drain and end; twice: at once") {
      $0.terminate()
      return .ok("draining", nil)
    },
  ]

  /// The command that a line names, and whether it asks for JSON (its last word).
  static func find(_ line: String) -> (command: AdminCommand, wantsJSON: Bool)? {
    var words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
    let wantsJSON = words.last == "json"
    if wantsJSON { words.removeLast() }
    return table.first { $0.words == words }.map { ($0, wantsJSON) }
  }
}
