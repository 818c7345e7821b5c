import ForebayCore

/// A comparison as it is written down.
struct ComparisonReport {
  let data: ComparisonData
  let missing: [String]
  private var tables: ComparisonTables { ComparisonTables(data: data) }

  /// How a proxy is started and set up, for readers: with names instead of this machine's paths.
  static func setUp(_ proxy: Proxy) -> String {
    let place = RunPlace(directory: "DIR")
    var words = ProxyFiles.command(proxy, at: place, Scenario.decisive[0])
    words[0] = String(words[0].split(separator: "/").last ?? "")
    let files = ProxyFiles.files(proxy, at: place, isRoot: false).map { file in
      "\n\n# \(file.name)\n" + file.text
    }
    return words.joined(separator: " ") + files.joined()
  }

  private func name(_ proxy: Proxy) -> String {
    proxy.kind.title + (proxy.version.isEmpty ? "" : " \(proxy.version)")
  }

  private var heading: String {
    "\(Machine.description); \(data.rounds) rounds in "
      + "\(decimal(Double(data.elapsed.nanoseconds) / 1e9, places: 0)) s. "
      + data.proxies.map(name).joined(separator: ", ") + "."
  }

  private var problems: [String] {
    missing.map { "Missing: \($0)." } + data.failures.map { "Failed: \($0)." }
  }

  var text: String {
    ([
      heading, "", tables.throughput.text, "", tables.roundTrip.text, "",
      BudgetLine.table(Budget.lines(data)).text,
    ] + problems).joined(separator: "\n")
  }

  var markdown: String {
    let setUps = data.proxies.map { proxy in
      "<details><summary>\(name(proxy))</summary>\n\n```\n"
        + Self.setUp(proxy).trimmingLineEnds() + "\n```\n\n</details>"
    }
    return
      ([heading] + problems + [
        "", "![CPU time a message](benchmark-cpu.svg)", "",
        "![Round trip](benchmark-roundtrip.svg)", "",
        "### Promises", "", BudgetLine.table(Budget.lines(data)).markdown, "",
        "### Under the largest load", "", tables.throughput.markdown, "",
        "### One message at a time", "", tables.roundTrip.markdown, "",
        "### How the proxies were set up", "",
        "DIR is a new folder for each run. forebayd's window is that of 128-byte messages.", "",
      ] + setUps).joined(separator: "\n")
  }

  var json: JSONObject {
    var result = JSONObject()
    result.set("machine", Machine.description)
    result.set("processors", Machine.processors)
    result.set("rounds", data.rounds)
    result.set("seconds", Double(data.elapsed.nanoseconds) / 1e9, places: 1)
    result.set(
      "proxies",
      data.proxies.map { proxy in
        var entry = JSONObject()
        entry.set("name", proxy.kind.rawValue)
        entry.set("version", proxy.version)
        entry.set("setUp", Self.setUp(proxy))
        return entry
      })
    result.set("missing", missing)
    result.set("failures", data.failures)
    result.set("lostMeasurements", data.lostMeasurements)
    result.set("budget", Budget.lines(data).map(\.json))
    if let longest = data.longestCallbackMicroseconds {
      result.set("longestCallbackMicroseconds", longest)
    }
    result.set("scenarios", Scenario.all.map(json))
    return result
  }

  private func json(_ scenario: Scenario) -> JSONObject {
    var result = JSONObject()
    result.set("mode", scenario.mode.rawValue)
    result.set("payloadBytes", scenario.payloadBytes)
    result.set("clients", scenario.clients)
    result.set("windowMessages", scenario.window)
    result.set("results", data.proxies.map { json($0.kind, scenario) })
    return result
  }

  private func json(_ kind: ProxyKind, _ scenario: Scenario) -> JSONObject {
    var result = JSONObject()
    result.set("proxy", kind.rawValue)
    let figures: [(String, RunFigures.Figure)] = [
      ("cpuNsPerMessage", { $0.cpuNsPerMessage }),
      ("messagesPerSecond", { $0.messagesPerSecond }),
      ("p50Microseconds", { $0.latencyP50Microseconds }),
      ("p99Microseconds", { $0.latencyP99Microseconds }),
      ("rssKiB", { Double($0.memory.total) }),
      ("rssAnonKiB", { Double($0.memory.anonymous) }),
    ]
    for (name, figure) in figures {
      result.set(name, data.interval(figure, of: kind, scenario).json)
    }
    for baseline in [ProxyKind.relay, .haproxy] where data.has(baseline) && baseline != kind {
      var ratios = JSONObject()
      for (name, figure) in figures.prefix(3) {
        ratios.set(name, data.ratio(figure, of: kind, to: baseline, scenario).json)
      }
      result.set(baseline == .relay ? "ratioToRelay" : "ratioToHAProxy", ratios)
    }
    result.set("runs", data.figures(kind, scenario).map(\.json))
    return result
  }
}

extension String {
  fileprivate func trimmingLineEnds() -> String {
    var text = self
    while text.last == "\n" { text.removeLast() }
    return text
  }
}
