import ForebayCore
import Testing

@testable import forebay_bench

@Suite struct UpstreamsDataTests {
  private func figures(
    cpu: Double, rate: Double, p99: Double = 1_000, longest: UInt64? = nil
  ) -> RunFigures {
    RunFigures(
      cpuNsPerMessage: cpu, messagesPerSecond: rate, latencyP50Microseconds: 100,
      latencyP99Microseconds: p99, messages: 1_000, memory: ResidentMemory(),
      longestCallbackMicroseconds: longest)
  }

  private func round(nativeRate: Double, forebaydRate: Double) -> UpstreamsData.Round {
    let rate = UpstreamRounds.share * nativeRate
    return UpstreamsData.Round(
      fastest: UpstreamsData.Pair(
        native: figures(cpu: 800, rate: nativeRate),
        forebayd: figures(cpu: 900, rate: forebaydRate, longest: 1_500)),
      paced: UpstreamsData.Pair(
        native: figures(cpu: 1_000, rate: rate),
        forebayd: figures(cpu: 1_200, rate: rate, longest: 2_500)), rate: rate)
  }

  private var data: UpstreamsData {
    var data = UpstreamsData(kinds: [.redis, .http])
    for _ in 0..<3 { data.add(round(nativeRate: 500_000, forebaydRate: 450_000), .redis) }
    data.neighbours.rates = [.redis: 10_000]
    for p99 in [1_050.0, 1_100, 1_150] {
      let without = NeighbourRun.Figures(
        paced: [.redis: figures(cpu: 0, rate: 10_000)],
        fastest: [.redis: figures(cpu: 0, rate: 400_000)])
      let with = NeighbourRun.Figures(
        paced: [.redis: figures(cpu: 0, rate: 10_000, p99: p99)],
        fastest: [.redis: figures(cpu: 0, rate: 200_000)])
      data.neighbours.pairs.append(
        NeighbourData.Pair(without: without, with: with, death: .silent))
    }
    return data
  }

  @Test func ratiosAreTakenInsideARound() {
    #expect(data.interval(.redis) { $0.fastest.ratio { $0.messagesPerSecond } }.median == 0.9)
    #expect(data.interval(.redis, \.moreCPU).median == 200)
    #expect(data.longestCallback(.redis) == 2.5)
    #expect(data.longestCallback(.http) == nil)
    #expect(data.measured.kinds == [.redis])
  }

  @Test func promisesAreKeptOrNot() {
    let lines = UpstreamsBudget.lines(data.measured)
    #expect(lines.map(\.isMet) == [true, true, true, true, true, true, false])
    #expect(lines.allSatisfy { $0.what.hasPrefix("Redis Streams: ") })
  }

  @Test func nothingMeasuredPromisesNothing() {
    #expect(UpstreamsBudget.lines(UpstreamsData(kinds: UpstreamKind.allCases)).isEmpty)
  }

  @Test func aReportHasEverythingInWordsAndNumbers() throws {
    let report = UpstreamsReport(
      data: data.measured, missing: ["Kafka: no server"], elapsed: .seconds(7))
    #expect(report.text.contains("Missing: Kafka: no server."))
    #expect(report.markdown.contains("| Redis Streams | 4096 | 500000 | 450000 | 0.90"))
    let json = try #require(JSONValue(report.json.text))
    #expect(json["upstreams"]?[0]?["rounds"]?.values?.count == 3)
    #expect(json["upstreams"]?[0]?["besideADeadOne"]?["p99Ratios"]?[1]?.double == 1.1)
    #expect(json["missing"]?[0]?.string == "Kafka: no server")
    #expect(report.chart.svg.text.contains("native client"))
  }
}

@Suite struct NativeClientTests {
  @Test func itsLineIsRead() throws {
    let figures = try #require(
      NativeClient.figures(
        in: """
          {"messages":5,"seconds":0.5,"messagesPerSecond":10.0,"cpuNsPerMessage":812.25,\
          "p50Microseconds":3.50,"p99Microseconds":9.00}

          """))
    #expect(figures.messages == 5 && figures.cpuNsPerMessage == 812.25)
    #expect(figures.latencyP50Microseconds == 3.5 && figures.latencyP99Microseconds == 9)
    #expect(NativeClient.figures(in: "XADD: OOM") == nil)
    #expect(NativeClient.figures(in: "{}") == nil)
  }
}

@Suite struct UpstreamDaemonTests {
  @Test func itsFileHasARouteForEach() {
    let text = UpstreamDaemon.configuration(
      [
        UpstreamDaemon.Route(
          name: "redis", settings: ["upstream: redis+unix:///s"], inFlightMessages: 4096),
        UpstreamDaemon.Route(name: "dead", settings: ["upstream: redis+unix:///d"]),
      ], at: RunPlace(directory: "/t"))
    #expect(
      text == """
        log_level: error
        drain_timeout: 0s
        admin: {path: /t/admin.sock}
        sockets:
          - path: /t/proxy.sock
        routes:
          - name: redis
            upstream: redis+unix:///s
            buffer_messages: 65536
            buffer_bytes: 256MiB
            window_messages_max: 4096
            in_flight: {messages: 4096}
          - name: dead
            upstream: redis+unix:///d
            buffer_messages: 65536
            buffer_bytes: 256MiB
            window_messages_max: 4096

        """)
  }
}
