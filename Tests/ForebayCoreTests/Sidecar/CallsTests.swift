import ForebayWire
import Testing

@testable import ForebayCore

/// Batch upstreams: calls, verdicts, retries in order, deadlines, the breaker.
@Suite struct CallsTests {
  private func scene(_ change: (inout Settings) -> Void = { _ in }) -> (SidecarHarness, TestClient)
  {
    let harness = SidecarHarness(change)
    harness.upstream.manner = .hold
    let client = harness.join()
    return (harness, client)
  }

  @Test func aCallHoldsAHundredMessagesAtMost() {
    let (harness, client) = scene { $0.routes[0].windowMessagesMax = 300 }
    harness.upstream.manner = .accept
    client.offer(200)
    client.offer(200)
    #expect(harness.upstream.dispatched.allSatisfy { $0.count <= 100 })
    client.expectDelivered(1...400)
    harness.expectNoProblems()
  }

  @Test func callsAndMessagesInFlightAreBounded() {
    let (harness, client) = scene { settings in
      settings.routes[0].upstream.callsMax = 3
      settings.routes[0].upstream.batchMessagesMax = 10
      settings.routes[0].upstream.inFlightMessagesMax = 25
    }
    client.offer(64)
    #expect(harness.upstream.calls.map(\.messages.count) == [10, 10, 5])
    harness.upstream.settleNext(.accepted)
    #expect(harness.upstream.calls.map(\.messages.count) == [10, 5, 10])
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...64)
    harness.expectNoProblems()
  }

  @Test func failedCallsAreTriedAgainInOrder() {
    let (harness, client) = scene { $0.routes[0].upstream.batchMessagesMax = 5 }
    client.offer(20)
    #expect(harness.upstream.calls.count == 4)
    harness.upstream.settleNext(.accepted)
    for _ in 0..<3 { harness.upstream.settleNext(.failed(retryAfter: nil)) }
    client.expectDelivered(1...5)
    client.expectUnsettled(6...20)
    harness.upstream.manner = .accept
    harness.pass(.seconds(1))
    client.expectDelivered(6...20)
    #expect(harness.upstream.accepted.map(\.sequence) == Array(1...20))
    #expect(harness.totals.retried == 15)
    harness.expectNoProblems()
  }

  @Test func nothingOvertakesWhatIsTriedAgain() {
    let (harness, client) = scene { $0.routes[0].upstream.batchMessagesMax = 5 }
    client.offer(10)
    harness.upstream.settleNext(.failed(retryAfter: nil))
    // Another call of the flow is out still; new messages wait behind both.
    client.offer(5)
    harness.pass(.milliseconds(200))
    #expect(harness.upstream.calls.count == 1)
    harness.upstream.settleNext(.failed(retryAfter: nil))
    harness.upstream.manner = .accept
    harness.pass(.seconds(2))
    #expect(harness.upstream.accepted.map(\.sequence) == Array(1...15))
    harness.expectNoProblems()
  }

  @Test func aRetryHoldsItsOwnQueueAlone() {
    let (harness, client) = scene()
    let other = harness.join(user: 2)
    client.offer(1)
    harness.upstream.settleNext(.failed(retryAfter: .seconds(5)))
    harness.upstream.manner = .accept
    other.offer(3)
    other.expectDelivered(1...3)
    client.offer(1, lane: 1)
    client.expectDelivered(2...2)
    client.expectUnsettled(1...1)
    harness.pass(.seconds(5))
    client.expectUnsettled(1...1)
    harness.pass(.seconds(1))
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func poisonIsRejectedAndTheUpstreamIsHealthy() {
    let (harness, client) = scene()
    harness.upstream.manner = .answer(.rejected(MessageCode(rawValue: 400)))
    for _ in 0..<10 { client.offer(1) }
    client.expectOutcome(.rejected, of: 1...10, code: MessageCode(rawValue: 400))
    #expect(harness.route.breaker.phase == .closed)
    #expect(harness.route.breaker.failures == 0)
    harness.expectNoProblems()
  }

  @Test func throttlingIsNoFailure() {
    let (harness, client) = scene()
    harness.upstream.manner = .answer(.throttled(retryAfter: .milliseconds(100)))
    client.offer(1)
    harness.pass(.seconds(3))
    #expect(harness.route.breaker.phase == .closed)
    client.expectUnsettled(1...1)
    harness.upstream.manner = .accept
    harness.pass(.seconds(60))
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func oneCallAtATimeWhereFailuresComeInAnyOrder() {
    let (harness, client) = scene { settings in
      settings.routes[0].upstream.failsInOrder = false
      settings.routes[0].upstream.batchMessagesMax = 5
    }
    client.offer(20)
    #expect(harness.upstream.calls.count == 1)
    client.offer(5, lane: 1)
    #expect(harness.upstream.calls.count == 2)
    harness.upstream.settleNext(.failed(retryAfter: nil))
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(2))
    client.expectDelivered(1...25)
    harness.expectNoProblems()
  }

  @Test func aCallTakesAllOfOneQueueFirstWhereEachHasOneAtATime() {
    let (harness, client) = scene { settings in
      settings.routes[0].upstream.failsInOrder = false
      settings.routes[0].upstream.batchMessagesMax = 100
      settings.routes[0].windowMessagesMax = 300
      settings.routes[0].upstream.callsMax = 1
    }
    let other = harness.join()
    client.offer(1)
    client.offer(150)
    other.offer(150)
    harness.core.routes[0].upstream.callsMax = 3
    harness.upstream.settleNext(.accepted)
    // More than a visit of either is worth, and still two calls, not one of both.
    #expect(harness.upstream.calls.map(\.messages.count) == [100, 100])
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...151)
    other.expectDelivered(1...150)
    harness.expectNoProblems()
  }

  // MARK: Deadlines

  @Test func aQueuedMessageExpires() {
    let (harness, client) = scene { $0.routes[0].upstream.callsMax = 1 }
    client.offer(1)
    client.offer(2, ttl: 500)
    client.offer(1)
    harness.pass(.milliseconds(499))
    client.expectUnsettled(1...4)
    harness.pass(.milliseconds(1))
    client.expectOutcome(.expired, of: 2...3, code: .ttlExpired, flags: [])
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    #expect(harness.upstream.accepted.map(\.sequence) == [1, 4])
    harness.expectNoProblems()
  }

  @Test func aMessageExpiresWhileTheBreakerIsOpen() {
    let (harness, client) = scene()
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    client.offer(1)
    harness.pass(.seconds(1))
    #expect(harness.route.breaker.phase == .open)
    client.offer(1, ttl: 300)
    harness.pass(.milliseconds(300))
    client.expectOutcome(.expired, of: 2...2, code: .ttlExpired, flags: [])
    harness.expectNoProblems()
  }

  @Test func whatTheUpstreamWorksOnWaitsForItsVerdict() {
    let (harness, client) = scene()
    client.offer(1, ttl: 100)
    harness.pass(.seconds(1))
    client.expectUnsettled(1...1)
    harness.upstream.settleNext(.accepted)
    client.expectDelivered(1...1)
    client.offer(1, ttl: 100)
    harness.pass(.seconds(1))
    harness.upstream.settleNext(.failed(retryAfter: nil))
    harness.pass(.milliseconds(1))
    client.expectOutcome(.expired, of: 2...2, code: .ttlExpired, flags: [])
    harness.expectNoProblems()
  }

  @Test func anAttemptWithoutAnswerCountsOnceAndKeepsItsSlot() {
    let (harness, client) = scene { $0.routes[0].upstream.callsMax = 1 }
    client.offer(2, ttl: 60_000)
    harness.pass(.seconds(31))
    #expect(harness.route.breaker.failures == 1)
    #expect(harness.upstream.calls.count == 1)
    #expect(harness.route.inFlightMessages == 2)
    harness.pass(.seconds(60))
    #expect(harness.route.breaker.failures <= 1)
    harness.upstream.settleNext(.failed(retryAfter: nil))
    harness.pass(.seconds(1))
    client.expectOutcome(.expired, of: 1...2, flags: .maybeDelivered)
    harness.expectNoProblems()
  }

  // MARK: Breaker

  @Test func fiveFailuresOpenAndProbesOfOneMessageClose() {
    let (harness, client) = scene()
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    client.offer(50)
    #expect(clientPasses(harness) { harness.route.breaker.phase == .open })
    let calls = harness.upstream.dispatched.count
    #expect(calls == 5)
    harness.upstream.manner = .accept
    client.offer(30)
    #expect(harness.upstream.dispatched.count == calls, "nothing goes while it is open")
    #expect(clientPasses(harness) { harness.route.breaker.phase == .halfOpen })
    #expect(clientPasses(harness) { harness.route.breaker.phase == .closed })
    let probes = harness.upstream.dispatched[calls...].prefix(5)
    #expect(probes.allSatisfy { $0.count == 1 })
    harness.pass(.seconds(20))
    client.expectDelivered(1...80)
    harness.expectNoProblems()
  }

  private func clientPasses(_ harness: SidecarHarness, _ isMet: () -> Bool) -> Bool {
    harness.clock.pass(atMost: .seconds(120), until: isMet)
  }

  @Test func theRateOfARouteLimitsDispatch() {
    let (harness, client) = scene { settings in
      settings.routes[0].rate = RateLimit(messages: 10, per: .seconds(1), burst: 5)
    }
    harness.upstream.manner = .accept
    client.offer(50)
    #expect(harness.upstream.accepted.count == 5)
    harness.pass(.seconds(1))
    #expect(harness.upstream.accepted.count == 15)
    harness.pass(.seconds(10))
    client.expectDelivered(1...50)
    harness.expectNoProblems()
  }

  @Test func theRateOfAClassShutsTheWindowsOfItsClients() {
    let (harness, client) = scene { settings in
      settings.classes[0].rate = RateLimit(messages: 100, per: .seconds(1), burst: 10)
    }
    harness.upstream.manner = .accept
    client.offer(300)
    var isShut = false
    for _ in 0..<50 {
      harness.pass(.milliseconds(10))
      let report = harness.core.clientReports(now: harness.now)[0]
      isShut = isShut || report.isShut && report.reason == .rateLimited
      #expect(harness.route.held.messages + harness.route.open.messages <= 20)
    }
    #expect(isShut)
    harness.pass(.seconds(4))
    client.expectDelivered(1...300)
    harness.expectNoProblems()
  }

  @Test func afterAnOutageTheBacklogGoesOutSlowly() {
    let (harness, client) = scene { $0.routes[0].windowMessagesMax = 2000 }
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    client.offer(1500)
    #expect(clientPasses(harness) { harness.route.breaker.phase == .open })
    harness.upstream.manner = .accept
    #expect(clientPasses(harness) { harness.route.breaker.phase == .closed })
    let before = harness.upstream.accepted.count
    harness.pass(.milliseconds(1))
    #expect(harness.upstream.accepted.count - before <= 20)
    harness.pass(.seconds(20))
    client.expectDelivered(1...1500)
    harness.expectNoProblems()
  }
}
