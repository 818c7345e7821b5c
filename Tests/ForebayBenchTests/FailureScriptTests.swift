import ForebayCore
import Testing

@testable import forebay_bench

@Suite struct FailureScriptTests {
  private func at(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test func readsTheWholeGrammar() throws {
    let script = try FailureScript("5s:stall 3s; 10s:reject; 12s:close; 15s:refuse 2s; 20s:normal")
    #expect(
      script.steps == [
        .init(at: at(5_000), event: .begin(.stall, until: at(8_000))),
        .init(at: at(8_000), event: .end(.stall)),
        .init(at: at(10_000), event: .begin(.reject, until: nil)),
        .init(at: at(12_000), event: .closeAll),
        .init(at: at(15_000), event: .begin(.refuse, until: at(17_000))),
        .init(at: at(17_000), event: .end(.refuse)),
      ] + FailureScript.Failure.allCases.map { .init(at: at(20_000), event: .end($0)) })
  }

  @Test func countsFromItsStart() throws {
    var script = try FailureScript("100ms:throttle 50ms", start: at(1_000))
    #expect(script.next(now: at(1_099)) == nil)
    #expect(script.next(now: at(1_100)) == .begin(.throttle, until: at(1_150)))
    #expect(script.next(now: at(1_100)) == nil)
    #expect(script.next(now: at(9_999)) == .end(.throttle))
    #expect(script.next(now: at(9_999)) == nil)
  }

  @Test(arguments: [
    "stall", "5s", "5s:", "5s:explode", "x:stall", "5s:stall x", "5s:close 2s", "5s:stall 1s 2s",
  ])
  func refuses(text: String) {
    #expect(throws: FailureScript.Mistake.self) { try FailureScript(text) }
  }
}
