import ForebayWire
import Testing

@testable import ForebayCore

/// An upstream that is reached over a connection: when it is made, lost and given up.
@Suite struct ConnectionTests {
  private func scene(_ change: (inout Settings) -> Void = { _ in }) -> (SidecarHarness, TestClient)
  {
    let harness = SidecarHarness { settings in
      settings.routes[0].upstream.connects = true
      change(&settings)
    }
    let client = harness.join()
    return (harness, client)
  }

  @Test func itConnectsWhenSomethingWaits() {
    let (harness, client) = scene()
    harness.pass(.seconds(5))
    #expect(harness.upstream.connects == 0)
    client.offer(5)
    harness.pass(.milliseconds(1))
    client.expectDelivered(1...5)
    client.offer(5)
    client.expectDelivered(1...10)
    #expect(harness.upstream.connects == 1)
    harness.expectNoProblems()
  }

  @Test func whatWasOutComesAgainAfterAReconnect() {
    let (harness, client) = scene { $0.routes[0].upstream.batchMessagesMax = 10 }
    harness.upstream.manner = .hold
    client.offer(60)
    harness.pass(.milliseconds(1))
    #expect(harness.upstream.calls.count == 6)
    harness.upstream.settleNext(.accepted)
    harness.upstream.loseConnection()
    #expect(harness.route.breaker.failures == 1, "one failure, however many calls it took along")
    #expect(harness.route.inFlightMessages == 0)
    harness.upstream.manner = .accept
    harness.pass(.seconds(1))
    client.expectDelivered(1...60)
    #expect(harness.upstream.accepted.map(\.sequence) == Array(1...60))
    #expect(harness.upstream.connects == 2)
    harness.expectNoProblems()
  }

  @Test func whatWasOutMayBeDelivered() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(3, ttl: 5_000)
    harness.pass(.milliseconds(1))
    harness.upstream.loseConnection()
    harness.upstream.acceptsConnects = false
    harness.pass(.seconds(10))
    client.expectOutcome(.expired, of: 1...3, code: .ttlExpired, flags: .maybeDelivered)
    harness.expectNoProblems()
  }

  @Test func connectsThatFailOpenTheBreakerWhichSuspendsThem() {
    let (harness, client) = scene()
    harness.upstream.acceptsConnects = false
    client.offer(1)
    #expect(harness.clock.pass(atMost: .seconds(60)) { harness.route.breaker.phase == .open })
    let before = harness.upstream.connects
    #expect(before == 5)
    harness.pass(.milliseconds(500))
    #expect(harness.upstream.connects == before)
    harness.upstream.acceptsConnects = true
    harness.pass(.seconds(30))
    client.offer(30)
    harness.pass(.seconds(60))
    client.expectDelivered(1...31)
    #expect(harness.route.breaker.phase == .closed)
    harness.expectNoProblems()
  }

  @Test func anAttemptWithoutAnswerEndsTheConnection() {
    let (harness, client) = scene { $0.routes[0].attemptTimeout = .seconds(2) }
    harness.upstream.manner = .hold
    client.offer(5)
    harness.pass(.milliseconds(1999))
    #expect(harness.upstream.calls.count == 1)
    harness.upstream.manner = .accept
    harness.pass(.seconds(1))
    client.expectDelivered(1...5)
    #expect(harness.upstream.connects == 2)
    #expect(harness.route.breaker.counters.openings == 0)
    harness.expectNoProblems()
  }

  @Test func aConnectThatHangsIsGivenUp() {
    let (harness, client) = scene()
    harness.upstream.hangsConnects = true
    client.offer(1)
    harness.pass(UpstreamConnection.connectTimeout + .milliseconds(1))
    #expect(harness.route.breaker.failures == 1)
    harness.upstream.hangsConnects = false
    harness.pass(.seconds(2))
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func aBusyStreamIsAskedForNothingMore() {
    let (harness, client) = scene { $0.routes[0].upstream.batchMessagesMax = 5 }
    harness.upstream.manner = .hold
    client.offer(5)
    harness.pass(.milliseconds(1))
    harness.event { harness.core.upstreamBusy(0, true) }
    client.offer(20)
    #expect(harness.upstream.calls.count == 1)
    harness.event { harness.core.upstreamBusy(0, false) }
    #expect(harness.upstream.calls.count == 5)
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...25)
    harness.expectNoProblems()
  }

  /// At its own word: what is out waits with it, however long, and has its whole time again afterwards.
  @Test func aPausedUpstreamIsWaitedForWithoutATimeout() {
    let (harness, client) = scene {
      $0.routes[0].attemptTimeout = .seconds(2)
      $0.routes[0].upstream.batchMessagesMax = 5
    }
    harness.upstream.manner = .hold
    client.offer(5)
    harness.pass(.seconds(1))
    harness.pause(true)
    client.offer(20)
    harness.pass(.seconds(600))
    #expect(harness.upstream.calls.count == 1, "nothing more is asked for")
    #expect(harness.route.breaker.failures == 0 && harness.route.breaker.phase == .closed)
    harness.pause(false)
    harness.pass(.milliseconds(1_999))
    #expect(harness.upstream.connects == 1)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(1))
    client.expectDelivered(1...25)
    #expect(harness.upstream.connects == 1)
    harness.expectNoProblems()
  }

  @Test func anAnswerMayComeDuringAPauseAndSoMayTheEnd() {
    let (harness, client) = scene { $0.routes[0].upstream.batchMessagesMax = 5 }
    harness.upstream.manner = .hold
    client.offer(15)
    harness.pass(.milliseconds(1))
    harness.pause(true)
    harness.upstream.settleNext(.accepted)
    client.expectDelivered(1...5)
    client.expectUnsettled(6...15)
    // The next connection knows of no pause.
    harness.upstream.manner = .accept
    harness.upstream.loseConnection()
    harness.pass(.seconds(5))
    client.expectDelivered(1...15)
    #expect(harness.upstream.connects == 2)
    harness.expectNoProblems()
  }

  /// A timeout counts again once the pause is over.
  @Test func whatIsSilentAfterAPauseIsGivenUp() {
    let (harness, client) = scene { $0.routes[0].attemptTimeout = .seconds(2) }
    harness.upstream.manner = .hold
    client.offer(5)
    harness.pass(.milliseconds(1))
    harness.pause(true)
    harness.pause(true)
    harness.pass(.seconds(60))
    harness.pause(false)
    harness.upstream.manner = .accept
    harness.pass(.seconds(3))
    #expect(harness.upstream.connects == 2)
    client.expectDelivered(1...5)
    harness.expectNoProblems()
  }

  /// As after every "slow down".
  @Test func halfOfWhatWasOutGoesOnAfterAPause() {
    let (harness, client) = scene {
      $0.routes[0].upstream.batchMessagesMax = 1
      $0.routes[0].upstream.callsMax = 100
    }
    harness.upstream.manner = .hold
    client.offer(40)
    harness.pass(.milliseconds(1))
    #expect(harness.upstream.calls.count == 40)
    harness.pause(true)
    harness.upstream.settleAll(.accepted)
    client.offer(60)
    #expect(harness.upstream.calls.isEmpty)
    harness.pause(false)
    #expect((1...20).contains(harness.upstream.calls.count))
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(60))
    client.expectDelivered(1...100)
    harness.expectNoProblems()
  }

  @Test func aServerThatSaysLaterIsNoFailure() {
    let (harness, client) = scene()
    client.offer(1)
    harness.upstream.loseConnection(retryAfter: .seconds(3), isThrottle: true)
    #expect(harness.route.breaker.failures == 0)
    harness.pass(.milliseconds(2999))
    client.expectUnsettled(1...1)
    harness.pass(.seconds(1))
    client.expectDelivered(1...1)
    harness.expectNoProblems()
  }
}

extension SidecarHarness {
  fileprivate func pause(_ isPaused: Bool) {
    event { core.upstreamPaused(0, isPaused, now: now) }
  }
}
