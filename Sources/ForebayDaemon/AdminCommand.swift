import ForebayConfig
import ForebayCore
import ForebayWire

/// One command of the admin socket: a row of `AdminCommand.table`. Who may use it stands in its row,
/// and so does all that `help`, OPERATIONS.md and `forebayctl` say of it.
struct AdminCommand: Sendable {
  typealias Handler = @Sendable (Daemon, inout AdminRequest) throws(AdminError) -> AdminReply

  let words: [String]
  /// What comes behind the words, as usage lines write it; empty if nothing does.
  let arguments: String
  let level: AdminLevel
  let summary: String
  /// The columns that a table of the answer's rows should have, the most telling first: a field's path,
  /// or `title=path`. A narrow terminal shows the first ones. Empty: all fields.
  let columns: [String]
  let run: Handler

  init(
    _ words: String, _ arguments: String = "", level: AdminLevel, _ summary: String,
    columns: [String] = [], _ run: @escaping Handler
  ) {
    self.words = words.split(separator: " ").map(String.init)
    self.arguments = arguments
    self.level = level
    self.summary = summary
    self.columns = columns
    self.run = run
  }

  var name: String { words.joined(separator: " ") }
  var usage: String { arguments.isEmpty ? name : "\(name) \(arguments)" }

  /// Changes are logged with who made them, and counted.
  var isChange: Bool { level > .view && words[0] != "show" && words[0] != "validate" }

  /// All commands, in the order in which `help` lists them.
  static let table: [AdminCommand] =
    general + showing + steering + clientCommands + configuration + lifecycle

  /// The command that a line's words name: the row whose words are the longest beginning of them.
  static func find(_ words: [String]) -> AdminCommand? {
    table.filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }
  }
}

/// What a session may do: look; steer what can be undone, and see bytes of malformed frames; everything.
/// A session can lower its own level and never raise it.
typealias AdminLevel = AdminAccess.Level

/// Why a command failed: `-ERR CODE text`. `forebayctl` makes an exit status of the code.
struct AdminError: Error, Equatable {
  enum Code: String, CaseIterable {
    case unknownCommand = "UNKNOWN_COMMAND"
    /// The words don't fit the command's usage.
    case usage = "USAGE"
    case lineTooLong = "LINE_TOO_LONG"
    /// An argument that can't be.
    case badValue = "BAD_VALUE"
    /// No such route, client or class.
    case notFound = "NOT_FOUND"
    case permission = "PERMISSION"
    case notReady = "NOT_READY"
    case timeout = "TIMEOUT"
    /// The opposite was commanded meanwhile.
    case cancelled = "CANCELLED"
    /// Not now: the daemon is ending, or too much is under way.
    case unavailable = "UNAVAILABLE"
    /// The configuration can't be used.
    case configuration = "CONFIG"
  }

  let code: Code
  let text: String

  /// The whole reply.
  var line: String { "-ERR \(code.rawValue) \(AdminValue.escaped(text))\n\n" }

  init(_ code: Code, _ text: String) {
    self.code = code
    self.text = text
  }
}

/// What a command answers.
enum AdminReply {
  /// `+OK text`, and a body if there is a value.
  case ok(String, AdminValue? = nil)
  /// `+OK text`, and a list that comes piece by piece.
  case listing(String, any AdminListing)
  /// The reply comes when something has happened, or didn't in time.
  case wait(AdminWait)
  /// The reply comes when a long work, done piece by piece, is over.
  case chore(any AdminChore)
  case session(AdminSession.Change)
}

/// A list of any length, a piece each loop turn, so that a long one holds nobody up.
protocol AdminListing: AnyObject {
  /// The next elements, possibly none for now; nil when there are no more.
  func more(_ daemon: Daemon) -> [AdminValue]?
}

/// Work of any length, a piece each loop turn.
protocol AdminChore: AnyObject {
  /// What is answered when all is done; nil: call again.
  func more(_ daemon: Daemon) -> AdminReply?
}

/// Something that is waited for. It is looked at when a loop turn ends.
struct AdminWait {
  enum Outcome {
    case pending
    case met(String)
    case failed(AdminError)
  }

  let timeout: TimeSpan
  /// What to say when the time is up.
  let late: (Daemon) -> String
  let outcome: (Daemon) -> Outcome
}
