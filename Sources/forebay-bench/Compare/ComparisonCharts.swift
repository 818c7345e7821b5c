/// A comparison as pictures.
struct ComparisonCharts {
  let data: ComparisonData

  static func series(_ kind: ProxyKind) -> ChartSeries {
    let colour =
      switch kind {
      case .relay: "grey"
      case .haproxy: "amber"
      case .haproxyLarge: "sand"
      case .nginx: "green"
      case .envoy: "violet"
      case .forebayd: "blue"
      }
    return ChartSeries(name: kind.title, colour: colour)
  }

  private func group(_ label: String, _ scenario: Scenario) -> BarChart.Group {
    BarChart.Group(
      label: label,
      bars: data.proxies.map { proxy in
        BarChart.Bar(
          series: Self.series(proxy.kind),
          value: data.interval(scenario.decisive, of: proxy.kind, scenario))
      })
  }

  private var footnote: String {
    "Medians of up to \(data.rounds) alternating rounds in one run; whiskers: 95 % intervals of the "
      + "medians. Less is better."
  }

  var cpu: BarChart {
    BarChart(
      title: "CPU time of the proxy process for one message",
      description: "Bars of CPU nanoseconds a message by proxy, for three sizes of messages and "
        + "1, 8 and 256 clients, under the largest load that the windows allow.",
      measure: "CPU ns a message", across: "clients",
      series: data.proxies.map { Self.series($0.kind) },
      panels: Scenario.sizes.map { size in
        let scenarios = Scenario.all.filter { $0.mode == .throughput && $0.payloadBytes == size }
        return BarChart.Panel(
          title: "messages of \(scenarios[0].sizeTitle), window \(scenarios[0].window)",
          groups: scenarios.map { group("\($0.clients)", $0) })
      }, footnote: footnote)
  }

  var roundTrip: BarChart {
    BarChart(
      title: "Round trip of one message at a time",
      description: "Bars of the median round trip in microseconds by proxy, for three sizes of "
        + "messages, with nothing else to do.",
      measure: "p50, µs", across: "message size",
      series: data.proxies.map { Self.series($0.kind) },
      panels: [
        BarChart.Panel(
          title: "client → proxy → sink and its receipt back",
          groups: Scenario.all.filter { $0.mode == .roundTrip }.map { group($0.sizeTitle, $0) })
      ], footnote: footnote)
  }
}
