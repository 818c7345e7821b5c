import ForebayCore

/// What a comparison has measured.
struct ComparisonData: Sendable {
  private struct Key: Hashable, Sendable {
    let scenario: Scenario
    let kind: ProxyKind
  }

  let proxies: [Proxy]
  var rounds = 0
  var elapsed = TimeSpan.zero
  var failures: [String] = []
  /// Measurements that failed a second time as well.
  var lostMeasurements = 0
  private var runs: [Key: [(round: Int, figures: RunFigures)]] = [:]

  init(proxies: [Proxy]) { self.proxies = proxies }

  mutating func add(
    _ figures: RunFigures, _ kind: ProxyKind, _ scenario: Scenario, round: Int
  ) {
    runs[Key(scenario: scenario, kind: kind), default: []].append((round, figures))
  }

  func has(_ kind: ProxyKind) -> Bool { proxies.contains { $0.kind == kind } }

  func figures(_ kind: ProxyKind, _ scenario: Scenario) -> [RunFigures] {
    (runs[Key(scenario: scenario, kind: kind)] ?? []).map(\.figures)
  }

  func interval(
    _ figure: RunFigures.Figure, of kind: ProxyKind, _ scenario: Scenario
  ) -> MedianInterval {
    bootstrapMedian(figures(kind, scenario).map(figure))
  }

  /// `kind` by `baseline`, from the rounds that have both: so what disturbed a round disturbed both.
  func ratios(
    _ figure: RunFigures.Figure, of kind: ProxyKind, to baseline: ProxyKind, _ scenario: Scenario
  ) -> [Double] {
    let others = runs[Key(scenario: scenario, kind: baseline)] ?? []
    return (runs[Key(scenario: scenario, kind: kind)] ?? []).compactMap { run in
      others.first { $0.round == run.round }.map { figure(run.figures) / figure($0.figures) }
    }
  }

  func ratio(
    _ figure: RunFigures.Figure, of kind: ProxyKind, to baseline: ProxyKind, _ scenario: Scenario
  ) -> MedianInterval {
    bootstrapMedian(ratios(figure, of: kind, to: baseline, scenario))
  }

  /// Of all runs; nil if none of them told it.
  var longestCallbackMicroseconds: UInt64? {
    Scenario.all.flatMap { figures(.forebayd, $0) }.compactMap(\.longestCallbackMicroseconds).max()
  }

  /// One load in one round, for the progress line.
  func describe(_ scenario: Scenario, inRound round: Int) -> String {
    let parts = proxies.compactMap { proxy in
      runs[Key(scenario: scenario, kind: proxy.kind)]?.first { $0.round == round }.map {
        "\(proxy.kind.title) \(decimal($0.figures.cpuNsPerMessage, places: 1))"
      }
    }
    return "\(scenario.title), ns a message: " + parts.joined(separator: ", ")
  }
}
