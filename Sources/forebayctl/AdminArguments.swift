import Glibc

/// What `forebayctl admin …` was told. Read by hand: a probe asks `ping` every second on every host,
/// and an argument parser of everything takes longer to start than the daemon to answer.
struct AdminArguments: Equatable {
  enum Form: String, CaseIterable {
    /// A table on a terminal, else text.
    case auto
    case table, wide, text, json
  }

  var socket = AdminArguments.defaultSocketPath
  var form = Form.auto
  /// For everything; nil: 5 s for a sign of life, and then as long as the command may take.
  var timeout: Duration?
  var watch: Duration?
  var hasHeader = true
  var wantsHelp = false
  var words: [String] = []

  struct Problem: Error, Equatable {
    let text: String
  }

  static let help = """
    OPTIONS:
      -s, --socket PATH     Default: $FOREBAY_ADMIN_SOCKET or /run/forebay-admin/admin.sock.
      -o, --output FORM     table, wide (all columns), text (key: value) or json. Default: a table on
                            a terminal, else text.
      --timeout TIME        For everything. Default: 5s for a sign of life; then a command that waits
                            has the time that it was given, or 30s, and 5s more.
      --watch[=TIME]        Ask again and again, every 1s if nothing else is said.
      --no-header           Tables without their first line.
      --                    What follows are the command's words, whatever they look like.

    The exit status follows the reply: 0 it went well; 1 a check failed; 64 unknown command or wrong \
    usage; 65 a value that can't be; 69 the daemon can't be reached; 75 no answer in time, or \
    cancelled; 77 not permitted; 78 the configuration can't be used.
    """

  static var defaultSocketPath: String {
    guard let value = getenv("FOREBAY_ADMIN_SOCKET"), value.pointee != 0 else {
      return "/run/forebay-admin/admin.sock"
    }
    return String(cString: value)
  }

  init(_ arguments: some Collection<String>) throws(Problem) {
    var rest = Array(arguments)[...]
    while let word = rest.popFirst() {
      if word == "--" {
        words += rest
        break
      }
      let (name, attached) = Self.split(word)
      func value() throws(Problem) -> String {
        guard let value = attached ?? rest.popFirst() else {
          throw Problem(text: "\(name) needs a value")
        }
        return value
      }
      switch name {
      case "-s", "--socket": socket = try value()
      case "-o", "--output": form = try Self.form(try value())
      case "--timeout": timeout = try Self.time(try value(), name)
      case "--watch":
        watch =
          try attached.map { text throws(Problem) in try Self.time(text, name) } ?? .seconds(1)
      case "--no-header": hasHeader = false
      case "-h", "--help": wantsHelp = true
      // Not ours: `sort -held.messages`.
      case _: words.append(word)
      }
    }
    try check()
  }

  /// `--name=value` in its parts; other words stay whole.
  private static func split(_ word: String) -> (name: String, value: String?) {
    guard word.hasPrefix("--"), let equals = word.firstIndex(of: "=") else { return (word, nil) }
    return (String(word[..<equals]), String(word[word.index(after: equals)...]))
  }

  private static func form(_ text: String) throws(Problem) -> Form {
    guard let form = Form(rawValue: text) else {
      throw Problem(text: "-o is table, wide, text or json, not '\(text)'")
    }
    return form
  }

  private static func time(_ text: String, _ name: String) throws(Problem) -> Duration {
    guard let time = TimeText.parse(text), time >= .milliseconds(1), time <= .seconds(86_400) else {
      throw Problem(
        text: "\(name): '\(text)' is no time from 1ms to 24h; write such as 500ms or 5s")
    }
    return time
  }

  private func check() throws(Problem) {
    if wantsHelp { return }
    if words.isEmpty { throw Problem(text: "which command? Try `forebayctl help`") }
    // The daemon reads a line of commands; this program reads one reply.
    if words.contains(where: { $0.contains(where: \.isNewline) }) {
      throw Problem(text: "a command is one line")
    }
    if words.contains(where: \.isEmpty) { throw Problem(text: "a word is empty") }
  }

  /// The command as the admin socket reads it: what would separate is escaped.
  var line: String {
    words.map { word in
      var escaped = ""
      for character in word.unicodeScalars {
        if character == " " || character == ";" || character == "\\" || character == "\t" {
          escaped += "\\"
        }
        escaped.unicodeScalars.append(character)
      }
      return escaped
    }.joined(separator: " ")
  }

  /// How long a command may take that has shown a sign of life: what it was given itself, and some.
  var patience: Duration {
    let own = words.last.flatMap { TimeText.parse($0) ?? TimeText.parse($0 + "s") } ?? .seconds(30)
    return max(own, .seconds(30)) + Self.lifeSign
  }
  static let lifeSign = Duration.seconds(5)
}
