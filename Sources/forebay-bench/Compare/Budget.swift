/// A promise about a figure, and what was measured of it.
struct BudgetLine: Equatable, Sendable {
  let what: String
  let limit: Double
  let measured: MedianInterval
  let measurements: Int

  /// It counts what the interval's upper end says: so a promise isn't kept by luck.
  var isMet: Bool { measured.high <= limit }

  var json: JSONObject {
    var result = JSONObject()
    result.set("what", what)
    result.set("limit", limit)
    result.set("measured", measured.json)
    result.set("measurements", measurements)
    result.set("met", isMet)
    return result
  }

  static func table(_ lines: [BudgetLine]) -> Table {
    var table = Table(["promise", "kept", "limit", "measured (95 %)", "times"], words: 2)
    for line in lines {
      table.add([
        line.what, line.isMet ? "yes" : "no", decimal(line.limit, places: 2),
        line.measured.text(places: 3), "\(line.measurements)",
      ])
    }
    return table
  }
}

/// The performance budget of the architecture, as far as a comparison can check it.
enum Budget {
  private struct Ratio {
    let scenario: Scenario
    let baseline: ProxyKind
    let limit: Double
  }

  private static let ratios: [Ratio] = Scenario.decisive.flatMap { scenario in
    let toRelay: Double
    switch scenario.mode {
    case .roundTrip: toRelay = 1.2
    case .throughput: toRelay = scenario.payloadBytes == 128 ? 2 : 1.5
    }
    return [
      Ratio(scenario: scenario, baseline: .relay, limit: toRelay),
      Ratio(scenario: scenario, baseline: .haproxy, limit: 1),
    ]
  }

  /// Only what was measured: a proxy that isn't there proves nothing.
  static func lines(_ data: ComparisonData) -> [BudgetLine] {
    var lines: [BudgetLine] = []
    for ratio in ratios {
      let values = data.ratios(
        ratio.scenario.decisive, of: .forebayd, to: ratio.baseline, ratio.scenario)
      guard !values.isEmpty else { continue }
      let figure = ratio.scenario.mode == .throughput ? "CPU a message" : "round trip p50"
      lines.append(
        BudgetLine(
          what: "\(ratio.scenario.title): \(figure), forebayd ÷ \(ratio.baseline.title)",
          limit: ratio.limit, measured: bootstrapMedian(values), measurements: values.count))
    }
    if let longest = data.longestCallbackMicroseconds {
      let value = Double(longest) / 1e3
      lines.append(
        BudgetLine(
          what: "longest callback of forebayd's loop in any run, ms of CPU", limit: 5,
          measured: MedianInterval(median: value, low: value, high: value), measurements: 1))
    }
    return lines
  }
}
