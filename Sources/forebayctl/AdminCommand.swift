import ArgumentParser

/// For `--help` and for `forebayctl admin …`. Everything that isn't a command of this program goes to
/// the daemon as it is, so that commands need no second list here.
struct AdminCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "admin",
    abstract: "Ask the daemon, or steer it: ping, show state, drain; `help` lists its commands.",
    discussion: "The word admin may be left out: `forebayctl ping`.\n\n" + AdminArguments.help)

  @Argument(parsing: .captureForPassthrough, help: "The command's words.")
  var words: [String] = []

  func run() throws { throw ExitCode(AdminRun.perform(words).rawValue) }
}
