import ArgumentParser
import ForebayCore

struct IdleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "idle",
    abstract: "Measures forebayd's start, and what many idle clients cost it.",
    discussion: """
      Starts forebayd in each round and says how long that takes until it accepts a client, how \
      long forebayctl ping takes, and how much anonymous memory there is. Then so many clients \
      connect, say hello and fall silent: the CPU time of the daemon while they do, and what each \
      adds to its anonymous memory.
      """)

  @OptionGroup var measurement: MeasurementOptions

  @Option(help: "How many clients; each takes a descriptor here and one in the daemon.")
  var clients: Int?

  @Option(help: "How long they are idle.")
  var duration: TimeArgument?

  func validate() throws {
    guard (1...100_000).contains(clients ?? 1) else {
      throw ValidationError("--clients must be 1 to 100000.")
    }
  }

  func run() throws { try measurement.inFolder(run) }

  private func run(in directory: String) throws {
    let smoke = measurement.smoke
    let programs = folderOfThisProgram()
    let result = IdleReport(
      result: try IdleMeasurement(
        daemon: "\(programs)/forebayd", control: "\(programs)/forebayctl",
        clients: clients ?? (smoke ? 200 : 10_000),
        span: duration?.span ?? (smoke ? .seconds(1) : .seconds(30)),
        series: measurement.rounds ?? (smoke ? 3 : 20), directory: directory, progress: printError
      ).run())
    try measurement.conclude(
      result.text, result.json, isKept: result.budget.allSatisfy(\.isMet)
    ) { folder in
      try folder.write("benchmark-idle.json", result.json.text)
      try folder.writeSection("idle", result.markdown)
    }
  }
}
