import Testing

@testable import forebay_bench

struct IdleReportTests {
  private var result: IdleMeasurement.Result {
    var result = IdleMeasurement.Result()
    result.startMilliseconds = [20, 30, 25]
    result.pingMilliseconds = [5, 6, 7]
    result.memoryAtStart = [ResidentMemory(status: "VmRSS: 9000 kB\nRssAnon: 2048 kB\n")]
    result.clients = 1_000
    result.cpuPercent = 0.3
    result.memoryBefore = ResidentMemory(status: "RssAnon: 2000 kB\n")
    result.memoryWithClients = ResidentMemory(status: "RssAnon: 3000 kB\n")
    return result
  }

  @Test func dividesByClients() {
    #expect(result.bytesPerClient == 1024)
  }

  @Test func saysWhichPromisesAreKept() {
    let budget = IdleReport(result: result).budget
    #expect(budget.map(\.isMet) == [true, true, true, false, true])
    #expect(budget[2].measured.median == 2)
  }
}
