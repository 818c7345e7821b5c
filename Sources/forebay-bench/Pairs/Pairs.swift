import ForebayCore
import ForebayUV
import Glibc

/// Two proxies measured in turn, A B A B …, so that whatever the machine does besides meets both.
struct Pairs {
  let baseline: CommandTemplate
  let candidate: CommandTemplate
  let modes: [PairMode]
  let pairs: Int
  let length: PairLength
  let directory: String
  let progress: (String) -> Void

  func run() throws -> [PairsResult] {
    try modes.map { mode in
      var result = PairsResult(mode: mode)
      for pair in 1...pairs {
        let a = try measure(baseline, mode, "\(pair)a")
        let b = try measure(candidate, mode, "\(pair)b")
        result.add(baseline: a, candidate: b)
        progress("\(mode.rawValue) pair \(pair) of \(pairs): " + result.describeLast())
      }
      return result
    }
  }

  private func measure(
    _ template: CommandTemplate, _ mode: PairMode, _ name: String
  ) throws -> PairFigures {
    // Short names: the path of a Unix socket has room for 107 bytes.
    let folder = "\(directory)/\(mode == .throughput ? "t" : "r")\(name)"
    guard mkdir(folder, 0o700) == 0 else {
      throw Children.Failure(description: "can't create \(folder)")
    }
    return try PairRun(mode: mode, length: length, template: template).measure(in: folder)
  }
}

/// The figures of all pairs in one mode.
struct PairsResult {
  let mode: PairMode
  private(set) var baseline: [PairFigures] = []
  private(set) var candidate: [PairFigures] = []

  init(mode: PairMode) { self.mode = mode }

  mutating func add(baseline: PairFigures, candidate: PairFigures) {
    self.baseline.append(baseline)
    self.candidate.append(candidate)
  }

  /// Candidate by baseline, pair by pair.
  func ratio(of figure: (PairFigures) -> Double) -> MedianInterval {
    bootstrapMedian(zip(baseline, candidate).map { figure($1) / figure($0) })
  }

  /// What this mode is about: CPU a message, or the round trip.
  var decisive: (PairFigures) -> Double {
    switch mode {
    case .throughput: { $0.cpuNsPerMessage }
    case .roundTrip: { $0.latencyP50Microseconds }
    }
  }

  private var unit: String { mode == .throughput ? "ns" : "us" }

  func describeLast() -> String {
    guard let a = baseline.last, let b = candidate.last else { return "" }
    return "\(decimal(decisive(a), places: 2)) \(unit) and \(decimal(decisive(b), places: 2)) "
      + "\(unit), ratio \(decimal(decisive(b) / decisive(a), places: 3))"
  }

  var summary: String {
    let ratio = ratio(of: decisive)
    let what = mode == .throughput ? "CPU a message" : "round trip p50"
    return "\(what): baseline \(decimal(median(baseline.map(decisive)), places: 2)) \(unit), "
      + "candidate \(decimal(median(candidate.map(decisive)), places: 2)) \(unit), ratio "
      + "\(decimal(ratio.median, places: 3)) "
      + "(95 %: \(decimal(ratio.low, places: 3)) to \(decimal(ratio.high, places: 3)))"
  }

  var json: JSONObject {
    var result = JSONObject()
    result.set("mode", mode.rawValue)
    result.set("pairs", baseline.count)
    result.set("baseline", json(of: baseline))
    result.set("candidate", json(of: candidate))
    var ratios = JSONObject()
    ratios.set("cpuNsPerMessage", json(of: ratio { $0.cpuNsPerMessage }))
    ratios.set("messagesPerSecond", json(of: ratio { $0.messagesPerSecond }))
    ratios.set("p50Microseconds", json(of: ratio { $0.latencyP50Microseconds }))
    result.set("ratio", ratios)
    return result
  }

  private func json(of runs: [PairFigures]) -> JSONObject {
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

  private func json(of interval: MedianInterval) -> JSONObject {
    var result = JSONObject()
    result.set("median", interval.median, places: 4)
    result.set("low95", interval.low, places: 4)
    result.set("high95", interval.high, places: 4)
    return result
  }
}
