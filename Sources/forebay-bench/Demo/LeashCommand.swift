import ArgumentParser
import ForebayUV
import Glibc

/// Becomes another program that doesn't outlive its parent, however that ends. In a process group of
/// its own, so that a ^C at the terminal reaches the parent alone, which then ends it.
struct LeashCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leash", abstract: "Runs a program that is killed when PARENT ends.",
    shouldDisplay: false)

  @Argument(help: "The process that this one must not outlive.")
  var parent: Int32

  @Argument(parsing: .captureForPassthrough)
  var words: [String]

  static func words(_ words: [String]) -> [String] {
    [pathOfThisProgram(), configuration.commandName ?? "leash", "\(getpid())"] + words
  }

  func run() throws {
    setpgid(0, 0)
    guard endWithParent(SIGKILL) else { throw ExitCode(71) }
    // It may have ended before that was arranged.
    guard getppid() == parent, let program = words.first else { throw ExitCode.failure }
    var arguments = words.map { strdup($0) }
    arguments.append(nil)
    execv(program, arguments)
    printError("can't run \(program): \(String(cString: strerror(errno)))")
    throw ExitCode(127)
  }
}
