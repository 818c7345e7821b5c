import ArgumentParser
import ForebayCore
import Glibc

struct PairsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pairs",
    abstract: "Measures two proxies in turn and prints their ratio with its 95 % interval.",
    discussion: """
      Each run has a fresh sink, a fresh proxy and a load of 128-byte messages. Mode throughput: 8 \
      clients with a window of 4096 messages, CPU nanoseconds of the proxy process a message (from \
      its threads' schedstat). Mode roundTrip: one message at a time, the median of the round trip.

      In a command, {socket} is where the proxy is to listen, {sink} the sink's socket, {admin} a \
      free name for an admin socket and {directory} a folder of the run's own. A program without a \
      slash is looked for beside forebay-bench, then in PATH.

      The interval is a percentile bootstrap of the median of the pairs' ratios, with a fixed seed.
      """)

  static let relay = "out/forebay-relay {socket} {sink}"
  static let daemon =
    "forebayd --socket {socket} --admin-socket {admin} --upstream forebay+unix:{sink}"
    + " --buffer-messages 65536 --buffer-bytes 256MiB --window-messages 4096"
    + " --log-level warning"

  @Option(help: "The command that is measured against.")
  var baseline = relay

  @Option(help: "The command that is measured.")
  var candidate = daemon

  @Option(help: "How many pairs in each mode.")
  var pairs: Int?

  @Option(help: "Only this mode: throughput or roundTrip.")
  var mode: PairMode?

  @Flag(help: "Three short pairs: shows that everything runs, not how fast.")
  var smoke = false

  @Option(help: "Exit with 1 if the ratio of the CPU time a message is above this.")
  var cpuLimit: Double?

  @Option(help: "Exit with 1 if the ratio of the round trips is above this.")
  var roundTripLimit: Double?

  @Option(help: "Write the JSON to this file instead of standard output.")
  var report: String?

  func validate() throws {
    if let pairs, pairs < 1 { throw ValidationError("--pairs must be at least 1.") }
  }

  func run() throws {
    let output = try Output(report)
    guard let directory = makeTemporaryFolder() else {
      throw Children.Failure(description: "can't create a folder in /tmp")
    }
    defer { removeFolder(directory) }
    let results = try Pairs(
      baseline: CommandTemplate(text: baseline), candidate: CommandTemplate(text: candidate),
      modes: mode.map { [$0] } ?? PairMode.allCases, pairs: pairs ?? (smoke ? 3 : 20),
      length: smoke ? .smoke : .usual, directory: directory, progress: printError
    ).run()
    var json = JSONObject()
    json.set("baseline", baseline)
    json.set("candidate", candidate)
    json.set("processors", sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    json.set("payloadBytes", PairMode.payloadBytes)
    json.set("window", PairMode.window)
    json.set("modes", results.map(\.json))
    output.line(json.text)
    for result in results { printError(result.summary) }
    guard results.allSatisfy(isWithinLimit) else { throw ExitCode.failure }
  }

  private func isWithinLimit(_ result: PairsResult) -> Bool {
    let limit = result.mode == .throughput ? cpuLimit : roundTripLimit
    guard let limit else { return true }
    return result.ratio(of: result.decisive).median <= limit
  }
}

extension PairMode: ExpressibleByArgument {}
