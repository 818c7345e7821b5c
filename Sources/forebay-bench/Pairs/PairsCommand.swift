import ArgumentParser
import ForebayCore

struct PairsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pairs",
    abstract: "Measures two proxies in turn and prints their ratio with its 95 % interval.",
    discussion: """
      Each run has a fresh sink, a fresh proxy and a load. Mode throughput: clients with a window \
      of 4096 messages, but at most 512 KiB of payload, and the CPU nanoseconds of the proxy \
      process a message (from its threads' schedstat). Mode roundTrip: one message at a time, the \
      median of the round trip.

      In a command, {socket} is where the proxy is to listen, {sink} the sink's socket, {admin} a \
      free name for an admin socket, {directory} a folder of the run's own and {window} a client's \
      window. A program without a \
      slash is looked for beside forebay-bench, then in PATH.

      The interval is a percentile bootstrap of the median of the pairs' ratios, with a fixed seed.
      """)

  static let relay = "out/forebay-relay {socket} {sink}"
  static let daemon =
    "forebayd --socket {socket} --admin-socket {admin} --upstream forebay+unix:{sink}"
    + " --buffer-messages 65536 --buffer-bytes 256MiB --window-messages {window}"
    + " --log-level warning"

  @Option(help: "The command that is measured against.")
  var baseline = relay

  @Option(help: "The command that is measured.")
  var candidate = daemon

  @Option(help: "How many pairs in each mode.")
  var pairs: Int?

  @Option(help: "Only this mode: throughput or roundTrip.")
  var mode: Scenario.Mode?

  @Option(help: "Bytes of payload a message.")
  var size = 128

  @Option(help: "Clients in mode throughput.")
  var clients = 8

  @Flag(help: "Three short pairs: shows that everything runs, not how fast.")
  var smoke = false

  @Option(help: "Exit with 1 if the ratio of the CPU time a message is above this.")
  var cpuLimit: Double?

  @Option(help: "Exit with 1 if the ratio of the round trips is above this.")
  var roundTripLimit: Double?

  @Option(help: "Write the JSON to this file instead of standard output.")
  var report: String?

  func validate() throws {
    guard pairs ?? 1 >= 1, size >= 0, clients >= 1 else {
      throw ValidationError("--pairs and --clients must be at least 1.")
    }
  }

  func run() throws {
    let output = try Output(report)
    guard let directory = makeTemporaryFolder() else {
      throw Children.Failure(description: "can't create a folder in /tmp")
    }
    defer { removeFolder(directory) }
    let results = try Pairs(
      baseline: CommandTemplate(text: baseline), candidate: CommandTemplate(text: candidate),
      scenarios: scenarios, pairs: pairs ?? (smoke ? 3 : 20), length: smoke ? .smoke : .long,
      directory: directory, progress: printError
    ).run()
    var json = JSONObject()
    json.set("baseline", baseline)
    json.set("candidate", candidate)
    json.set("processors", Machine.processors)
    json.set("modes", results.map(\.json))
    output.line(json.text)
    for result in results { printError(result.summary) }
    guard results.allSatisfy(isWithinLimit) else { throw ExitCode.failure }
  }

  private var scenarios: [Scenario] {
    (mode.map { [$0] } ?? Scenario.Mode.allCases).map { mode in
      Scenario(mode: mode, payloadBytes: size, clients: mode == .roundTrip ? 1 : clients)
    }
  }

  private func isWithinLimit(_ result: PairsResult) -> Bool {
    let limit = result.scenario.mode == .throughput ? cpuLimit : roundTripLimit
    guard let limit else { return true }
    return result.ratio(of: result.scenario.decisive).median <= limit
  }
}

extension Scenario.Mode: ExpressibleByArgument {}
