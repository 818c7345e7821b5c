import ForebayWire
import Testing

@testable import ForebayCore

/// The orderly end.
@Suite struct DrainTests {
  private func scene(_ change: (inout Settings) -> Void = { _ in }) -> (SidecarHarness, TestClient)
  {
    let harness = SidecarHarness(change)
    let client = harness.join()
    return (harness, client)
  }

  private func drain(_ harness: SidecarHarness, in span: TimeSpan) {
    harness.event { harness.core.drain(until: harness.now + span, now: harness.now) }
  }

  @Test func aDrainWithNothingHeldIsOverAtOnce() {
    let (harness, client) = scene()
    client.offer(3)
    drain(harness, in: .seconds(10))
    #expect(client.goaway?.code == ErrorCode.shuttingDown.rawValue)
    #expect(harness.isDrained)
    client.expectClosed(.shuttingDown)
    client.expectDelivered(1...3)
    harness.expectNoProblems()
  }

  @Test func whatIsHeldGoesOnToTheUpstream() {
    let (harness, client) = scene { $0.routes[0].upstream.callsMax = 1 }
    harness.upstream.manner = .hold
    client.offer(200)
    let sent = UInt64(client.sent.messages)
    drain(harness, in: .seconds(10))
    #expect(!harness.isDrained)
    client.expectOpen()
    client.expectShut(.draining)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    #expect(harness.isDrained)
    client.expectDelivered(1...sent)
    harness.expectNoProblems()
  }

  @Test func nobodyNewIsLetIn() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(1)
    drain(harness, in: .seconds(10))
    let late = harness.join()
    #expect(late.refusal == .shuttingDown)
    harness.expectNoProblems()
  }

  @Test func whoSaysHelloDuringTheDrainIsToldToo() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(1)
    let late = TestClient(harness)
    late.connect()
    drain(harness, in: .seconds(10))
    late.write(Hello(session: late.session).encoded())
    late.expectReady()
    #expect(late.goaway != nil)
    late.expectShut(.draining)
    #expect(late.limit.isZero)
    harness.expectNoProblems()
  }

  @Test func dataThatCrossesTheGoawayIsAccepted() {
    let (harness, client) = scene()
    client.answersAtOnce = false
    harness.upstream.manner = .hold
    client.offer(1)
    drain(harness, in: .seconds(10))
    client.sendRegardless(5)
    client.expectOpen()
    client.answer()
    harness.upstream.settleAll(.accepted)
    harness.upstream.settleAll(.accepted)
    #expect(harness.isDrained)
    client.expectDelivered(1...6)
    harness.expectNoProblems()
  }

  @Test func aReclaimOfBeforeDoesNotKeepCreditFromTheDrain() {
    let harness = SidecarHarness { settings in
      settings.limits.frameBytesMax = 1024
      settings.routes[0].bufferBytes = 4 * 1728
      settings.routes[0].bufferMessages = 40
      settings.routes[0].controlReserveBytes = 0
    }
    let holder = harness.join(user: 1)
    harness.upstream.manner = .hold
    holder.answersReclaims = false
    holder.offer(1)
    let other = harness.join(user: 2)
    other.offer(20, payloadBytes: 1000)
    harness.pass(.seconds(3))
    let wasAsked = holder.reclaim != nil
    drain(harness, in: .seconds(60))
    holder.answersReclaims = true
    holder.answerReclaim()
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(1))
    #expect(wasAsked)
    #expect(harness.isDrained)
    harness.expectNoProblems()
  }

  @Test func whoNeverAnswersHoldsTheDrainForFiveSecondsAtMost() {
    let (harness, client) = scene()
    client.answersReclaims = false
    client.offer(1)
    drain(harness, in: .seconds(60))
    #expect(!harness.isDrained)
    harness.pass(.seconds(5))
    client.expectClosed(.reclaimTimeout)
    #expect(harness.isDrained)
    harness.expectNoProblems()
  }

  @Test func atTheDeadlineDeliveredLevelMessagesGetNoReceipt() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(5)
    drain(harness, in: .seconds(2))
    harness.pass(.seconds(2))
    #expect(harness.isDrained)
    client.expectUnsettled(1...5)
    client.expectClosed(.shuttingDown)
    harness.expectNoProblems()
  }

  @Test func atTheDeadlineReceivedLevelMessagesAreDroppedAndSaidToBe() {
    let (harness, client) = scene { $0.routes[0].upstream.inFlightMessagesMax = 2 }
    harness.upstream.manner = .hold
    client.offer(4, level: .received)
    client.offer(1)
    drain(harness, in: .seconds(2))
    harness.pass(.seconds(2))
    client.expectOutcome(.dropped, of: 1...2, code: .shuttingDown, flags: .maybeDelivered)
    client.expectOutcome(.dropped, of: 3...4, code: .shuttingDown, flags: [])
    client.expectUnsettled(5...5)
    client.expectClosed(.shuttingDown)
    harness.expectNoProblems()
  }

  @Test func aSecondRequestBringsTheDeadlineNearer() {
    let (harness, client) = scene()
    harness.upstream.manner = .hold
    client.offer(1)
    drain(harness, in: .seconds(60))
    drain(harness, in: .seconds(100))
    drain(harness, in: .seconds(1))
    harness.pass(.seconds(1))
    #expect(harness.isDrained)
    harness.expectNoProblems()
  }

  @Test func aDrainWithADeadUpstreamEndsAtItsDeadline() {
    let (harness, client) = scene()
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    client.offer(10, level: .received)
    harness.pass(.seconds(1))
    drain(harness, in: .seconds(3))
    harness.pass(.seconds(3))
    #expect(harness.isDrained)
    client.expectOutcome(.dropped, of: 1...10, code: .shuttingDown)
    harness.expectNoProblems()
  }
}
