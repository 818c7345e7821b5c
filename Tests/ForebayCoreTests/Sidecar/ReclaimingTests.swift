import ForebayWire
import Testing

@testable import ForebayCore

/// Unused credit is taken back by a handshake.
@Suite struct ReclaimingTests {
  /// Room for four reserves of one small frame.
  private static func tiny(_ settings: inout Settings) {
    settings.limits.frameBytesMax = 1024
    settings.routes[0].bufferBytes = 4 * 1728
    settings.routes[0].bufferMessages = 40
    settings.routes[0].controlReserveBytes = 0
  }

  private func scene() -> (SidecarHarness, [TestClient], TestClient) {
    let harness = SidecarHarness(Self.tiny)
    let idle = (0..<6).map { TestClient(harness, user: 1000 + UInt32($0)) }
    for client in idle { client.join() }
    let client = TestClient(harness, user: 2000)
    return (harness, idle, client)
  }

  @Test func idleCreditComesBackToWhomItIsNeededBy() {
    let (harness, idle, client) = scene()
    client.join()
    client.offer(1, payloadBytes: 1000)
    harness.pass(.seconds(2))
    client.expectDelivered(1...1)
    #expect(idle.contains { $0.frames.contains { if case .reclaim = $0 { true } else { false } } })
    // They don't get it back while they want nothing.
    #expect(idle.allSatisfy { $0.credit.messages == 0 || $0.reclaim == nil })
    harness.expectNoProblems()
  }

  /// A route that dispatches all the time sets its deadlines anew all the time.
  @Test func aBusyRouteLooksForIdleCreditToo() {
    let harness = SidecarHarness { settings in
      Self.tiny(&settings)
      settings.routes[0].bufferMessages = 4
    }
    harness.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(20)) }
    let idle = TestClient(harness, user: 1000)
    idle.join()
    let busy = [1, 2].map { TestClient(harness, user: $0) }
    for client in busy {
      client.join()
      client.offer(2000)
    }
    // Of the principal that has its share already, in the hands of a client that doesn't use it.
    let late = TestClient(harness, user: 1000)
    late.join()
    late.offer(1, payloadBytes: 1000)
    harness.pass(.seconds(10))
    late.expectDelivered(1...1)
    #expect(busy.allSatisfy { !$0.waiting.isEmpty }, "they kept it busy all the time")
    harness.expectNoProblems()
  }

  @Test func nothingIsReclaimedWithoutNeed() {
    let harness = SidecarHarness()
    _ = harness.join()
    harness.pass(.seconds(60))
    #expect(harness.totals.reclaims == 0)
    harness.expectNoProblems()
  }

  @Test func dataThatCrossesAReclaimIsAccepted() {
    let (harness, idle, client) = scene()
    for one in idle { one.answersReclaims = false }
    client.join()
    client.offer(1, payloadBytes: 1000)
    harness.pass(.seconds(2))
    let asked = idle.filter { $0.reclaim != nil }
    #expect(!asked.isEmpty)
    for one in asked {
      // The limit of before still holds for the daemon.
      one.sendRegardless(1)
      one.expectOpen()
      one.answerReclaim()
      one.expectOpen()
      one.expectDelivered(1...1)
    }
    harness.pass(.seconds(2))
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func whoDoesNotAnswerIsClosed() {
    let (harness, idle, client) = scene()
    for one in idle { one.answersReclaims = false }
    client.join()
    client.offer(1, payloadBytes: 1000)
    harness.pass(.seconds(2))
    let asked = idle.filter { $0.reclaim != nil }
    harness.pass(.seconds(5))
    #expect(!asked.isEmpty)
    for one in asked { one.expectClosed(.reclaimTimeout) }
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func nothingIsGrantedBeforeTheAnswer() {
    let (harness, idle, client) = scene()
    for one in idle { one.answersReclaims = false }
    client.join()
    client.offer(1, payloadBytes: 1000)
    harness.pass(.seconds(2))
    guard let one = idle.first(where: { $0.reclaim != nil }) else {
      Issue.record("nobody was asked")
      return
    }
    one.write(Blocked(cost: 1344, floor: 1).encoded())
    #expect(one.lastWindow?.reason == .reclaiming)
    let limit = one.lastWindow!.limitMessages
    #expect(limit <= one.reclaim!.limitMessages)
    one.answerReclaim()
    one.expectOpen()
    harness.expectNoProblems()
  }

  @Test func aStrayAnswerIsIgnored() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.write(Reclaimed(number: 1).encoded())
    client.offer(1)
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func whoIsIdleLongestIsAskedFirst() {
    let (harness, idle, client) = scene()
    harness.pass(.milliseconds(500))
    // All but the first two are used.
    for one in idle.dropFirst(2) { one.offer(1) }
    harness.pass(.milliseconds(700))
    client.join()
    client.offer(1, payloadBytes: 1000)
    harness.pass(.milliseconds(400))
    let asked = idle.indices.filter { index in
      idle[index].frames.contains { if case .reclaim = $0 { true } else { false } }
    }
    #expect(asked.allSatisfy { $0 < 2 }, "\(asked)")
    harness.expectNoProblems()
  }
}
