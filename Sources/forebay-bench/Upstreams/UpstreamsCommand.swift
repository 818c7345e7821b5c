import ArgumentParser
import ForebayCore
import Glibc

struct UpstreamsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upstreams",
    abstract: "Measures forebayd beside a minimal native client of each upstream, in one run.",
    discussion: """
      Starts the real servers in a folder of its own, on Unix sockets and loopback. In each round and \
      for each upstream the native client (C, `make natives`) and forebayd take turns: first as fast \
      as they go, then at 60 % of what the native client has just reached, with the same messages of \
      128 B and the same limit in flight. Then pairs of runs on all upstreams at once, without and \
      with clients that send to one more that is dead.

      What isn't installed is reported as missing. CPU time is that of the sending process alone, \
      native client or forebayd with all its threads. Intervals are percentile bootstraps of medians, \
      with a fixed seed.
      """)

  @OptionGroup var measurement: MeasurementOptions

  @Option(help: "How many pairs without and with a dead upstream.")
  var pairs: Int?

  @Option(help: "No new round begins after this.")
  var timeLimit: TimeArgument?

  @Option(help: "Only these upstreams, by comma: redis, nats, amqp, kafka, http.")
  var only: String?

  func validate() throws {
    guard pairs ?? 0 >= 0 else { throw ValidationError("--pairs must not be negative.") }
    _ = try kinds()
  }

  func run() throws { try measurement.inFolder(run) }

  private func run(in directory: String) throws {
    // Each load at an even pace keeps a thread of the loop's pool.
    setenv("UV_THREADPOOL_SIZE", "16", 1)
    let began = monotonicNow()
    let daemon = neighbourOfThisProgram("forebayd")
    let servers = try UpstreamServers(in: directory, daemon: daemon)
    var data = UpstreamsData(kinds: try kinds())
    var failure: (any Error)?
    do { try measure(servers, daemon, directory, &data) } catch { failure = error }
    try servers.end()
    for line in servers.missing { printError("missing: \(line)") }
    if let failure { throw failure }
    let result = UpstreamsReport(
      data: data.measured, missing: servers.missing, elapsed: monotonicNow().since(began))
    try measurement.conclude(
      result.text, result.json, isWhole: data.lostMeasurements == 0,
      isKept: UpstreamsBudget.lines(data).allSatisfy(\.isMet)
    ) { try write(result, to: $0) }
  }

  private func measure(
    _ servers: UpstreamServers, _ daemon: String, _ directory: String,
    _ data: inout UpstreamsData
  ) throws {
    try servers.start(try kinds())
    UpstreamRounds(
      servers: servers, daemon: daemon, plan: plan, directory: directory, progress: printError
    ).run(&data)
    Neighbours(
      servers: servers, daemon: daemon, plan: plan, directory: directory, progress: printError
    ).run(&data)
  }

  private func kinds() throws -> [UpstreamKind] {
    guard let only else { return UpstreamKind.allCases }
    return try only.split(separator: ",").map { name in
      guard let kind = UpstreamKind(rawValue: String(name)) else {
        throw ValidationError("--only: '\(name)' is none of the upstreams.")
      }
      return kind
    }
  }

  private var plan: UpstreamRounds.Plan {
    var plan = measurement.smoke ? UpstreamRounds.Plan.smoke : .usual
    if let rounds = measurement.rounds { plan.rounds = rounds }
    if let pairs { plan.pairs = pairs }
    if let timeLimit { plan.timeLimit = timeLimit.span }
    return plan
  }

  private func write(_ result: UpstreamsReport, to folder: DocumentFolder) throws {
    try folder.write("benchmark-upstreams.json", result.json.text)
    try folder.write("benchmark-upstreams.svg", result.chart.svg.text)
    try folder.writeSection("upstreams", result.markdown)
  }
}
