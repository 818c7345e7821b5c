import ForebayWire
import Testing

@testable import ForebayCore

/// New settings for the running core: each takes effect, and nothing that was promised is taken back.
@Suite struct ReloadTests {
  /// Frames of at most 1 KiB, so that little is owed to anybody.
  private func small(
    messages: UInt64 = 100, bytes: UInt64 = 1 << 20, _ change: (inout Settings) -> Void = { _ in }
  ) -> SidecarHarness {
    SidecarHarness { settings in
      settings.limits.frameBytesMax = 1024
      settings.routes[0].bufferMessages = messages
      settings.routes[0].bufferBytes = bytes
      settings.routes[0].controlReserveBytes = 0
      change(&settings)
    }
  }

  // MARK: The buffer

  @Test func aLargerBufferIsThereAtOnce() {
    let harness = small(messages: 40)
    harness.upstream.manner = .hold
    let clients = (0..<3).map { harness.join(user: UInt32($0)) }
    for client in clients { client.offer(100) }
    harness.pass(.seconds(1))
    #expect(harness.route.held.messages <= 40)
    #expect(clients.contains { $0.lastWindow?.state == .shut })
    harness.reload { $0.routes[0].bufferMessages = 1000 }
    #expect(harness.route.held.messages > 100, "nobody waits for their next probe")
    harness.pass(.seconds(1))
    #expect(harness.route.held.messages == 300)
    harness.expectNoProblems()
  }

  @Test func aSmallerBufferInMessagesTakesEffectAsSpaceReturns() {
    shrink(from: small(messages: 200)) { $0.routes[0].bufferMessages = 20 }
  }

  @Test func aSmallerBufferInBytesTakesEffectAsSpaceReturns() {
    shrink(from: small(messages: 200, bytes: 200 * 500)) { $0.routes[0].bufferBytes = 20 * 500 }
  }

  /// A full buffer shrinks, and then empties message by message under clients that want more.
  private func shrink(
    from harness: SidecarHarness, _ change: (inout Settings) -> Void
  ) {
    harness.upstream.manner = .hold
    let clients = (0..<3).map { harness.join(user: UInt32($0)) }
    for client in clients { client.offer(150, payloadBytes: 100) }
    harness.pass(.seconds(1))
    let before = harness.committed
    #expect(harness.route.held.messages > 100)
    harness.reload(change: change)
    #expect(before.fits(in: harness.committed), "nothing is taken back")
    // Where bytes are short, messages may still be granted.
    #expect(harness.committed.fits(in: before.greater(harness.route.capacity)))
    #expect(harness.route.free.messages == 0 || harness.route.free.bytes == 0)
    for client in clients { client.expectOpen() }
    var most = harness.excess
    while !harness.upstream.calls.isEmpty {
      harness.upstream.settleNext(.accepted)
      let excess = harness.excess
      #expect(excess.fits(in: most), "what is promised beyond the buffer only shrinks")
      most = excess
      harness.pass(.milliseconds(300))
    }
    #expect(harness.excess.isZero)
    #expect(harness.committed.fits(in: harness.route.capacity))
    for client in clients { client.expectDelivered(1...150) }
    harness.expectNoProblems()
  }

  @Test func idleCreditBeyondASmallerBufferIsAskedBack() {
    let harness = small(messages: 1000)
    let idle = harness.join()
    for _ in 0..<10 { idle.offer(100) }
    #expect(harness.committed.messages > 100)
    harness.reload { $0.routes[0].bufferMessages = 20 }
    #expect(!harness.excess.isZero)
    harness.pass(.seconds(3))
    #expect(harness.excess.isZero)
    #expect(harness.committed.fits(in: harness.route.capacity))
    idle.offer(50)
    harness.pass(.seconds(10))
    idle.expectDelivered(1...1050)
    harness.expectNoProblems()
  }

  @Test func shrunkAndGrownAgainItIsAsBefore() {
    let harness = small(messages: 100)
    harness.upstream.manner = .hold
    let busy = harness.join()
    busy.offer(200)
    harness.pass(.seconds(1))
    let held = harness.route.held
    harness.reload { $0.routes[0].bufferMessages = 10 }
    harness.reload { $0.routes[0].bufferMessages = 100 }
    #expect(harness.excess.isZero)
    #expect(harness.route.held == held)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(5))
    busy.expectDelivered(1...200)
    harness.expectNoProblems()
  }

  // MARK: The window

  @Test func aSmallerWindowTakesNothingBackAndThenHolds() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 200 }
    let busy = harness.join()
    for _ in 0..<5 { busy.offer(200) }
    harness.upstream.manner = .hold
    busy.offer(500)
    #expect(harness.route.held.messages == 200)
    harness.reload { $0.routes[0].windowMessagesMax = 10 }
    #expect(harness.route.held.messages == 200)
    // The client's own checks fail if its limit were lowered without being asked.
    while harness.route.held.messages > 10 { harness.upstream.settleNext(.accepted) }
    for _ in 0..<20 {
      harness.pass(.milliseconds(100))
      #expect(harness.route.held.messages <= 10)
      if !harness.upstream.calls.isEmpty { harness.upstream.settleNext(.accepted) }
    }
    harness.reload { $0.routes[0].windowMessagesMax = 100 }
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(10))
    busy.expectDelivered(1...1500)
    #expect(busy.credit.messages > 10)
    harness.expectNoProblems()
  }

  // MARK: Rates

  @Test func aRouteGetsAndLosesARate() {
    let harness = SidecarHarness()
    let busy = harness.join()
    busy.offer(100)
    busy.expectDelivered(1...100)
    harness.reload { $0.routes[0].rate = RateLimit(messages: 10, per: .seconds(1), burst: 1) }
    let before = harness.upstream.accepted.count
    busy.offer(200)
    harness.pass(.seconds(2))
    #expect((20...22).contains(harness.upstream.accepted.count - before))
    harness.reload { $0.routes[0].rate = RateLimit(messages: 50, per: .seconds(1), burst: 1) }
    harness.pass(.seconds(2))
    #expect((118...124).contains(harness.upstream.accepted.count - before))
    harness.reload { $0.routes[0].rate = nil }
    busy.expectDelivered(101...300)
    harness.expectNoProblems()
  }

  @Test func aClassGetsARateWhileItsMessagesAreInFlight() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let busy = harness.join()
    busy.offer(50)
    #expect(harness.route.inFlightMessages == 50)
    harness.reload { $0.classes[0].rate = RateLimit(messages: 10, per: .seconds(1), burst: 10) }
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    busy.expectDelivered(1...50)
    // What was granted before still comes at once; then the rate holds.
    busy.offer(300)
    harness.pass(.seconds(1))
    let before = harness.upstream.accepted.count
    harness.pass(.seconds(4))
    #expect((39...41).contains(harness.upstream.accepted.count - before))
    harness.reload { $0.classes[0].rate = nil }
    harness.pass(.seconds(1))
    busy.expectDelivered(51...350)
    harness.expectNoProblems()
  }

  // MARK: Attempts and the breaker

  @Test func theAttemptTimeoutCountsForCallsThatAreOut() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let busy = harness.join()
    busy.offer(1)
    harness.pass(.seconds(3))
    harness.reload { $0.routes[0].attemptTimeout = .seconds(4) }
    harness.pass(.milliseconds(900))
    #expect(harness.route.breaker.failures == 0)
    harness.pass(.milliseconds(200))
    #expect(harness.route.breaker.failures == 1)
    harness.upstream.settleAll(.accepted)
    busy.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func anOpenBreakerStaysAsItIsUnderNewThresholds() {
    let harness = SidecarHarness()
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    let busy = harness.join()
    busy.offer(1)
    #expect(harness.clock.pass(atMost: .seconds(60)) { harness.route.breaker.phase == .open })
    let until = harness.route.breaker.nextProbeAt
    harness.reload {
      $0.routes[0].breaker.consecutiveFailures = 1
      $0.routes[0].breaker.successesToClose = 2
      $0.routes[0].breaker.minimumHalfOpen = .milliseconds(1)
      $0.routes[0].breaker.window = .seconds(1)
    }
    #expect(harness.route.breaker.phase == .open)
    #expect(harness.route.breaker.nextProbeAt == until)
    harness.upstream.manner = .accept
    busy.offer(20)
    #expect(harness.clock.pass(atMost: .seconds(60)) { harness.route.breaker.phase == .closed })
    // Two probes were enough, and one failure now is.
    harness.pass(.seconds(30))
    busy.expectDelivered(1...21)
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    busy.offer(1)
    #expect(harness.route.breaker.phase == .open)
    harness.expectNoProblems()
  }

  @Test func batchAndFlightLimitsHoldFromTheNextCallOn() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let busy = harness.join()
    busy.offer(60)
    #expect(harness.route.inFlightMessages == 60)
    harness.reload {
      $0.routes[0].upstream.batchMessagesMax = 3
      $0.routes[0].upstream.inFlightMessagesMax = 6
    }
    busy.offer(60)
    #expect(harness.route.inFlightMessages == 60)
    let calls = harness.upstream.dispatched.count
    harness.upstream.settleAll(.accepted)
    #expect(harness.upstream.dispatched[calls...].allSatisfy { $0.count <= 3 })
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(1))
    busy.expectDelivered(1...120)
    harness.expectNoProblems()
  }

  // MARK: Shares

  /// One message a call, one call at a time, so that the order is the scheduler's alone. A visit of the
  /// round robin serves about a hundred messages of a kilobyte.
  private func sharing(_ change: (inout Settings) -> Void = { _ in }) -> SidecarHarness {
    let harness = SidecarHarness { settings in
      settings.limits.frameBytesMax = 1024
      settings.routes[0].upstream.batchMessagesMax = 1
      settings.routes[0].upstream.callsMax = 1
      change(&settings)
    }
    harness.upstream.manner = .hold
    harness.isChecking = false
    return harness
  }

  /// The part of the next `window` messages that the upstream takes of those that `isCounted` names.
  private func share(
    _ harness: SidecarHarness, of window: Int, _ isCounted: (TestUpstream.Delivery) -> Bool
  ) -> Double {
    let before = harness.upstream.accepted.count
    while harness.upstream.accepted.count < before + window, !harness.upstream.calls.isEmpty {
      harness.upstream.settleNext(.accepted)
    }
    let taken = harness.upstream.accepted[before...]
    return Double(taken.count(where: isCounted)) / Double(window)
  }

  private func expectWell(_ harness: SidecarHarness) {
    harness.isChecking = true
    harness.check()
    harness.expectNoProblems()
  }

  @Test func aClassWeightCountsFromTheNextVisitOn() {
    let harness = sharing { $0.classes.append(ClassSettings(name: "heavy")) }
    let light = harness.join(user: 1)
    let heavy = harness.join(user: 2, class: 1)
    light.offer(3000, payloadBytes: 1000)
    heavy.offer(3000, payloadBytes: 1000)
    harness.pass(.seconds(1))
    let tag = Session.tag(of: heavy.key, heavy.session)
    let equal = share(harness, of: 1000) { $0.tag == tag }
    #expect((0.4...0.6).contains(equal), "\(equal)")
    harness.reload { $0.classes[1].weight = 4 }
    _ = share(harness, of: 200) { $0.tag == tag }
    let larger = share(harness, of: 1000) { $0.tag == tag }
    #expect((0.7...0.9).contains(larger), "\(larger)")
    harness.reload { $0.classes[1].weight = 1 }
    _ = share(harness, of: 500) { $0.tag == tag }
    let again = share(harness, of: 1000) { $0.tag == tag }
    #expect((0.4...0.6).contains(again), "\(again)")
    expectWell(harness)
  }

  @Test func aLaneWeightCountsFromTheNextVisitOn() {
    let harness = sharing()
    let clients = [harness.join(), harness.join()]
    clients[0].offer(3000, payloadBytes: 1000, lane: 0)
    clients[1].offer(3000, payloadBytes: 1000, lane: 5)
    harness.pass(.seconds(1))
    let equal = share(harness, of: 1000) { $0.lane == 5 }
    #expect((0.4...0.6).contains(equal), "\(equal)")
    harness.reload { $0.routes[0].laneWeights[5] = 4 }
    _ = share(harness, of: 200) { $0.lane == 5 }
    let larger = share(harness, of: 1000) { $0.lane == 5 }
    #expect((0.7...0.9).contains(larger), "\(larger)")
    expectWell(harness)
  }

  // MARK: Limits

  @Test func limitsOnConnectionsHoldForThoseThatCome() {
    let harness = SidecarHarness()
    let known = (0..<3).map { _ in harness.join() }
    harness.reload { $0.limits.connectionsPerPrincipalMax = 2 }
    for client in known { client.expectOpen() }
    let refused = harness.join()
    refused.expectClosed(.tooManyConnections)
    harness.expectNoProblems()
  }

  @Test func timeoutsCountFromTheSameBeginnings() {
    let harness = SidecarHarness()
    let silent = TestClient(harness)
    silent.connect()
    harness.pass(.seconds(1))
    harness.reload { $0.limits.helloTimeout = .milliseconds(1200) }
    silent.expectOpen()
    harness.pass(.milliseconds(200))
    silent.expectClosed(.helloTimeout)
    harness.expectNoProblems()
  }

  @Test func aHeartbeatThatWasToldIsKept() {
    let harness = SidecarHarness()
    let known = TestClient(harness)
    known.isTCP = true
    known.join()
    harness.reload { $0.limits.heartbeat = .seconds(60) }
    harness.pass(.seconds(11))
    #expect(known.frames.contains { if case .ping = $0 { true } else { false } })
    let new = TestClient(harness)
    new.isTCP = true
    new.join()
    #expect(new.welcome?.heartbeatMilliseconds == 60_000)
    harness.expectNoProblems()
  }

  // MARK: What a reload can't do

  @Test func whatNeedsARestartIsNamedAndLeft() {
    let harness = SidecarHarness()
    let running = harness.core.settings
    var new = running
    new.limits.frameBytesMax = 100_000
    new.limits.overheadBytes = 400
    new.limits.nurserySegments = 16
    new.limits.connectionsMax = 7
    new.routes[0].isOrdered = false
    new.routes[0].upstream.kind = .peer
    new.routes[0].windowMessagesMax = 77
    new.routes.insert(RouteSettings(name: "audit"), at: 0)
    let messages = Sidecar.needsRestart(from: running, to: new)
    #expect(messages.count == 7, "\(messages)")
    #expect(messages.contains("the maximum frame is 100000 instead of 262144"))
    #expect(messages.contains("route audit is new"))
    #expect(harness.reload(to: new).isEmpty)
    var expected = running
    expected.limits.connectionsMax = 7
    expected.routes[0].windowMessagesMax = 77
    #expect(harness.core.settings == expected)
    #expect(Sidecar.needsRestart(from: running, to: expected).isEmpty)
    let gone = Settings(routes: [RouteSettings(name: "audit")])
    #expect(Sidecar.needsRestart(from: running, to: gone).contains("route main is gone"))
    harness.join().expectReady()
    harness.expectNoProblems()
  }

  @Test func whatDoesNotFitChangesNothing() {
    let harness = SidecarHarness()
    let running = harness.core.settings
    // Fine after a restart, too small for the largest frame of now.
    var new = running
    new.limits.frameBytesMax = 1024
    new.routes[0].bufferBytes = 1 << 20
    new.routes[0].controlReserveBytes = 0
    new.routes[0].windowMessagesMax = 5
    #expect(new.problems().isEmpty)
    let bytes = harness.core.settings.routes[0].reserve(running.limits).bytes
    new.routes[0].bufferBytes = 2 * bytes - 1
    #expect(harness.reload(to: new).map(\.setting) == ["routes[0].bufferBytes"])
    #expect(harness.core.settings == running)
    new.classes = []
    #expect(harness.reload(to: new).map(\.setting) == ["classes"])
    #expect(harness.core.settings == running)
    harness.expectNoProblems()
  }

  @Test func aReloadInADrainOpensNothing() {
    let harness = small(messages: 20)
    harness.upstream.manner = .hold
    let busy = harness.join()
    busy.offer(100)
    harness.event { harness.core.drain(until: harness.now + .seconds(5), now: harness.now) }
    let held = harness.route.held
    harness.reload { $0.routes[0].bufferMessages = 1000 }
    harness.pass(.seconds(1))
    #expect(harness.route.held == held)
    busy.expectShut(.draining)
    harness.upstream.settleAll(.accepted)
    #expect(harness.isDrained)
    harness.expectNoProblems()
  }
}
