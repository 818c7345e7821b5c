import ForebayWire
import Testing

@testable import ForebayCore

/// What batch upstreams may say besides yes and no: parts, refusals of a whole, "slow down".
@Suite struct BatchVerdictTests {
  private static let code = MessageCode(rawValue: 400)

  private func scene(_ change: (inout Settings) -> Void = { _ in }) -> (SidecarHarness, TestClient)
  {
    let harness = SidecarHarness(change)
    harness.upstream.manner = .hold
    let client = harness.join()
    return (harness, client)
  }

  // MARK: Bisecting

  @Test(arguments: [1, 2, 3, 37, 63, 64])
  func aRefusedBatchIsCutUntilThePoisonIsAlone(_ poison: UInt64) {
    let (harness, client) = scene { $0.routes[0].upstream.failsInOrder = false }
    harness.upstream.manner = .decide { messages in
      (messages.contains { $0.sequence == poison } ? .refused(Self.code) : .accepted, after: .zero)
    }
    client.offer(64)
    harness.pass(.milliseconds(50))
    client.expectOutcome(.rejected, of: poison...poison, code: Self.code)
    #expect(harness.upstream.accepted.map(\.sequence) == (1...64).filter { $0 != poison })
    // Sixty-four, then halves of them: each half is asked once.
    #expect(harness.upstream.dispatched.count <= 2 * 7)
    #expect(harness.route.breaker.phase == .closed)
    #expect(harness.route.breaker.failures == 0)
    #expect(harness.totals.retried == 0, "nothing of it draws on the retry budget")
    harness.expectNoProblems()
  }

  @Test(arguments: [true, false])
  func severalPoisonsAreFoundInOneBatch(_ isOrdered: Bool) {
    let (harness, client) = scene { settings in
      settings.routes[0].isOrdered = isOrdered
      settings.routes[0].upstream.failsInOrder = false
    }
    harness.upstream.isOrdered = isOrdered
    let poison: Set<UInt64> = [5, 6, 50, 90]
    harness.upstream.manner = .decide { messages in
      (messages.contains { poison.contains($0.sequence) } ? .refused(Self.code) : .accepted, .zero)
    }
    client.offer(100)
    client.offer(50)
    harness.pass(.milliseconds(50))
    for sequence in poison {
      client.expectOutcome(.rejected, of: sequence...sequence, code: Self.code)
    }
    #expect(harness.upstream.accepted.count == 146)
    #expect(harness.upstream.rejected.count == 4)
    harness.expectNoProblems()
  }

  // MARK: Parts

  @Test func partsAreSettledBeforeTheirCall() {
    let (harness, client) = scene()
    client.offer(10)
    harness.upstream.acceptInNext(0..<3)
    client.expectDelivered(1...3)
    harness.upstream.acceptInNext(5..<6)
    client.expectDelivered(6...6)
    client.expectUnsettled(4...5)
    #expect(harness.route.inFlightMessages == 6)
    harness.upstream.loseHeld()
    harness.upstream.manner = .accept
    harness.pass(.seconds(1))
    client.expectDelivered(1...10)
    #expect(harness.upstream.accepted.map(\.sequence) == [1, 2, 3, 6, 4, 5, 7, 8, 9, 10])
  }

  @Test func whatIsReturnedGoesAgainAtOnce() {
    let (harness, client) = scene()
    client.offer(10)
    harness.upstream.rejectInNext(4, Self.code)
    client.expectOutcome(.rejected, of: 5...5, code: Self.code)
    #expect(harness.upstream.calls.map(\.messages.count) == [9])
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(6...10)
    #expect(harness.totals.retried == 0)
    harness.expectNoProblems()
  }

  @Test func whatIsReturnedForNoReasonWaits() {
    let (harness, client) = scene()
    harness.upstream.manner = .answer(.returned)
    client.offer(3)
    harness.pass(.seconds(1))
    #expect(harness.upstream.dispatched.count < 20, "it doesn't go round for ever")
    #expect(harness.route.breaker.failures > 0)
    harness.expectNoProblems()
  }

  // MARK: Slow down

  @Test func throttlingHoldsEverybodyAndNarrowsWhatIsInFlight() {
    let (harness, client) = scene { settings in
      settings.routes[0].upstream.batchMessagesMax = 10
      settings.routes[0].recovery.startLimit = 5
    }
    let other = harness.join(user: 2)
    client.offer(100)
    #expect(harness.route.inFlightMessages == 100)
    harness.upstream.settleNext(.throttled(retryAfter: .seconds(2)))
    harness.upstream.settleAll(.throttled(retryAfter: nil))
    other.offer(10)
    harness.pass(.milliseconds(1999))
    #expect(harness.route.inFlightMessages == 0)
    harness.pass(.milliseconds(200))
    #expect((1...50).contains(harness.route.inFlightMessages), "half of what was out goes again")
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(60))
    client.expectDelivered(1...100)
    other.expectDelivered(1...10)
    for _ in 0..<100 {
      client.offer(5)
      harness.pass(.seconds(1))
    }
    #expect(harness.route.breaker.phase == .closed)
    #expect(harness.core.routes[0].ramp.limit == nil, "it has grown back")
    harness.expectNoProblems()
  }

  /// Kafka's quotas: what was sent is taken.
  @Test func whoeverTakesAllAndSaysSlowDownIsLeftAlone() {
    let (harness, client) = scene { $0.routes[0].upstream.batchMessagesMax = 10 }
    client.offer(100)
    harness.upstreamThrottled(0, retryAfter: .seconds(2))
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...100)
    client.offer(80)
    harness.pass(.milliseconds(1999))
    #expect(harness.route.inFlightMessages == 0)
    harness.pass(.milliseconds(200))
    #expect((1...50).contains(harness.route.inFlightMessages), "half of what was out goes on")
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(10))
    client.expectDelivered(101...180)
    #expect(harness.route.breaker.phase == .closed && harness.route.breaker.failures == 0)
    harness.expectNoProblems()
  }

  // MARK: The flush interval

  @Test func aBatchThatIsNotFullWaitsWhileOthersAreOut() {
    let (harness, client) = scene { settings in
      settings.routes[0].upstream.flushInterval = .milliseconds(20)
      settings.routes[0].upstream.batchMessagesMax = 10
    }
    client.offer(1)
    #expect(harness.upstream.calls.count == 1, "an idle upstream gets at once what there is")
    client.offer(2)
    client.offer(3)
    #expect(harness.upstream.calls.count == 1)
    harness.pass(.milliseconds(20))
    #expect(harness.upstream.calls.map(\.messages.count) == [1, 5])
    client.offer(10)
    #expect(harness.upstream.calls.map(\.messages.count) == [1, 5, 10], "a full one goes")
    client.offer(1)
    for _ in 0..<3 { harness.upstream.settleNext(.accepted) }
    #expect(harness.upstream.calls.map(\.messages.count) == [1], "it is idle again")
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...17)
    harness.expectNoProblems()
  }

  @Test func severalRunsOfAFlowGoInOneCall() {
    let (harness, client) = scene { $0.routes[0].upstream.failsInOrder = false }
    client.offer(1)
    for _ in 0..<20 { client.offer(1) }
    #expect(harness.upstream.calls.map(\.messages.count) == [1], "one call of a flow at a time")
    harness.upstream.settleNext(.accepted)
    #expect(harness.upstream.calls.map(\.messages.count) == [20])
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...21)
    harness.expectNoProblems()
  }
}
