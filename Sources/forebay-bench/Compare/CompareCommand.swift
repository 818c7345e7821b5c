import ArgumentParser
import ForebayCore

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Measures forebayd beside a raw relay, HAProxy, nginx and Envoy in one run.",
    discussion: """
      Every proxy gets the same loads: messages of 128 B, 1 KiB and 16 KiB from 1, 8 and 256 \
      clients as fast as the windows allow (4096 messages, at most 512 KiB of payload a client), \
      and one message at a time. Each measurement has a fresh sink and a fresh proxy with one \
      worker thread, all on Unix sockets. In a round the proxies take turns under one load before \
      the next one comes, in an order that changes; ratios are taken within a round. CPU time is \
      that of all the proxy's threads and children, from the kernel's schedstat.

      A proxy that isn't installed is reported as missing; `make deps-bench` installs them all. \
      Intervals are percentile bootstraps of medians, with a fixed seed.
      """)

  @OptionGroup var measurement: MeasurementOptions

  @Option(help: "No new round begins after this.")
  var timeLimit: TimeArgument?

  @Option(help: "Only these proxies, by comma: relay, haproxy, nginx, envoy, forebayd.")
  var only: String?

  func validate() throws {
    _ = try kinds()
  }

  func run() throws { try measurement.inFolder(run) }

  private func run(in directory: String) throws {
    let (proxies, missing) = ProxySearch.find(try kinds(), scratch: directory)
    for line in missing { printError("missing: \(line)") }
    let data = Comparison(
      proxies: proxies, plan: plan, directory: directory, progress: printError
    ).run()
    let result = ComparisonReport(data: data, missing: missing)
    try measurement.conclude(
      result.text, result.json, isWhole: data.lostMeasurements == 0,
      isKept: Budget.lines(data).allSatisfy(\.isMet)
    ) { try write(result, to: $0) }
  }

  private func kinds() throws -> [ProxyKind] {
    guard let only else { return ProxyKind.allCases }
    return try only.split(separator: ",").map { name in
      guard let kind = ProxyKind(rawValue: String(name)) else {
        throw ValidationError("--only: '\(name)' is none of the proxies.")
      }
      return kind
    }
  }

  private var plan: Comparison.Plan {
    var plan = measurement.smoke ? Comparison.Plan.smoke : .usual
    if let rounds = measurement.rounds { plan.rounds = rounds }
    if let timeLimit { plan.timeLimit = timeLimit.span }
    return plan
  }

  private func write(_ result: ComparisonReport, to folder: DocumentFolder) throws {
    let charts = ComparisonCharts(data: result.data)
    try folder.write("benchmark-compare.json", result.json.text)
    try folder.write("benchmark-cpu.svg", charts.cpu.svg.text)
    try folder.write("benchmark-roundtrip.svg", charts.roundTrip.svg.text)
    try folder.writeSection("compare", result.markdown)
  }
}
