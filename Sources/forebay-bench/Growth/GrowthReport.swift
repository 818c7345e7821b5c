/// How costs grow, as it is written down.
struct GrowthReport {
  let data: GrowthData
  let missing: [String]

  private static let kinds = [ProxyKind.relay, .forebayd]

  var table: Table {
    var table = Table(
      ["what grows", "to", "proxy", "CPU ns a message", "M messages/s", "anonymous MiB"], words: 3)
    for axis in GrowthAxis.allCases {
      for step in data.steps(axis) {
        for kind in axis.proxies {
          let figures = data.figures(axis, step, kind)
          guard !figures.isEmpty else { continue }
          table.add([
            axis.across, "\(step)", kind.title, data.cpu(axis, step, kind).text(places: 1),
            decimal(median(figures.map(\.messagesPerSecond)) / 1e6, places: 2),
            decimal(median(figures.map { Double($0.memory.anonymous) / 1024 }), places: 1),
          ])
        }
      }
    }
    return table
  }

  var chart: LineChart {
    LineChart(
      title: "CPU time for one message as things grow tenfold",
      description: "Four lines charts of CPU nanoseconds a message over the number of messages, "
        + "busy clients, bytes a message and idle clients, each in powers of ten.",
      series: Self.kinds.map(ComparisonCharts.series),
      panels: GrowthAxis.allCases.map(panel),
      footnote: "Medians of \(data.rounds) rounds, from lowest to highest. Level is best; of bytes "
        + "both axes count in powers of ten. The relay isn't measured with idle clients.")
  }

  private func panel(_ axis: GrowthAxis) -> LineChart.Panel {
    LineChart.Panel(
      title: axis.title, across: axis.across, up: "CPU ns a message",
      isLogarithmic: axis == .bytes,
      lines: Self.kinds.map { kind in
        data.steps(axis).filter { !data.figures(axis, $0, kind).isEmpty }.map {
          LineChart.Point(x: Double($0), y: data.cpu(axis, $0, kind))
        }
      })
  }

  var markdown: String {
    (["\(Machine.description); \(data.rounds) rounds."] + missing.map { "Missing: \($0)." } + [
      "", "![Growth](benchmark-growth.svg)", "", table.markdown,
    ]).joined(separator: "\n")
  }

  var json: JSONObject {
    var result = JSONObject()
    result.set("machine", Machine.description)
    result.set("rounds", data.rounds)
    result.set("missing", missing)
    result.set(
      "points",
      GrowthAxis.allCases.flatMap { axis in
        data.steps(axis).flatMap { step in
          axis.proxies.filter { !data.figures(axis, step, $0).isEmpty }.map { kind in
            var point = JSONObject()
            point.set("grows", axis.rawValue)
            point.set("to", step)
            point.set("proxy", kind.rawValue)
            point.set("cpuNsPerMessage", data.cpu(axis, step, kind).json)
            point.set("runs", data.figures(axis, step, kind).map(\.json))
            return point
          }
        }
      })
    return result
  }
}
