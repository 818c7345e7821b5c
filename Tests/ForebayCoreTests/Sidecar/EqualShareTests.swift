import Testing

@testable import ForebayCore

/// Clients of one user beside each other: where space is short, nobody keeps more because it came first.
@Suite struct EqualShareTests {
  private static func crowded(_ settings: inout Settings) {
    settings.limits.frameBytesMax = 1024
    settings.routes[0].bufferMessages = 400
    settings.routes[0].bufferBytes = 4 << 20
    settings.routes[0].upstream.batchMessagesMax = 4
  }

  private func standings(_ harness: SidecarHarness) -> [UInt64] {
    harness.core.clientReports(now: harness.now).map { $0.held.messages + $0.open.messages }
  }

  @Test func whoCameFirstGivesUpWhatItHasAboveAnEqualShare() {
    let harness = SidecarHarness(Self.crowded)
    harness.upstream.manner = .hold
    let clients = (0..<4).map { _ in TestClient(harness) }
    for client in clients {
      client.join()
      // Twice, so that its window has grown.
      client.offer(3000)
      harness.pass(.milliseconds(100))
    }
    let before = standings(harness)
    #expect(before[0] > 2 * before[3], "the first has nearly all: \(before)")
    for _ in 0..<300 {
      harness.upstream.settleNext(.accepted)
      harness.pass(.milliseconds(1))
    }
    let after = standings(harness)
    #expect(after.max()! <= after.min()! * 3 / 2, "\(after)")
    #expect(after.reduce(0, +) > 300, "what is free is given all the same: \(after)")
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(10))
    for client in clients { client.expectDelivered(1...3000) }
    harness.expectNoProblems()
  }

  @Test func whatAModestClientDoesNotUseIsForTheOthers() {
    let harness = SidecarHarness(Self.crowded)
    harness.upstream.manner = .hold
    let greedy = TestClient(harness)
    let modest = TestClient(harness)
    for client in [greedy, modest] { client.join() }
    greedy.offer(3000)
    for _ in 0..<100 {
      modest.offer(1)
      harness.upstream.settleNext(.accepted)
      harness.pass(.milliseconds(10))
    }
    let (most, least) = (standings(harness)[0], standings(harness)[1])
    #expect(most > 200 && most > 2 * least, "\(most) and \(least)")
    harness.expectNoProblems()
  }
}
