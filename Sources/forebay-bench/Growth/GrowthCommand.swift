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

  @OptionGroup var measurement: MeasurementOptions

  func run() throws { try measurement.inFolder(run) }

  private func run(in directory: String) throws {
    let (proxies, missing) = ProxySearch.find([.relay, .forebayd], scratch: directory)
    for line in missing { printError("missing: \(line)") }
    let data = try Growth(
      proxies: proxies, rounds: measurement.rounds ?? (measurement.smoke ? 1 : 3),
      length: measurement.smoke ? .smoke : .usual, stepsMax: measurement.smoke ? 2 : .max,
      directory: directory, progress: printError
    ).run()
    let result = GrowthReport(data: data, missing: missing)
    try measurement.conclude(result.table.text, result.json) { folder in
      try folder.write("benchmark-growth.json", result.json.text)
      try folder.write("benchmark-growth.svg", result.chart.svg.text)
      try folder.writeSection("growth", result.markdown)
    }
  }
}
