import ForebayWire
import Testing

@testable import ForebayCore

/// Readers that don't read, ends that vanish, timers that mustn't spin.
@Suite struct TimersTests {
  @Test func aClientThatDoesNotReadIsDisconnectedAndItsMessagesGoOn() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.room = 0
    client.offer(50)
    harness.pass(.seconds(9))
    client.expectOpen()
    #expect(harness.upstream.accepted.count == 50)
    harness.pass(.seconds(1))
    client.expectClosed(.slowReader)
    client.room = .max
    client.join()
    client.expectDelivered(1...50)
    harness.expectNoProblems()
  }

  @Test func aClientThatReadsAgainInTimeStays() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.room = 0
    client.offer(50)
    harness.pass(.seconds(9))
    client.room = .max
    client.read()
    harness.pass(.seconds(9))
    client.expectOpen()
    client.expectDelivered(1...50)
    harness.expectNoProblems()
  }

  /// While it didn't read, no window was scheduled for it.
  @Test func aShutClientThatReadsAgainIsToldAgain() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 5 }
    harness.upstream.manner = .hold
    let client = harness.join()
    client.probes = false
    client.offer(10)
    harness.pass(.milliseconds(50))
    client.room = 0
    harness.pass(.seconds(1))
    client.room = .max
    client.read()
    let told = client.windows.count
    harness.pass(.milliseconds(1100))
    #expect(client.windows.count > told)
    client.expectShut(.windowMaximum)
    harness.expectNoProblems()
  }

  @Test func aLongListOfReceiptsIsWrittenInParts() {
    let harness = SidecarHarness { settings in
      settings.routes[0].windowMessagesMax = 20_000
      settings.routes[0].bufferMessages = 50_000
      settings.routes[0].upstream.inFlightMessagesMax = 50_000
      settings.routes[0].upstream.batchMessagesMax = 1
    }
    harness.isChecking = false
    // Every other message is rejected, so that each is a range of its own.
    harness.upstream.manner = .decide { messages in
      let isOdd = messages.first.map { $0.sequence % 2 == 1 } ?? false
      return (isOdd ? .accepted : .rejected(.upstreamRejected), after: .zero)
    }
    let client = harness.join()
    client.sendsSeen = false
    client.probes = false
    for index in 0..<9_000 { client.offer(1, lane: UInt8(index % 2)) }
    harness.pass(.seconds(1))
    client.hangUp()
    client.ledger.forgetReceipts()
    client.join()
    #expect((client.welcome?.ranges ?? 0) > 4095)
    client.expectReady()
    harness.isChecking = true
    harness.check()
    harness.expectNoProblems()
  }

  @Test func aTCPClientIsPingedAndMissedWhenItIsGone() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.isTCP = true
    client.join()
    #expect(client.welcome?.heartbeatMilliseconds == 10_000)
    harness.pass(.seconds(35))
    client.expectOpen()
    let pings = client.frames.count { if case .ping = $0 { true } else { false } }
    #expect(pings >= 3)
    client.answersPings = false
    harness.pass(.seconds(21))
    client.expectClosed(.heartbeatTimeout)
    harness.expectNoProblems()
  }

  @Test func anyBytesCountAsLife() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.isTCP = true
    client.answersPings = false
    client.join()
    for _ in 0..<8 {
      harness.pass(.seconds(9))
      client.offer(1)
      client.expectOpen()
    }
    harness.expectNoProblems()
  }

  @Test func aUnixClientIsNeverPinged() {
    let harness = SidecarHarness()
    let client = harness.join()
    harness.pass(.seconds(100))
    #expect(client.frames.count == 2)
    harness.expectNoProblems()
  }

  @Test func anIdleDaemonHasNoDeadlines() {
    let harness = SidecarHarness()
    let clients = (0..<50).map { TestClient(harness, user: UInt32($0)) }
    for client in clients {
      client.join()
      client.offer(1)
    }
    harness.pass(.seconds(10))
    let fired = harness.clock.fired
    harness.pass(.seconds(100))
    #expect(harness.clock.fired - fired <= 2)
    harness.expectNoProblems()
  }
}
