import ForebayWire
import Testing

@testable import ForebayCore

/// Rate limits of classes: charged at dispatch, felt as a shut window.
@Suite struct ClassRateTests {
  /// One class with ten messages a second and a burst of ten.
  private func limited() -> SidecarHarness {
    SidecarHarness { settings in
      settings.classes[0].rate = RateLimit(messages: 10, per: .seconds(1), burst: 10)
    }
  }

  @Test func theUpstreamGetsNoMoreThanBurstAndRate() {
    let harness = limited()
    let client = harness.join()
    client.offer(100)
    harness.pass(.seconds(2))
    #expect(harness.upstream.accepted.count >= 20)
    #expect(harness.upstream.accepted.count <= 31)
    // What waits, waits with its producer: the burst and a tenth of a second's worth are let in.
    #expect(harness.route.heldPeak.messages <= 11)
    harness.pass(.seconds(30))
    client.expectDelivered(1...100)
    harness.expectNoProblems()
  }

  @Test func idleCreditOfTheClassGoesToWhoWantsIt() {
    let harness = limited()
    let idle = TestClient(harness, user: 1)
    let busy = TestClient(harness, user: 2)
    idle.join()
    busy.join()
    busy.offer(30)
    harness.pass(.seconds(60))
    busy.expectDelivered(1...30)
    idle.offer(5)
    harness.pass(.seconds(30))
    idle.expectDelivered(1...5)
    harness.expectNoProblems()
  }

  /// The rate is one for all routes, and so is what may be outstanding.
  @Test func idleCreditOnAnotherRouteGoesToWhoWantsIt() {
    var settings = Settings(routes: [RouteSettings(name: "a"), RouteSettings(name: "b")])
    settings.limits.nurserySegments = 8
    settings.classes[0].rate = RateLimit(messages: 10, per: .seconds(1), burst: 10)
    let harness = SidecarHarness(settings)
    let idle = TestClient(harness, user: 1)
    let busy = TestClient(harness, user: 2)
    idle.join(route: "a")
    busy.join(route: "b")
    busy.offer(30)
    harness.pass(.seconds(60))
    busy.expectDelivered(1...30)
    harness.expectNoProblems()
  }

  @Test func anotherClassIsNotHeldUp() {
    let harness = SidecarHarness { settings in
      settings.classes[0].rate = RateLimit(messages: 1, per: .seconds(1), burst: 1)
      settings.classes.append(ClassSettings(name: "free"))
    }
    let slow = TestClient(harness, user: 1)
    let free = TestClient(harness, user: 2)
    free.classIndex = 1
    slow.join()
    free.join()
    slow.offer(20)
    free.offer(200)
    harness.pass(.seconds(1))
    free.expectDelivered(1...200)
    slow.expectUnsettled(10...10)
    harness.expectNoProblems()
  }
}
