import ForebayCore

/// The benchmark of upstreams as it is written down.
struct UpstreamsReport {
  let data: UpstreamsData
  let missing: [String]
  let elapsed: TimeSpan
  private var tables: UpstreamsTables { UpstreamsTables(data: data) }

  private var heading: String {
    "\(Machine.description); \(data.kinds.map { data.rounds($0).count }.max() ?? 0) rounds and "
      + "\(data.neighbours.pairs.count) pairs in "
      + "\(decimal(Double(elapsed.nanoseconds) / 1e9, places: 0)) s."
  }

  private var problems: [String] {
    missing.map { "Missing: \($0)." } + data.failures.map { "Failed: \($0)." }
  }

  var text: String {
    ([
      heading, "", "As fast as they go:", tables.fastest.text, "",
      "At \(tables.share) % of the native client's rate:", tables.paced.text, "",
      "Beside a dead upstream:", tables.neighbours.text, "",
      BudgetLine.table(UpstreamsBudget.lines(data)).text,
    ] + problems).joined(separator: "\n")
  }

  var markdown: String {
    ([heading] + problems + [
      "", "![CPU time a message, by upstream](benchmark-upstreams.svg)", "",
      "### Promises", "", BudgetLine.table(UpstreamsBudget.lines(data)).markdown, "",
      "### As fast as they go", "", tables.fastest.markdown, "",
      "### At \(tables.share) % of the native client's rate", "", tables.paced.markdown, "",
      "### Beside a dead upstream", "", tables.neighbours.markdown,
    ]).joined(separator: "\n")
  }

  var json: JSONObject {
    var result = JSONObject()
    result.set("machine", Machine.description)
    result.set("processors", Machine.processors)
    result.set("seconds", Double(elapsed.nanoseconds) / 1e9, places: 1)
    result.set("missing", missing)
    result.set("failures", data.failures)
    result.set("lostMeasurements", data.lostMeasurements)
    result.set("budget", UpstreamsBudget.lines(data).map(\.json))
    result.set("upstreams", data.kinds.map(json))
    return result
  }

  private func json(_ kind: UpstreamKind) -> JSONObject {
    var result = JSONObject()
    result.set("upstream", kind.rawValue)
    result.set("inFlightMessages", kind.window)
    result.set("native", kind.nativeTitle)
    result.set(
      "maximumRatio", data.interval(kind) { $0.fastest.ratio { $0.messagesPerSecond } }.json)
    result.set("moreCPUNsPerMessage", data.interval(kind, \.moreCPU).json)
    result.set(
      "rounds",
      data.rounds(kind).map { round in
        var entry = JSONObject()
        entry.set("fastest", json(round.fastest))
        entry.set("rate", round.rate, places: 0)
        entry.set("paced", json(round.paced))
        return entry
      })
    var beside = JSONObject()
    beside.set("rate", data.neighbours.rates[kind] ?? .nan, places: 0)
    let figures: [(String, NeighbourData.Part, RunFigures.Figure)] = [
      ("rateRatios", { $0.paced }, { $0.messagesPerSecond }),
      ("p99Ratios", { $0.paced }, { $0.latencyP99Microseconds }),
      ("maximumRatios", { $0.fastest }, { $0.messagesPerSecond }),
    ]
    for (name, part, figure) in figures {
      beside.set(name, data.neighbours.ratios(kind, part, figure), places: 4)
    }
    result.set("besideADeadOne", beside)
    return result
  }

  private func json(_ pair: UpstreamsData.Pair) -> JSONObject {
    var result = JSONObject()
    result.set("native", pair.native.json)
    result.set("forebayd", pair.forebayd.json)
    return result
  }

  /// CPU time a message of both.
  var chart: BarChart {
    let native = ChartSeries(name: "native client", colour: "grey")
    let forebayd = ChartSeries(name: "forebayd", colour: "blue")
    func panel(_ title: String, _ pair: @escaping (UpstreamsData.Round) -> UpstreamsData.Pair)
      -> BarChart.Panel
    {
      BarChart.Panel(
        title: title,
        groups: data.kinds.map { kind in
          BarChart.Group(
            label: kind.title,
            bars: [
              BarChart.Bar(
                series: native, value: data.interval(kind) { pair($0).native.cpuNsPerMessage }),
              BarChart.Bar(
                series: forebayd,
                value: data.interval(kind) { pair($0).forebayd.cpuNsPerMessage }),
            ])
        })
    }
    return BarChart(
      title: "CPU time of the sending process for one confirmed message",
      description:
        "Bars of CPU nanoseconds a message for a minimal native client and for forebayd, "
        + "by upstream, as fast as they go and at 60 % of the native client's rate.",
      measure: "CPU ns a message", across: "upstream", series: [native, forebayd],
      panels: [
        panel("as fast as they go", \.fastest),
        panel("both at \(tables.share) % of the native client's rate", \.paced),
      ],
      footnote:
        "Medians of alternating rounds in one run; whiskers: 95 % intervals of the medians. "
        + "Less is better.")
  }
}
