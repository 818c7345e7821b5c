import ForebayWire
import Testing

@testable import ForebayCore

/// What operators command, and that credit is never taken back one-sidedly by it.
@Suite struct OperatorTests {
  private func scene(_ change: (inout Settings) -> Void = { _ in }) -> (SidecarHarness, TestClient)
  {
    let harness = SidecarHarness(change)
    let client = TestClient(harness)
    client.join()
    return (harness, client)
  }

  private func command<T>(_ harness: SidecarHarness, _ body: (inout Sidecar) -> T) -> T {
    var answer: T!
    harness.event { answer = body(&harness.core) }
    return answer
  }

  private func pause(_ harness: SidecarHarness) -> Sidecar.OnCommand {
    command(harness) { $0.pauseCommanded(route: 0, now: harness.now) }
  }
  private func hold(_ harness: SidecarHarness) -> Sidecar.OnCommand {
    command(harness) { $0.holdCommanded(route: 0, now: harness.now) }
  }
  private func resume(_ harness: SidecarHarness) -> Sidecar.OnCommand {
    command(harness) { $0.resumeCommanded(route: 0, now: harness.now) }
  }

  private func isEmpty(_ harness: SidecarHarness) -> Bool { harness.core.isEmpty(route: 0) }

  // MARK: pause

  @Test func aPauseShutsWindowsAndForwardsWhatIsHeld() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(20)
    let sent = client.sent.messages
    #expect(pause(harness) == .changed)
    #expect(pause(harness) == .unchanged)
    client.expectShut(.paused)
    #expect(!isEmpty(harness))
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...sent)
    #expect(isEmpty(harness))
    harness.pass(.seconds(10))
    client.offer(5)
    harness.pass(.seconds(10))
    #expect(client.sent.messages == sent)
    client.expectShut(.paused)
    client.expectOpen()
    harness.expectNoProblems()
  }

  @Test func whatArrivesWithinCreditDuringAPauseIsTaken() {
    let (harness, client) = scene()
    client.answersAtOnce = false
    #expect(pause(harness) == .changed)
    client.sendRegardless(3)
    client.answer()
    client.expectOpen()
    harness.pass(.milliseconds(1))
    client.expectDelivered(1...3)
    #expect(isEmpty(harness))
    harness.expectNoProblems()
  }

  @Test func resumeOpensTheWindowsAtOnce() {
    let (harness, client) = scene()
    let idle = TestClient(harness, user: 7)
    idle.join()
    #expect(pause(harness) == .changed)
    client.offer(3)
    harness.pass(.seconds(3))
    client.expectUnsettled(1...3)
    #expect(resume(harness) == .changed)
    #expect(resume(harness) == .unchanged)
    #expect(client.lastWindow?.state == .open)
    client.expectDelivered(1...3)
    #expect(idle.lastWindow?.state == .open, "whoever gave its credit back gets it again")
    harness.expectNoProblems()
  }

  @Test func whoJoinsAPausedRouteIsTold() {
    let (harness, _) = scene()
    _ = pause(harness)
    let late = TestClient(harness, user: 2)
    late.join()
    late.expectReady()
    late.expectShut(.paused)
    #expect(late.limit.isZero)
    _ = resume(harness)
    late.offer(1)
    harness.pass(.seconds(6))
    late.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func aPauseLeavesOtherRoutesAlone() {
    var settings = Settings(routes: [RouteSettings(name: "a"), RouteSettings(name: "b")])
    settings.limits.nurserySegments = 8
    let harness = SidecarHarness(settings)
    let other = TestClient(harness)
    other.join(route: "b")
    _ = pause(harness)
    other.offer(10)
    other.expectDelivered(1...10)
    harness.expectNoProblems()
  }

  @Test func waitersOfAPausedRouteLeaveTheLine() {
    let (harness, client) = scene { settings in
      settings.limits.frameBytesMax = 1024
      settings.routes[0].bufferBytes = 4 * 1728
      settings.routes[0].bufferMessages = 40
      settings.routes[0].controlReserveBytes = 0
    }
    harness.upstream.manner = .hold
    client.offer(30, payloadBytes: 900)
    let other = TestClient(harness, user: 2)
    other.join()
    other.offer(30, payloadBytes: 900)
    harness.pass(.seconds(1))
    _ = pause(harness)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(6))
    #expect(isEmpty(harness))
    _ = resume(harness)
    harness.pass(.seconds(20))
    client.expectDelivered(1...30)
    other.expectDelivered(1...30)
    harness.expectNoProblems()
  }

  // MARK: hold

  @Test func aHoldStopsForwardingAndTheBufferFills() {
    let (harness, client) = scene { $0.routes[0].windowMessagesMax = 100_000 }
    #expect(hold(harness) == .changed)
    #expect(hold(harness) == .unchanged)
    client.offer(10_500)
    harness.pass(.seconds(5))
    #expect(harness.upstream.dispatched.isEmpty)
    #expect(harness.route.held.messages > 5000)
    client.expectShut(.paused)
    #expect(harness.clock.spins.isEmpty)
    #expect(resume(harness) == .changed)
    harness.pass(.seconds(10))
    client.expectDelivered(1...10_500)
    harness.expectNoProblems()
  }

  @Test func aHoldDoesNotSpinWhileAnUpstreamIsRateLimited() {
    let (harness, client) = scene {
      $0.routes[0].rate = RateLimit(messages: 10, per: .seconds(1), burst: 1)
    }
    client.offer(50)
    _ = hold(harness)
    let before = harness.events
    harness.pass(.seconds(60))
    #expect(harness.events - before < 500, "\(harness.events - before) events")
    harness.expectNoProblems()
  }

  @Test func whatIsOnHoldExpires() {
    let (harness, client) = scene()
    _ = hold(harness)
    client.offer(3, ttl: 500)
    harness.pass(.seconds(1))
    client.expectOutcome(.expired, of: 1...3)
    harness.expectNoProblems()
  }

  @Test func aPeerLinkOnHoldGetsNothingNew() {
    let chain = Chain()
    let client = chain.client()
    client.join()
    _ = hold(chain.near)
    client.offer(5)
    chain.run()
    chain.near.pass(.seconds(30))
    chain.run()
    client.expectUnsettled(1...5)
    #expect(chain.pipe.connects == 0)
    _ = resume(chain.near)
    chain.run()
    chain.near.pass(.seconds(1))
    chain.run()
    client.expectDelivered(1...5)
    chain.near.expectNoProblems()
    chain.far.expectNoProblems()
  }

  // MARK: drain and undrain

  private func withdraw(_ harness: SidecarHarness) -> Sidecar.OnCommand {
    command(harness) { $0.withdrawCommanded(now: harness.now) }
  }
  private func restore(_ harness: SidecarHarness) -> Sidecar.OnCommand {
    command(harness) { $0.restoreCommanded(now: harness.now) }
  }

  @Test func aDrainThatStaysDoesNotEndTheProcess() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(5)
    #expect(withdraw(harness) == .changed)
    #expect(withdraw(harness) == .unchanged)
    #expect(client.goaway?.code == ErrorCode.shuttingDown.rawValue)
    client.expectShut(.draining)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...5)
    harness.pass(.seconds(100))
    #expect(!harness.isDrained)
    #expect(isEmpty(harness))
    let late = TestClient(harness, user: 2)
    late.join()
    #expect(late.refusal == .shuttingDown)
    harness.expectNoProblems()
  }

  @Test func undrainServesAgain() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(5)
    _ = withdraw(harness)
    #expect(restore(harness) == .changed)
    #expect(restore(harness) == .unchanged)
    client.expectClosed(.shuttingDown)
    client.join()
    client.expectHeld(1...5)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    client.offer(5)
    client.expectDelivered(1...10)
    harness.expectNoProblems()
  }

  @Test func aShutdownDuringADrainEnds() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(1)
    _ = withdraw(harness)
    harness.event { harness.core.drain(until: harness.now + .seconds(5), now: harness.now) }
    #expect(restore(harness) == .unchanged, "that can't be undone")
    harness.upstream.settleAll(.accepted)
    #expect(harness.isDrained)
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  // MARK: breaker

  @Test func aForcedBreakerOpensClosesAndIsLetGo() {
    let (harness, client) = scene { $0.routes[0].upstream.inFlightMessagesMax = 8 }
    func say(_ command: Breaker.OperatorCommand) -> Breaker.OnOperatorCommand {
      self.command(harness) { $0.breakerCommanded(command, route: 0, now: harness.now) }
    }
    #expect(say(.forceOpen) == .opened)
    #expect(say(.forceOpen) == .none)
    client.offer(20)
    harness.pass(.seconds(30))
    #expect(harness.upstream.dispatched.isEmpty)
    #expect(harness.route.breaker.phase == .forcedOpen)
    #expect(say(.automatic) == .halfOpened)
    harness.pass(.seconds(30))
    client.expectDelivered(1...20)
    #expect(harness.route.breaker.phase == .closed)
    #expect(say(.forceClosed) == .none)
    #expect(harness.route.breaker.phase == .forcedClosed)
    harness.expectNoProblems()
  }

  // MARK: kill

  @Test func aKilledConnectionIsToldAndItsMessagesGoOn() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(4)
    let id = client.id!
    #expect(command(harness) { $0.killCommanded(id) })
    client.expectClosed(.killed)
    #expect(!command(harness) { $0.killCommanded(id) })
    harness.upstream.settleAll(.accepted)
    client.join()
    client.expectDelivered(1...4)
    let count = harness.core.closures(Int(ErrorCode.killed.rawValue))
    #expect(count == 1)
    harness.expectNoProblems()
  }

  // MARK: set credit

  @Test func aLowerMaximumAsksCreditBackAndHolds() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(500)
    harness.pass(.seconds(1))
    let before = harness.route.held.messages
    #expect(before > 100)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...before)
    #expect(command(harness) { $0.creditCommanded(7, client: client.id!, now: harness.now) })
    client.expectOpen()
    harness.upstream.manner = .hold
    client.offer(100)
    harness.pass(.seconds(20))
    #expect(harness.route.held.messages == 7)
    harness.upstream.settleNext(.accepted)
    harness.pass(.seconds(5))
    #expect(harness.route.held.messages == 7)
    #expect(client.lastWindow?.reason == .windowMaximum)
    harness.expectNoProblems()
  }

  @Test func aLowerMaximumNeverPunishesWhatIsOnItsWay() {
    let (harness, client) = scene()
    client.answersAtOnce = false
    #expect(command(harness) { $0.creditCommanded(1, client: client.id!, now: harness.now) })
    #expect(client.reclaim != nil)
    client.sendRegardless(20)
    client.answer()
    client.expectOpen()
    harness.pass(.milliseconds(10))
    client.expectDelivered(1...20)
    harness.expectNoProblems()
  }

  @Test func aClassesMaximumHoldsForAllWhoHaveNoneOfTheirOwn() {
    let (harness, client) = scene()
    let other = TestClient(harness, user: 2)
    other.join()
    _ = command(harness) { $0.creditCommanded(50, client: other.id!, now: harness.now) }
    command(harness) { $0.creditCommanded(5, classIndex: 0, now: harness.now) }
    harness.upstream.manner = .hold
    client.offer(100)
    other.offer(100)
    harness.pass(.seconds(10))
    let reports = harness.core.clientReports(now: harness.now)
    #expect(reports.map(\.windowMaximum) == [5, 50])
    #expect(reports.map(\.isWindowMaximumSet) == [false, true])
    #expect(reports[0].held.messages <= 5 && reports[1].held.messages <= 50)
    command(harness) { $0.creditCommanded(nil, classIndex: 0, now: harness.now) }
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(10))
    client.expectDelivered(1...100)
    other.expectDelivered(1...100)
    let after = harness.core.clientReports(now: harness.now)
    #expect(after[0].windowMaximum == 1000)
    harness.expectNoProblems()
  }

  @Test func aHigherMaximumIsUsed() {
    let (harness, client) = scene { $0.routes[0].windowMessagesMax = 10 }
    harness.upstream.manner = .hold
    client.offer(300)
    harness.pass(.seconds(5))
    #expect(harness.route.held.messages == 10)
    _ = command(harness) { $0.creditCommanded(200, client: client.id!, now: harness.now) }
    harness.pass(.seconds(20))
    #expect(harness.route.held.messages == 200)
    harness.expectNoProblems()
  }

  // MARK: maxclients

  @Test func fewerConnectionsAreLetInAndNoneIsEnded() {
    let (harness, client) = scene()
    command(harness) { $0.connectionsMaxCommanded(1) }
    let late = TestClient(harness, user: 2)
    late.join()
    #expect(late.refusal == .tooManyConnections)
    client.expectOpen()
    command(harness) { $0.connectionsMaxCommanded(2) }
    late.join()
    late.expectReady()
    harness.expectNoProblems()
  }
}
