import ArgumentParser
import ForebayCore

struct GrowthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "growth",
    abstract: "Measures how the CPU time a message changes as loads grow tenfold.",
    discussion: """
      Grows one thing at a time, with all else at 128-byte messages from 8 clients: the number of \
      messages, of busy clients, of bytes a message, and of idle clients beside the busy ones. The \
      raw relay is measured in turn with forebayd, to tell the kernel's part from ours.
      """)

  @Option(help: "How many rounds.")
  var rounds: Int?

  @Flag(help: "One short round with two steps: shows that everything runs.")
  var smoke = false

  @Option(help: "Write the JSON to this file instead of standard output.")
  var report: String?

  @Option(help: "Also write chart, JSON and the table of benchmarks.md in this folder.")
  var docs: String?

  func validate() throws {
    if let rounds, rounds < 1 { throw ValidationError("--rounds must be at least 1.") }
  }

  func run() throws {
    guard let directory = makeTemporaryFolder() else {
      throw Children.Failure(description: "can't create a folder in /tmp")
    }
    defer { removeFolder(directory) }
    let (proxies, missing) = ProxySearch.find([.relay, .forebayd], scratch: directory)
    for line in missing { printError("missing: \(line)") }
    let data = try Growth(
      proxies: proxies, rounds: rounds ?? (smoke ? 1 : 3), length: smoke ? .smoke : .usual,
      stepsMax: smoke ? 2 : .max, directory: directory, progress: printError
    ).run()
    let result = GrowthReport(data: data, missing: missing)
    printError(result.table.text)
    if let docs {
      let folder = DocumentFolder(path: docs)
      try folder.write("benchmark-growth.json", result.json.text)
      try folder.write("benchmark-growth.svg", result.chart.svg.text)
      try folder.writeSection("growth", result.markdown)
    }
    if report != nil || docs == nil { try Output(report).line(result.json.text) }
  }
}
