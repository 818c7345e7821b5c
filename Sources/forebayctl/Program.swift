import ArgumentParser
import ForebayClient
import Glibc

@main
struct Program: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forebayctl",
    abstract: "Sends messages through Forebay, asks and steers its daemon, and reads its journal.",
    version: ClientOptions.shimVersion,
    subcommands: [SendCommand.self, AdminCommand.self, JournalCommand.self])

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if let words = wordsForDaemon(arguments) { Glibc.exit(AdminRun.perform(words).rawValue) }
    main(arguments)
  }

  /// The arguments, if they aren't for a command of this program: `ping` means `admin ping`.
  static func wordsForDaemon(_ arguments: [String]) -> [String]? {
    guard let first = arguments.first else { return nil }
    switch first {
    case "admin": return Array(arguments.dropFirst())
    case "send", "journal": return nil
    case "-h", "--help", "--help-hidden", "--version": return nil
    case "help" where arguments.count > 1 && ["send", "journal", "admin"].contains(arguments[1]):
      return nil
    case _ where first.hasPrefix("--generate-completion-script"): return nil
    default: return arguments
    }
  }
}
