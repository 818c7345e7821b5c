import ForebayCore
import Testing

@testable import forebay_bench

struct ScenarioTests {
  @Test func boundsTheWindowByMessagesAndBytes() {
    let windows = [1, 128, 1024, 16_384, 1 << 20].map {
      Scenario(mode: .throughput, payloadBytes: $0, clients: 8).window
    }
    #expect(windows == [4096, 4096, 512, 32, 1])
  }

  @Test func measuresEverythingAtFirstAndWhatCountsAlways() {
    let plan = Comparison.Plan.usual
    #expect(Set(plan.scenarios(inRound: 0)) == Set(Scenario.all))
    #expect(plan.scenarios(inRound: 1) == Scenario.decisive)
    #expect(Set(Comparison.Plan.smoke.scenarios(inRound: 0)) == Set(Scenario.all))
    #expect(Scenario.all.count == 12)
  }

  @Test func givesEverybodyEveryPlace() {
    let items = ["a", "b", "c", "d", "e"]
    let orders = (0..<10).map { rotated(items, round: $0) }
    for place in items.indices {
      for item in items { #expect(orders.filter { $0[place] == item }.count == 2) }
    }
    // Nobody always comes after the same neighbour.
    for item in items {
      let before = orders.compactMap { order in
        order.firstIndex(of: item).flatMap { $0 > 0 ? order[$0 - 1] : nil }
      }
      #expect(Set(before).count == 2)
    }
    #expect(rotated([Int](), round: 3).isEmpty)
  }
}

struct ComparisonDataTests {
  private let scenario = Scenario.decisive[0]

  private func figures(_ cpu: Double, longest: UInt64? = nil) -> RunFigures {
    RunFigures(
      cpuNsPerMessage: cpu, messagesPerSecond: 1e9 / cpu, latencyP50Microseconds: cpu / 2,
      latencyP99Microseconds: cpu, messages: 1_000, memory: ResidentMemory(),
      longestCallbackMicroseconds: longest)
  }

  private func proxies(_ kinds: [ProxyKind]) -> [Proxy] {
    kinds.map { Proxy(kind: $0, program: $0.rawValue, version: "") }
  }

  /// forebayd takes 1.5 times the relay's time, in rounds that are more and more disturbed.
  private func data(rounds: Int, factor: Double = 1.5) -> ComparisonData {
    var data = ComparisonData(proxies: proxies([.relay, .forebayd]))
    for round in 0..<rounds {
      let relay = 30.0 * Double(round + 1)
      data.add(figures(relay), .relay, scenario, round: round)
      data.add(
        figures(relay * factor, longest: UInt64(round)), .forebayd, scenario, round: round)
    }
    data.rounds = rounds
    return data
  }

  @Test func takesRatiosWithinARound() {
    let ratio = data(rounds: 6).ratio(
      { $0.cpuNsPerMessage }, of: .forebayd, to: .relay, scenario)
    #expect(ratio == MedianInterval(median: 1.5, low: 1.5, high: 1.5))
  }

  @Test func leavesOutRoundsThatMissOne() {
    var data = data(rounds: 3)
    data.add(figures(1_000), .forebayd, scenario, round: 3)
    #expect(
      data.ratios({ $0.cpuNsPerMessage }, of: .forebayd, to: .relay, scenario) == [1.5, 1.5, 1.5])
    #expect(data.ratios({ $0.cpuNsPerMessage }, of: .nginx, to: .relay, scenario).isEmpty)
  }

  @Test func judgesByTheUpperEnd() throws {
    let line = BudgetLine(
      what: "x", limit: 2, measured: MedianInterval(median: 1.9, low: 1.8, high: 2.1),
      measurements: 20)
    #expect(!line.isMet)
    let lines = Budget.lines(data(rounds: 4))
    #expect(lines.map(\.isMet) == [true, true])
    #expect(lines[0].limit == 2 && lines[0].measurements == 4)
    #expect(lines[1].measured.median == 0.003)
    #expect(try #require(Budget.lines(data(rounds: 4, factor: 2.5)).first).isMet == false)
  }

  @Test func hasARowForEveryProxyAndLoad() {
    let tables = ComparisonTables(data: data(rounds: 2))
    #expect(tables.throughput.rows.count == 9 * 2)
    #expect(tables.roundTrip.rows.count == 3 * 2)
    #expect(tables.throughput.headings.contains("÷ relay"))
    #expect(!tables.throughput.headings.contains("÷ HAProxy"))
    let row = tables.throughput.rows.first { $0[1] == "8" && $0[3] == "forebayd" }
    #expect(row?[5] == "1.50 (1.50–1.50)")
  }

  @Test func saysWhatIsMissingOrFailed() {
    var data = data(rounds: 1)
    data.failures = ["nginx, 128 B: it broke"]
    let report = ComparisonReport(data: data, missing: ["Envoy: not there"])
    for text in [report.text, report.markdown] {
      #expect(text.contains("Missing: Envoy: not there."))
      #expect(text.contains("Failed: nginx, 128 B: it broke."))
    }
    #expect(report.json.text.contains(#""missing":["Envoy: not there"]"#))
    #expect(!report.json.text.contains("nan"))
  }
}
