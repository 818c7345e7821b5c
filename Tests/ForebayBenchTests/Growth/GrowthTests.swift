import Testing

@testable import forebay_bench

struct GrowthTests {
  @Test func growsTenfold() {
    for axis in GrowthAxis.allCases {
      for (step, next) in zip(axis.steps, axis.steps.dropFirst()) { #expect(next == step * 10) }
    }
  }

  @Test func growsOneThingAtATime() {
    let usual = Scenario(mode: .throughput, payloadBytes: 128, clients: 8)
    #expect(GrowthAxis.messages.scenario(100_000) == usual)
    #expect(GrowthAxis.messages.count(100_000) == 100_000)
    #expect(GrowthAxis.idle.scenario(1_000) == usual)
    #expect(GrowthAxis.idle.idleClients(1_000) == 1_000)
    #expect(GrowthAxis.clients.scenario(100).clients == 100)
    #expect(GrowthAxis.bytes.scenario(1_600).payloadBytes == 1_600)
    #expect(GrowthAxis.bytes.count(1_600) == nil)
  }

  @Test func drawsAndListsWhatWasMeasured() {
    var data = GrowthData(rounds: 1)
    for (step, cpu) in zip(GrowthAxis.clients.steps.prefix(2), [40.0, 44]) {
      data.add(
        RunFigures(
          cpuNsPerMessage: cpu, messagesPerSecond: 1e6, latencyP50Microseconds: 1,
          latencyP99Microseconds: 2, messages: 10, memory: ResidentMemory()),
        .clients, step, .forebayd)
    }
    let report = GrowthReport(data: data, missing: ["raw relay: not there"])
    #expect(report.table.rows.count == 2)
    #expect(report.markdown.contains("Missing: raw relay: not there."))
    let lines = report.chart.panels.map { $0.lines.map(\.count) }
    #expect(lines == [[0, 0], [0, 2], [0, 0], [0, 0]])
    #expect(!report.chart.svg.text.contains("null"))
  }
}
