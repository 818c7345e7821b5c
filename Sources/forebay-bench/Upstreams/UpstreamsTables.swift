/// The benchmark of upstreams in rows.
struct UpstreamsTables {
  let data: UpstreamsData

  var share: String { decimal(UpstreamRounds.share * 100, places: 0) }

  private func rate(_ value: Double) -> String {
    value.isFinite ? decimal(value, places: 0) : "–"
  }

  private func figure(_ value: Double, places: Int = 0) -> String {
    value.isFinite ? decimal(value, places: places) : "–"
  }

  private func percent(_ value: Double) -> String { figure(value * 100, places: 1) }

  var fastest: Table {
    var table = Table(
      [
        "upstream", "in flight", "native messages/s", "forebayd messages/s", "forebayd ÷ native",
        "native CPU ns", "forebayd CPU ns", "longest callback ms", "rounds",
      ], words: 1)
    for kind in data.kinds {
      table.add([
        kind.title, "\(kind.window)",
        rate(data.middle(kind) { $0.fastest.native.messagesPerSecond }),
        rate(data.middle(kind) { $0.fastest.forebayd.messagesPerSecond }),
        data.interval(kind) { $0.fastest.ratio { $0.messagesPerSecond } }.text(places: 2),
        figure(data.middle(kind) { $0.fastest.native.cpuNsPerMessage }),
        figure(data.middle(kind) { $0.fastest.forebayd.cpuNsPerMessage }),
        figure(data.longestCallback(kind) ?? .nan, places: 2), "\(data.rounds(kind).count)",
      ])
    }
    return table
  }

  var paced: Table {
    var table = Table(
      [
        "upstream", "messages/s", "native keeps %", "forebayd keeps %", "native CPU ns",
        "forebayd CPU ns", "forebayd − native, ns", "native p50 µs", "forebayd p50 µs",
        "native p99 µs", "forebayd p99 µs",
      ], words: 1)
    for kind in data.kinds {
      table.add([
        kind.title, rate(data.middle(kind, \.rate)),
        percent(data.middle(kind) { $0.paced.native.messagesPerSecond / $0.rate }),
        percent(data.middle(kind) { $0.paced.forebayd.messagesPerSecond / $0.rate }),
        figure(data.middle(kind) { $0.paced.native.cpuNsPerMessage }),
        figure(data.middle(kind) { $0.paced.forebayd.cpuNsPerMessage }),
        data.interval(kind, \.moreCPU).text(places: 0),
        figure(data.middle(kind) { $0.paced.native.latencyP50Microseconds }),
        figure(data.middle(kind) { $0.paced.forebayd.latencyP50Microseconds }),
        figure(data.middle(kind) { $0.paced.native.latencyP99Microseconds }),
        figure(data.middle(kind) { $0.paced.forebayd.latencyP99Microseconds }),
      ])
    }
    return table
  }

  var neighbours: Table {
    let neighbours = data.neighbours
    var table = Table(
      [
        "upstream", "messages/s", "rate, with ÷ without", "p99 µs without",
        "p99, with ÷ without", "fastest messages/s without", "fastest, with ÷ without", "pairs",
      ], words: 1)
    for kind in data.kinds {
      let ratios = neighbours.ratios(kind, { $0.paced }) { $0.messagesPerSecond }
      table.add([
        kind.title, rate(neighbours.rates[kind] ?? .nan), bootstrapMedian(ratios).text(places: 3),
        figure(neighbours.middle(kind, { $0.paced }) { $0.latencyP99Microseconds }),
        bootstrapMedian(neighbours.ratios(kind, { $0.paced }) { $0.latencyP99Microseconds })
          .text(places: 3),
        rate(neighbours.middle(kind, { $0.fastest }) { $0.messagesPerSecond }),
        bootstrapMedian(neighbours.ratios(kind, { $0.fastest }) { $0.messagesPerSecond })
          .text(places: 3),
        "\(ratios.count)",
      ])
    }
    return table
  }
}

/// What is promised of upstreams, as far as this benchmark can check it. Every figure is one of which
/// less is better, so ratios that should be large are turned round.
enum UpstreamsBudget {
  static func lines(_ data: UpstreamsData) -> [BudgetLine] {
    data.kinds.filter { !data.rounds($0).isEmpty }.flatMap { lines($0, data) }
  }

  private static func lines(_ kind: UpstreamKind, _ data: UpstreamsData) -> [BudgetLine] {
    let rounds = data.rounds(kind)
    func line(_ what: String, _ limit: Double, _ values: [Double]) -> BudgetLine {
      BudgetLine(
        what: "\(kind.title): \(what)", limit: limit, measured: bootstrapMedian(values),
        measurements: values.count)
    }
    let share = decimal(UpstreamRounds.share * 100, places: 0)
    var lines = [
      line(
        "largest rate, native ÷ forebayd", 1 / 0.8,
        rounds.map { 1 / $0.fastest.ratio { $0.messagesPerSecond } }),
      line(
        "at \(share) %: rate, native ÷ forebayd", 1.01,
        rounds.map { 1 / $0.paced.ratio { $0.messagesPerSecond } }),
      line("at \(share) %: CPU a message, forebayd − native, ns", 300, rounds.map(\.moreCPU)),
    ]
    if let longest = data.longestCallback(kind) {
      lines.append(line("longest callback in any round, ms of CPU", 5, [longest]))
    }
    return lines + neighbourLines(kind, data.neighbours, line)
  }

  /// "Unchanged" can't be measured: it means that the interval ends within these. Rates are steadier
  /// than the slowest hundredth of messages on a machine that runs all servers, too.
  private static func neighbourLines(
    _ kind: UpstreamKind, _ data: NeighbourData, _ line: (String, Double, [Double]) -> BudgetLine
  ) -> [BudgetLine] {
    guard data.rates[kind] != nil, !data.pairs.isEmpty else { return [] }
    return [
      line(
        "beside a dead one: rate, without ÷ with", 1.02,
        data.ratios(kind, { $0.paced }) { $0.messagesPerSecond }.map { 1 / $0 }),
      line(
        "beside a dead one: p99, with ÷ without", 1.2,
        data.ratios(kind, { $0.paced }) { $0.latencyP99Microseconds }),
      line(
        "beside a dead one: largest rate, without ÷ with", 1.05,
        data.ratios(kind, { $0.fastest }) { $0.messagesPerSecond }.map { 1 / $0 }),
    ]
  }
}
