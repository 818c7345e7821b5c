import ForebayWire
import Testing

@testable import ForebayCore

/// How a connection begins, and everything that can be wrong with it.
@Suite struct HelloTests {
  @Test func aGoodHelloIsAnsweredWithWelcomeAndWindow() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.expectReady()
    #expect(client.welcome?.isResumed == false)
    #expect(client.welcome?.ranges == 0)
    #expect(client.welcome?.overhead == 320)
    #expect(client.welcome?.frameBytesMax == 262_144)
    #expect(client.welcome?.heartbeatMilliseconds == 0)
    #expect(client.frames.count == 2)
    #expect(client.lastWindow?.state == .open)
    client.offer(10)
    client.expectDelivered(1...10)
    harness.expectNoProblems()
  }

  @Test func namesARouteOrGetsTheFirst() {
    let harness = SidecarHarness { settings in
      settings.routes.append(RouteSettings(name: "second"))
    }
    let first = TestClient(harness)
    let second = TestClient(harness)
    first.join()
    second.join(route: "second")
    first.offer(1)
    second.offer(2)
    #expect(harness.upstreams[0]?.accepted.count == 1)
    #expect(harness.upstreams[1]?.accepted.count == 2)
    let lost = TestClient(harness)
    lost.join(route: "third")
    lost.expectClosed(.unknownRoute)
    harness.expectNoProblems()
  }

  @Test func aClassUsesItsRoutesOnlyAndItsFirstByDefault() {
    let harness = SidecarHarness { settings in
      settings.routes += [RouteSettings(name: "second"), RouteSettings(name: "third")]
      var limited = ClassSettings(name: "limited")
      limited.routes = ["third", "second"]
      settings.classes.append(limited)
    }
    let witness = harness.join()
    let clients = (0..<4).map { _ in TestClient(harness, user: 2000) }
    for client in clients { client.classIndex = 1 }
    clients[0].join()
    clients[1].join(route: "second")
    clients[2].join(route: "main")
    clients[3].join(route: "fourth")
    clients[2].expectClosed(.notPermitted)
    clients[3].expectClosed(.unknownRoute)
    // The others stay, those of the same user too.
    witness.offer(1)
    for client in clients[..<2] { client.offer(1) }
    for client in [witness] + clients[..<2] { client.expectDelivered(1...1) }
    #expect(harness.upstreams.map { $0?.accepted.count } == [1, 1, 1])
    harness.expectNoProblems()
  }

  @Test func mistakesInHelloHaveNames() {
    for (change, code) in Self.mistakes {
      let harness = SidecarHarness()
      let witness = TestClient(harness)
      witness.join()
      let client = TestClient(harness)
      client.connect()
      var bytes = Hello(session: client.session).encoded()
      change(&bytes)
      client.write(bytes)
      client.expectClosed(code)
      witness.offer(1)
      witness.expectDelivered(1...1)
      harness.expectNoProblems()
    }
  }

  private static let mistakes: [(@Sendable (inout [UInt8]) -> Void, ErrorCode)] = [
    ({ $0[8] = 0 }, .badMagic),
    ({ $0[12] = 9 }, .unsupportedVersion),
    ({ $0[5] = 2 }, .reservedBits),
    ({ $0[6] = 1 }, .reservedBits),
    ({ $0[40] = 9 }, .badField),
    ({ for index in 16..<32 { $0[index] = 0 } }, .badField),
    ({ for index in 32..<40 { $0[index] = 0 } }, .badField),
    ({ $0[4] = 99 }, .unknownFrameType),
    ({ $0[4] = FrameType.welcome.rawValue }, .wrongDirection),
    ({ $0[3] = 2 }, .frameTooShort),
    ({ $0[0] = 0x7f }, .frameTooLarge),
    ({ $0[4] = FrameType.seen.rawValue }, .helloExpected),
    (
      {
        $0 += [1]; $0[3] += 1
      }, .badExtension
    ),
  ]

  @Test func dataBeforeHelloIsRefused() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    client.write(TestMessage(sequence: 1).frame(of: client.session))
    client.expectClosed(.helloExpected)
    #expect(harness.totals.received == 0)
    harness.expectNoProblems()
  }

  @Test func helloComesOnce() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.write(Hello(session: client.session).encoded())
    client.expectClosed(.helloRepeated)
    harness.expectNoProblems()
  }

  @Test func aConnectionWithoutHelloIsClosedInTime() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    harness.pass(.milliseconds(1_999))
    client.expectOpen()
    harness.pass(.milliseconds(1))
    client.expectClosed(.helloTimeout)
    harness.expectNoProblems()
  }

  @Test func dataInTheSameReadAsHelloHasNoCredit() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    client.write(
      Hello(session: client.session).encoded()
        + TestMessage(sequence: 1).frame(of: client.session))
    client.expectClosed(.flowControl)
    #expect(harness.totals.received == 0)
    harness.expectNoProblems()
  }

  @Test func framesThatCostNothingMayFollowHelloDirectly() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    client.write(
      Hello(session: client.session).encoded() + Seen(floor: 1).encoded()
        + Blocked(cost: 400, floor: 1).encoded() + Backlog(bytes: .max, messages: .max).encoded()
        + Reclaimed(number: 7).encoded() + Pong(token: 3).encoded())
    client.expectReady()
    client.offer(3)
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }

  @Test func aPrincipalHasAMaximumOfConnections() {
    let harness = SidecarHarness { $0.limits.connectionsPerPrincipalMax = 2 }
    let clients = (0..<3).map { _ in TestClient(harness) }
    for client in clients { client.join() }
    #expect(clients[2].refusal == .tooManyConnections)
    let other = harness.join(user: 1001)
    other.expectReady()
    clients[0].hangUp()
    clients[2].join()
    clients[2].expectReady()
    harness.expectNoProblems()
  }

  @Test func theProcessHasAMaximumOfConnections() {
    let harness = SidecarHarness { $0.limits.connectionsMax = 3 }
    let clients = (0..<4).map { TestClient(harness, user: 1000 + $0) }
    for client in clients { client.join() }
    #expect(clients.map(\.isReady) == [true, true, true, false])
    #expect(clients[3].refusal == .tooManyConnections)
    harness.expectNoProblems()
  }

  @Test func aSessionIsEitherAClientsOrAPeers() {
    let harness = SidecarHarness()
    let client = harness.join()
    let imposter = TestClient(harness, session: client.session)
    imposter.join(isPeer: true)
    #expect(!imposter.isConnected)
    client.expectOpen()
    harness.expectNoProblems()
  }
}
