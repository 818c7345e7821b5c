import Testing

@testable import ForebayUpstreams

@Suite struct HeartbeatTests {
  @Test func oneIsSentWhereNothingElseWas() {
    var heartbeat = Heartbeat(seconds: 10)
    #expect(heartbeat.tickMilliseconds == 5_000)
    #expect(heartbeat.ticked(hasRead: true, hasWritten: false) == .beat)
    #expect(heartbeat.ticked(hasRead: true, hasWritten: true) == .rest)
  }

  @Test func twoIntervalsOfSilenceAreTheEnd() {
    var heartbeat = Heartbeat(seconds: 10)
    for _ in 0..<3 { #expect(heartbeat.ticked(hasRead: false, hasWritten: true) == .rest) }
    #expect(heartbeat.ticked(hasRead: false, hasWritten: true) == .giveUp(seconds: 20))
  }

  @Test func whateverComesCounts() {
    var heartbeat = Heartbeat(seconds: 10)
    for _ in 0..<10 {
      for _ in 0..<3 { #expect(heartbeat.ticked(hasRead: false, hasWritten: true) == .rest) }
      #expect(heartbeat.ticked(hasRead: true, hasWritten: true) == .rest)
    }
  }

  @Test func noneMeansNone() {
    var heartbeat = Heartbeat()
    #expect(heartbeat.tickMilliseconds == nil)
    for _ in 0..<100 { #expect(heartbeat.ticked(hasRead: false, hasWritten: false) == .rest) }
  }
}
