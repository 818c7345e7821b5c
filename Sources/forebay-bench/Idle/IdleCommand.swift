import ArgumentParser
import ForebayCore

struct IdleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "idle",
    abstract: "Measures forebayd's start, and what many idle clients cost it.",
    discussion: """
      Starts forebayd several times and says how long that takes until it accepts a client, how \
      long forebayctl ping takes, and how much anonymous memory there is. Then so many clients \
      connect, say hello and fall silent: the CPU time of the daemon while they do, and what each \
      adds to its anonymous memory.
      """)

  @Option(help: "How many clients; each takes a descriptor here and one in the daemon.")
  var clients: Int?

  @Option(help: "How long they are idle.")
  var duration: TimeArgument?

  @Option(help: "How many starts.")
  var series: Int?

  @Flag(help: "Few clients, a short time: shows that everything runs.")
  var smoke = false

  @Option(help: "Write the JSON to this file instead of standard output.")
  var report: String?

  @Option(help: "Also write JSON and the table of benchmarks.md in this folder.")
  var docs: String?

  @Flag(help: "Exit with 1 if a promise isn't kept.")
  var check = false

  func validate() throws {
    guard (1...100_000).contains(clients ?? 1), (1...1_000).contains(series ?? 1) else {
      throw ValidationError("--clients must be 1 to 100000, --series 1 to 1000.")
    }
  }

  func run() throws {
    guard let directory = makeTemporaryFolder() else {
      throw Children.Failure(description: "can't create a folder in /tmp")
    }
    defer { removeFolder(directory) }
    let programs = folderOfThisProgram()
    let result = IdleReport(
      result: try IdleMeasurement(
        daemon: "\(programs)/forebayd", control: "\(programs)/forebayctl",
        clients: clients ?? (smoke ? 200 : 10_000),
        span: duration?.span ?? (smoke ? .seconds(1) : .seconds(30)),
        series: series ?? (smoke ? 3 : 20), directory: directory, progress: printError
      ).run())
    printError(result.text)
    if let docs {
      let folder = DocumentFolder(path: docs)
      try folder.write("benchmark-idle.json", result.json.text)
      try folder.writeSection("idle", result.markdown)
    }
    if report != nil || docs == nil { try Output(report).line(result.json.text) }
    if check, !result.budget.allSatisfy(\.isMet) { throw ExitCode.failure }
  }
}
