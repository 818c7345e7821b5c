import ArgumentParser
import Glibc

/// Everything that isn't a command of this program goes to the daemon as it is, so that commands
/// need no second list here.
struct AdminCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "admin",
    abstract: "Ask the daemon: ping, ready, version, show state, help (lists them).",
    discussion: """
      The word admin may be left out: `forebayctl ping`. The exit status follows the reply: 0 it \
      went well; 1 a check failed; 64 unknown command; 69 the daemon can't be reached; 75 no answer \
      within --timeout; 77 not permitted.
      """)

  @Option(
    name: [.customShort("s"), .long],
    help: "Default: $FOREBAY_ADMIN_SOCKET or /run/forebay-admin/admin.sock.")
  var socket = AdminClient.defaultSocketPath

  @Option(help: "How long to wait for the answer.")
  var timeout = TimeOption(duration: .seconds(5))

  @Option(name: .shortAndLong, help: "text or json.")
  var output = OutputForm.text

  @Argument(parsing: .allUnrecognized, help: "The command's words.")
  var words: [String]

  func validate() throws {
    guard !words.isEmpty else { throw ValidationError("which command? Try `forebayctl help`") }
    // The daemon reads a line of commands; this program reads one reply.
    let line = words.joined(separator: " ")
    guard !line.contains(where: { $0 == ";" || $0.isNewline }) else {
      throw ValidationError("one command at a time")
    }
  }

  func run() throws {
    let line = words.joined(separator: " ") + (output == .json ? " json" : "")
    let client = AdminClient(
      path: socket, deadline: ContinuousClock.now + timeout.duration)
    throw ExitCode(client.ask(line).rawValue)
  }
}
