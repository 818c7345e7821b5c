import ArgumentParser
import ForebayClient

@main
struct Program: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forebayctl",
    abstract: "Sends messages through Forebay, asks its daemon, and reads its journal.",
    version: ClientOptions.shimVersion,
    subcommands: [SendCommand.self, AdminCommand.self, JournalCommand.self])

  static func main() {
    main(withAdminNamed(Array(CommandLine.arguments.dropFirst())))
  }

  /// Puts `admin` before what isn't a command of ours: `ping` means `admin ping`.
  static func withAdminNamed(_ arguments: [String]) -> [String] {
    let ours = configuration.subcommands.map { $0.configuration.commandName ?? "" }
    guard let first = arguments.first, !ours.contains(first) else { return arguments }
    switch first {
    case "-h", "--help", "--help-hidden", "--version": return arguments
    case "help" where arguments.count > 1 && ours.contains(arguments[1]): return arguments
    case _ where first.hasPrefix("--generate-completion-script"): return arguments
    default: return ["admin"] + arguments
    }
  }
}
