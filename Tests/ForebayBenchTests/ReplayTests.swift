import ForebayCore
import Testing

@testable import forebay_bench

/// What is refused, and how; what replays come to is checked by proto/replay with the program itself.
struct ReplayTests {
  private func problem(_ lines: [String]) -> String? {
    var replay = BreakerReplay(settings: BreakerSettings(), seed: 1)
    for line in lines {
      do throws(ReplayProblem) {
        _ = try replay.line(try ReplayObject(line))
      } catch {
        return error.text
      }
    }
    return nil
  }

  @Test(arguments: [
    ("[1]", "isn't one JSON object with each key once"),
    ("{\"at_ms\":0,\"at_ms\":1,\"event\":\"tick\"}", "isn't one JSON object with each key once"),
    ("{\"at_ms\":0,\"event\":\"tick\"} {}", "isn't one JSON object with each key once"),
    ("{\"event\":\"tick\"}", "at_ms is missing: the time in milliseconds"),
    (
      "{\"at_ms\":0.5,\"event\":\"tick\"}",
      "at_ms must be a whole number of milliseconds, not negative"
    ),
    (
      "{\"at_ms\":-1,\"event\":\"tick\"}",
      "at_ms must be a whole number of milliseconds, not negative"
    ),
    ("{\"at_ms\":9000000000001,\"event\":\"tick\"}", "at_ms must be at most 9000000000000"),
    (
      "{\"at_ms\":0}",
      "event is missing; write one of: dispatch, success, failure, slow, throttled, neutral, tick, "
        + "force_open, force_closed, auto, probe_now"
    ),
    (
      "{\"at_ms\":0,\"event\":\"ok\"}",
      "there is no such event; write one of: dispatch, success, failure, slow, throttled, neutral, "
        + "tick, force_open, force_closed, auto, probe_now"
    ),
    ("{\"at_ms\":0,\"event\":\"tick\",\"id\":1}", "\"id\" means nothing for tick"),
    (
      "{\"at_ms\":0,\"event\":\"success\",\"retry_after_ms\":1}",
      "\"retry_after_ms\" means nothing for success"
    ),
    (
      "{\"at_ms\":0,\"event\":\"failure\",\"retry_after_ms\":\"soon\"}",
      "retry_after_ms must be a whole number of milliseconds, not negative"
    ),
    (
      "{\"at_ms\":0,\"event\":\"success\",\"duration_ms\":86400001}",
      "duration_ms must be at most a day"
    ),
    ("{\"at_ms\":0,\"event\":\"dispatch\",\"id\":[]}", "id must be a text or a number"),
    (
      "{\"at_ms\":0,\"event\":\"success\",\"id\":\"a\\n\"}",
      "there is no dispatch with id \"a\\n\", or it has had its result"
    ),
  ])
  func aLineThatCannotBeUsedIsRefused(_ line: String, _ told: String) {
    #expect(problem([line]) == told)
  }

  @Test func aFileMayNotContradictItself() {
    let dispatch = #"{"at_ms":1,"event":"dispatch","id":7}"#
    #expect(
      problem([dispatch, dispatch]) == "call 7 was dispatched before, and has no result yet")
    let result = #"{"at_ms":2,"event":"neutral","id":7}"#
    #expect(
      problem([dispatch, result, result])
        == "there is no dispatch with id 7, or it has had its result")
    // A text and a number are two ids; an id is free again after its result.
    #expect(problem([dispatch, #"{"at_ms":2,"event":"dispatch","id":"7"}"#, result]) == nil)
    #expect(
      problem([dispatch, result, #"{"at_ms":2,"event":"dispatch","id":7,"offered":null}"#]) == nil)
  }

  @Test func timeGoesForwardAndNotByYears() {
    func tick(_ at: UInt64) -> String { "{\"at_ms\":\(at),\"event\":\"tick\"}" }
    #expect(problem([tick(5), tick(4)]) == "its time is before that of the line before")
    #expect(problem([tick(0), tick(366 * 86_400_000)]) == nil)
    #expect(
      problem([tick(0), tick(366 * 86_400_000 + 1)])
        == "its time is more than a year after that of the line before")
  }

  /// A line that is refused has moved nothing: the next good one is answered as if it hadn't been.
  @Test func aRefusedLineMovesNothing() throws {
    var replay = BreakerReplay(settings: BreakerSettings(), seed: 1)
    var undisturbed = replay
    for at in 0..<4 {
      let line = "{\"at_ms\":\(at),\"event\":\"failure\"}"
      _ = try replay.line(try ReplayObject(line))
      _ = try undisturbed.line(try ReplayObject(line))
    }
    for bad in [
      #"{"at_ms":9,"event":"failure","id":1}"#, #"{"at_ms":0,"event":"failure"}"#,
      #"{"at_ms":9,"event":"failure","x":1}"#,
    ] {
      #expect(throws: ReplayProblem.self) { try replay.line(try ReplayObject(bad)) }
    }
    let next = #"{"at_ms":4,"event":"failure"}"#
    #expect(
      try replay.line(try ReplayObject(next)) == undisturbed.line(try ReplayObject(next)))
  }

  @Test func aLimiterTakesOneKindOfTime() {
    var replay = LimiterReplay(RateLimit(messages: 1, per: .seconds(1), burst: 1))
    #expect(throws: ReplayProblem("give at_ms or at_ns, not both")) {
      try replay.line(try ReplayObject(#"{"at_ms":0,"at_ns":0}"#))
    }
    #expect(throws: ReplayProblem("there is no such event; write one of: take, refund, tick")) {
      try replay.line(try ReplayObject(#"{"at_ms":0,"event":"success"}"#))
    }
    #expect(throws: ReplayProblem("\"count\" means nothing for tick")) {
      try replay.line(try ReplayObject(#"{"at_ms":0,"event":"tick","count":1}"#))
    }
  }
}
