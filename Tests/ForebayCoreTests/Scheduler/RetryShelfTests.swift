import ForebayWire
import Testing

@testable import ForebayCore

/// Retries on a route without order: what failed waits alone, and goes first when it is due.
@Suite struct RetryShelfTests {
  @Test func comesOutByDueTimeAndThenByArrival() {
    var shelf = RetryShelf()
    shelf.add(1, due: Instant(nanoseconds: 30))
    shelf.add(2, due: Instant(nanoseconds: 10))
    shelf.add(3, due: Instant(nanoseconds: 10))
    shelf.add(4, behind: 2)
    #expect(shelf.runs == [2, 4, 3, 1])
    #expect(shelf.next == Instant(nanoseconds: 10))
    #expect(shelf.popDue(Instant(nanoseconds: 9)) == nil)
    #expect(shelf.popDue(Instant(nanoseconds: 10)) == 2)
    shelf.remove(3)
    #expect(shelf.popDue(Instant(nanoseconds: 10)) == 4)
    #expect(shelf.popDue(Instant(nanoseconds: 10)) == nil)
    #expect(shelf.runs == [1])
  }

  private func unordered() -> SidecarHarness {
    let harness = SidecarHarness { settings in
      settings.routes[0].isOrdered = false
      settings.routes[0].upstream.failsInOrder = false
      settings.routes[0].upstream.batchMessagesMax = 1
      settings.routes[0].breaker.failureRatePercent = nil
      settings.routes[0].breaker.consecutiveFailures = 100
    }
    harness.upstream.isOrdered = false
    return harness
  }

  @Test func nothingWaitsBehindAFailedMessage() {
    let harness = unordered()
    let client = TestClient(harness)
    client.join()
    harness.upstream.manner = .decide { messages in
      (messages[0].sequence == 1 ? .failed(retryAfter: .seconds(5)) : .accepted, after: .zero)
    }
    client.offer(10)
    harness.pass(.milliseconds(10))
    client.expectDelivered(2...10)
    client.expectUnsettled(1...1)
    harness.upstream.manner = .accept
    harness.pass(.seconds(10))
    client.expectDelivered(1...10)
    harness.expectNoProblems()
  }

  @Test func aDueRetryGoesBeforeWhatCameLater() {
    let harness = unordered()
    let client = TestClient(harness)
    client.join()
    harness.upstream.manner = .answer(.failed(retryAfter: .seconds(1)))
    client.offer(1)
    // While the operator holds the breaker open, what comes later queues.
    _ = harness.core.routes[0].breaker.operatorCommanded(.forceOpen, now: harness.now)
    client.offer(3)
    harness.pass(.seconds(3))
    harness.upstream.manner = .accept
    harness.event {
      _ = harness.core.routes[0].breaker.operatorCommanded(.forceClosed, now: harness.now)
      harness.core.stir(0)
    }
    harness.pass(.seconds(1))
    client.expectDelivered(1...4)
    #expect(harness.upstream.accepted.map(\.sequence) == [1, 2, 3, 4])
    harness.expectNoProblems()
  }

  @Test func aShelvedMessageExpires() {
    let harness = unordered()
    let client = TestClient(harness)
    client.join()
    harness.upstream.manner = .answer(.failed(retryAfter: .seconds(60)))
    client.offer(1, ttl: 500)
    harness.pass(.seconds(1))
    client.expectOutcome(.expired, of: 1...1, code: .ttlExpired)
    #expect(harness.route.held.messages == 0)
    harness.expectNoProblems()
  }
}
