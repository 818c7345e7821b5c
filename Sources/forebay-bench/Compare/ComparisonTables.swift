/// A comparison in rows.
struct ComparisonTables {
  let data: ComparisonData

  private func columns(_ figure: String) -> [String] {
    [figure] + (data.has(.relay) ? ["÷ relay"] : []) + (data.has(.haproxy) ? ["÷ HAProxy"] : [])
  }

  private func cells(
    _ kind: ProxyKind, _ scenario: Scenario, _ figure: RunFigures.Figure
  ) -> [String] {
    let baselines = [ProxyKind.relay, .haproxy].filter(data.has)
    return [data.interval(figure, of: kind, scenario).text(places: 1)]
      + baselines.map { baseline in
        kind == baseline
          ? "1" : data.ratio(figure, of: kind, to: baseline, scenario).text(places: 2)
      }
  }

  private func text(
    _ kind: ProxyKind, _ scenario: Scenario, places: Int, _ figure: RunFigures.Figure
  ) -> String {
    let value = median(data.figures(kind, scenario).map(figure))
    return value.isFinite ? decimal(value, places: places) : "–"
  }

  var throughput: Table {
    var table = Table(
      ["size", "clients", "window", "proxy"] + columns("CPU ns a message") + [
        "M messages/s", "RSS MiB", "anonymous MiB", "runs",
      ], words: 4)
    for scenario in Scenario.all where scenario.mode == .throughput {
      for proxy in data.proxies {
        table.add(
          [scenario.sizeTitle, "\(scenario.clients)", "\(scenario.window)", proxy.kind.title]
            + cells(proxy.kind, scenario) { $0.cpuNsPerMessage } + [
              text(proxy.kind, scenario, places: 2) { $0.messagesPerSecond / 1e6 },
              text(proxy.kind, scenario, places: 1) { Double($0.memory.total) / 1024 },
              text(proxy.kind, scenario, places: 1) { Double($0.memory.anonymous) / 1024 },
              "\(data.figures(proxy.kind, scenario).count)",
            ])
      }
    }
    return table
  }

  var roundTrip: Table {
    var table = Table(
      ["size", "proxy"] + columns("p50 µs") + ["p99 µs", "runs"], words: 2)
    for scenario in Scenario.all where scenario.mode == .roundTrip {
      for proxy in data.proxies {
        table.add(
          [scenario.sizeTitle, proxy.kind.title]
            + cells(proxy.kind, scenario) { $0.latencyP50Microseconds } + [
              text(proxy.kind, scenario, places: 1) { $0.latencyP99Microseconds },
              "\(data.figures(proxy.kind, scenario).count)",
            ])
      }
    }
    return table
  }
}
