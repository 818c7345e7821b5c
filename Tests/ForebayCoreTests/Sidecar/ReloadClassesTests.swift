import ForebayWire
import Testing

@testable import ForebayCore

/// Classes across a reload: known by name, whatever their indices; nobody is lost between them.
@Suite struct ReloadClassesTests {
  private func one(_ name: String, lanes: UInt8 = 0xff, weight: UInt64 = 1) -> ClassSettings {
    var settings = ClassSettings(name: name)
    settings.lanes = lanes
    settings.weight = weight
    return settings
  }

  private func scene(_ classes: [ClassSettings]) -> SidecarHarness {
    SidecarHarness { $0.classes = classes }
  }

  private func client(
    of harness: SidecarHarness, user: UInt32, class name: String
  ) -> TestClient {
    let client = TestClient(harness, user: user)
    client.classIndex = harness.core.settings.classes.firstIndex { $0.name == name }!
    client.join()
    return client
  }

  private func className(of client: TestClient, _ harness: SidecarHarness) -> (String, String) {
    let slot = client.id!.slot
    let principal = harness.core.clients[slot].principal
    let classes = harness.core.settings.classes
    return (
      classes[harness.core.clients[slot].classIndex].name,
      classes[harness.core.principals[principal].classIndex].name
    )
  }

  private func weight(of client: TestClient, _ harness: SidecarHarness) -> Int {
    let slot = client.id!.slot
    let session = harness.core.clients[slot].session
    let flow = harness.core.sessions[session].flows
    let parent = harness.core.routes[0].queue.flows[flow].parent
    return harness.core.routes[0].queue.members[parent].weight
  }

  @Test func everybodyKeepsTheirClassWhateverItsIndex() {
    let harness = scene([one("default"), one("bulk", lanes: 0b10)])
    let plain = client(of: harness, user: 1, class: "default")
    let bulk = client(of: harness, user: 2, class: "bulk")
    plain.offer(1)
    bulk.offer(1, lane: 1)
    harness.reload { settings in
      settings.classes = [
        one("new"), one("bulk", lanes: 0b100, weight: 3), one("default", weight: 2),
      ]
    }
    #expect(className(of: plain, harness) == ("default", "default"))
    #expect(className(of: bulk, harness) == ("bulk", "bulk"))
    #expect(weight(of: plain, harness) == 2)
    #expect(weight(of: bulk, harness) == 3)
    // Rights are those of now.
    bulk.offer(1, lane: 1)
    bulk.offer(1, lane: 2)
    bulk.expectOutcome(.rejected, of: 2...2, code: .laneNotPermitted)
    bulk.expectDelivered(3...3)
    harness.expectNoProblems()
  }

  @Test func aClassThatIsGoneStaysForThoseWhoAreInIt() {
    let harness = scene([one("default"), one("bulk", lanes: 0b10)])
    let bulk = client(of: harness, user: 2, class: "bulk")
    bulk.offer(1, lane: 1)
    harness.reload { $0.classes = [one("default"), one("other")] }
    #expect(harness.core.settings.classes.map(\.name) == ["default", "other", "bulk"])
    #expect(className(of: bulk, harness) == ("bulk", "bulk"))
    bulk.offer(1, lane: 0)
    bulk.expectOutcome(.rejected, of: 2...2, code: .laneNotPermitted)
    bulk.write(Seen(floor: 3).encoded())
    bulk.bye()
    harness.reload { $0.classes = [one("other")] }
    #expect(harness.core.settings.classes.map(\.name) == ["other"])
    harness.expectNoProblems()
  }

  @Test func whoConnectsInAnotherClassMovesThereWithAllThatIsHeld() {
    let harness = scene([one("default", weight: 1), one("bulk", weight: 5)])
    harness.upstream.manner = .hold
    let first = client(of: harness, user: 1, class: "default")
    first.offer(10)
    #expect(weight(of: first, harness) == 1)
    let second = client(of: harness, user: 1, class: "bulk")
    #expect(className(of: second, harness) == ("bulk", "bulk"))
    #expect(className(of: first, harness) == ("default", "bulk"))
    #expect(weight(of: first, harness) == 5)
    harness.reload { $0.classes[1].rate = RateLimit(messages: 5, per: .seconds(1), burst: 5) }
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    first.expectDelivered(1...10)
    harness.expectNoProblems()
  }

  @Test func aClassKeepsTheTokensItHasLeft() {
    let slow = RateLimit(messages: 1, per: .seconds(10), burst: 5)
    let harness = SidecarHarness { settings in
      settings.classes = [one("default"), one("slow")]
      settings.classes[1].rate = slow
    }
    let client = client(of: harness, user: 1, class: "slow")
    client.offer(20)
    #expect(harness.upstream.accepted.count == 5)
    harness.reload { $0.classes.swapAt(0, 1) }
    client.offer(20)
    #expect(harness.upstream.accepted.count == 5)
    harness.pass(.seconds(21))
    #expect(harness.upstream.accepted.count == 7)
    harness.expectNoProblems()
  }

  @Test func routesOfAClassHoldForTheNextHello() {
    let harness = SidecarHarness { $0.routes.append(RouteSettings(name: "second")) }
    let known = client(of: harness, user: 1, class: "default")
    // A route that is still to come lets nobody in.
    harness.reload { settings in
      settings.routes.append(RouteSettings(name: "third"))
      settings.classes[0].routes = ["third", "second"]
    }
    known.offer(1)
    known.expectDelivered(1...1)
    let new = client(of: harness, user: 1, class: "default")
    new.offer(1)
    #expect(harness.upstreams[1]?.accepted.count == 1)
    harness.reload { settings in
      settings.routes.append(RouteSettings(name: "third"))
      settings.classes[0].routes = ["third"]
    }
    client(of: harness, user: 1, class: "default").expectClosed(.notPermitted)
    harness.expectNoProblems()
  }
}
