import ForebayWire
import Testing

@testable import ForebayCore

/// Whose connections count against a user's pace, and whose don't.
@Suite struct ArrivalTests {
  private let key = PrincipalKey(listener: 1, user: 1000)

  private func harness() -> SidecarHarness {
    SidecarHarness {
      $0.limits.shortConnectionsBurst = 3
      $0.limits.shortConnectionsPerSecond = 10
    }
  }

  private func arrival(_ harness: SidecarHarness) -> ArrivalPace.OnArrival {
    harness.core.clientArrived(key, waiting: 0, now: harness.now)
  }

  @Test func thoseThatStayDoNotCount() {
    let harness = harness()
    for _ in 0..<20 {
      let client = TestClient(harness)
      client.join()
      harness.pass(.milliseconds(1200))
      client.hangUp()
    }
    #expect(arrival(harness) == .admit)
  }

  @Test func thoseThatLeaveAtOnceDo() {
    let harness = harness()
    for _ in 0..<5 {
      let client = TestClient(harness)
      client.join()
      client.hangUp()
    }
    #expect(arrival(harness) != .admit)
    #expect(
      harness.core.clientArrived(
        PrincipalKey(listener: 1, user: 1), waiting: 0, now: harness.now) == .admit)
    harness.pass(.seconds(1))
    #expect(arrival(harness) == .admit)
  }

  /// However long it lasted before.
  @Test func anOffenceCounts() {
    let harness = harness()
    let clients = (0..<5).map { _ in TestClient(harness) }
    for client in clients { client.join() }
    harness.pass(.seconds(3))
    #expect(arrival(harness) == .admit)
    for client in clients {
      if let id = client.id { _ = harness.deliver([0, 0, 0, 0, 0, 0, 0, 0], from: id) }
    }
    harness.pass(.milliseconds(1))
    #expect(arrival(harness) != .admit)
  }

  /// Nobody waits only to be refused.
  @Test func whoWillBeRefusedIsToldAtOnce() {
    let harness = harness()
    for _ in 0..<50 {
      harness.core.connectionRefused(.notPermitted, key, hasWaited: false, now: harness.now)
    }
    #expect(arrival(harness) == .refuse)
    harness.core.drain(until: harness.now + .seconds(1), now: harness.now)
    #expect(arrival(harness) == .admit)
    #expect(
      harness.core.clientConnected(
        key, classIndex: 0, needsHeartbeat: false, now: harness.now) == .refused(.shuttingDown))
  }
}
