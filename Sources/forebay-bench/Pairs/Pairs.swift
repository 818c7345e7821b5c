/// Two proxies measured in turn, A B A B …, so that whatever the machine does besides meets both.
struct Pairs {
  let baseline: CommandTemplate
  let candidate: CommandTemplate
  let scenarios: [Scenario]
  let pairs: Int
  let length: RunLength
  let directory: String
  let progress: (String) -> Void

  func run() throws -> [PairsResult] {
    try scenarios.map { scenario in
      var result = PairsResult(scenario: scenario)
      for pair in 1...pairs {
        let a = try measure(baseline, scenario)
        let b = try measure(candidate, scenario)
        result.add(baseline: a, candidate: b)
        progress("\(scenario.title), pair \(pair) of \(pairs): " + result.describeLast())
      }
      return result
    }
  }

  private func measure(_ template: CommandTemplate, _ scenario: Scenario) throws -> RunFigures {
    let place = try RunPlace.make("run", in: directory)
    defer { removeFolder(place.directory) }
    return try ProxyRun(
      place: place, command: template.words(place, window: scenario.window),
      sinkOptions: ["--window", "\(scenario.window)"],
      warmUp: scenario.warmUp(at: place.socket, length),
      load: scenario.load(at: place.socket, length)
    ).measure()
  }
}

/// The figures of all pairs under one load.
struct PairsResult {
  let scenario: Scenario
  private(set) var baseline: [RunFigures] = []
  private(set) var candidate: [RunFigures] = []

  init(scenario: Scenario) { self.scenario = scenario }

  mutating func add(baseline: RunFigures, candidate: RunFigures) {
    self.baseline.append(baseline)
    self.candidate.append(candidate)
  }

  /// Candidate by baseline, pair by pair.
  func ratio(of figure: (RunFigures) -> Double) -> MedianInterval {
    bootstrapMedian(zip(baseline, candidate).map { figure($1) / figure($0) })
  }

  private var decisive: RunFigures.Figure { scenario.decisive }
  private var unit: String { scenario.mode == .throughput ? "ns" : "us" }

  func describeLast() -> String {
    guard let a = baseline.last, let b = candidate.last else { return "" }
    return "\(decimal(decisive(a), places: 2)) \(unit) and \(decimal(decisive(b), places: 2)) "
      + "\(unit), ratio \(decimal(decisive(b) / decisive(a), places: 3))"
  }

  var summary: String {
    let ratio = ratio(of: decisive)
    let what = scenario.mode == .throughput ? "CPU a message" : "round trip p50"
    return
      "\(scenario.title), \(what): baseline \(decimal(median(baseline.map(decisive)), places: 2)) \(unit), "
      + "candidate \(decimal(median(candidate.map(decisive)), places: 2)) \(unit), ratio "
      + "\(decimal(ratio.median, places: 3)) "
      + "(95 %: \(decimal(ratio.low, places: 3)) to \(decimal(ratio.high, places: 3)))"
  }

  var json: JSONObject {
    var result = JSONObject()
    result.set("mode", scenario.mode.rawValue)
    result.set("payloadBytes", scenario.payloadBytes)
    result.set("clients", scenario.clients)
    result.set("window", scenario.window)
    result.set("pairs", baseline.count)
    result.set("baseline", json(of: baseline))
    result.set("candidate", json(of: candidate))
    var ratios = JSONObject()
    ratios.set("cpuNsPerMessage", ratio { $0.cpuNsPerMessage }.json)
    ratios.set("messagesPerSecond", ratio { $0.messagesPerSecond }.json)
    ratios.set("p50Microseconds", ratio { $0.latencyP50Microseconds }.json)
    result.set("ratio", ratios)
    return result
  }

  private func json(of runs: [RunFigures]) -> JSONObject {
    var medians = JSONObject()
    medians.set("cpuNsPerMessage", median(runs.map(\.cpuNsPerMessage)))
    medians.set("messagesPerSecond", median(runs.map(\.messagesPerSecond)), places: 0)
    medians.set("p50Microseconds", median(runs.map(\.latencyP50Microseconds)))
    medians.set("p99Microseconds", median(runs.map(\.latencyP99Microseconds)))
    var result = JSONObject()
    result.set("median", medians)
    result.set("runs", runs.map(\.json))
    return result
  }
}
