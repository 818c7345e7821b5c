import ForebayWire
import Testing

@testable import ForebayCore

/// Who gets how much of the free space, and when.
@Suite struct GrantingTests {
  /// A buffer for eight reserves of one small frame each, so that it is soon full.
  private static func small(_ settings: inout Settings) {
    settings.limits.frameBytesMax = 1024
    settings.limits.overheadBytes = 320
    settings.routes[0].bufferBytes = 8 * 1728
    settings.routes[0].bufferMessages = 80
    settings.routes[0].controlReserveBytes = 0
  }

  private func expectWindow(_ window: Window?, _ reason: WindowReason) {
    #expect(window?.state == .shut)
    #expect(window?.reason == reason)
  }

  @Test func afterAnOutageNobodyWaitsForTheirNextProbe() {
    // Messages run out before bytes, so that credit for bytes is left over and asked back.
    let harness = SidecarHarness { settings in
      settings.limits.frameBytesMax = 1024
      settings.routes[0].bufferMessages = 40
      settings.routes[0].bufferBytes = 1 << 20
      settings.routes[0].controlReserveBytes = 0
    }
    harness.upstream.manner = .hold
    let clients = (0..<3).map { TestClient(harness, user: UInt32($0)) }
    for client in clients {
      client.join()
      client.offer(100)
    }
    // By now they ask every five seconds, and have given back what they couldn't use.
    harness.pass(.seconds(30))
    #expect(clients.allSatisfy { $0.lastWindow?.state == .shut })
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.milliseconds(500))
    for client in clients { client.expectDelivered(1...100) }
    harness.expectNoProblems()
  }

  // MARK: One client

  @Test func theFirstWindowIsASmallPartOfTheBuffer() {
    let harness = SidecarHarness()
    let client = harness.join()
    #expect(client.limit.messages == 64)
    #expect(client.limit.bytes >= 262_144 + 320)
    #expect(client.lastWindow?.receivedMessages == 0)
    harness.expectNoProblems()
  }

  @Test func theWindowGrowsWithUseAndShrinksWithout() {
    let harness = SidecarHarness()
    let client = harness.join()
    for _ in 0..<30 {
      client.offer(1000)
      harness.pass(.milliseconds(10))
    }
    #expect(client.credit.messages > 500)
    let slot = client.id!.slot
    #expect(harness.core.clients[slot].target == 1000)
    harness.pass(.seconds(6))
    client.offer(1)
    #expect(harness.core.clients[slot].target < 1000)
    harness.expectNoProblems()
  }

  @Test func aReportSaysShutWhereTheClientIsTold() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 100 }
    let client = harness.join()
    harness.upstream.manner = .hold
    harness.turn {
      // More credit may follow at the end of the turn: nobody has said no.
      client.offer(Int(client.credit.messages))
      let report = harness.core.clientReports(now: harness.now)[0]
      #expect(report.received.messages == report.limit.messages)
      #expect(!report.isShut && report.reason == .none)
    }
    client.offer(500)
    harness.pass(.seconds(1))
    expectWindow(client.lastWindow, .windowMaximum)
    let report = harness.core.clientReports(now: harness.now)[0]
    #expect(report.isShut && report.reason == .windowMaximum)
    harness.expectNoProblems()
  }

  @Test func aClientHasNoMoreUnsettledThanItsMaximum() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 100 }
    let client = harness.join()
    harness.upstream.manner = .hold
    client.offer(500)
    harness.pass(.seconds(1))
    #expect(harness.route.held.messages == 100)
    expectWindow(client.lastWindow, .windowMaximum)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(1))
    client.expectDelivered(1...500)
    harness.expectNoProblems()
  }

  @Test func bytesAloneAreGrantedToWhoHasCreditForMessages() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 1000 }
    let client = harness.join()
    // Grows the window, then idles so that it may not have that much any more.
    for _ in 0..<20 { client.offer(300) }
    let open = client.credit.messages
    #expect(open > 300)
    harness.upstream.manner = .hold
    while client.credit.bytes > 200_000 { client.offer(1, payloadBytes: 180_000) }
    harness.pass(.seconds(8))
    client.offer(1, payloadBytes: 262_000)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(10))
    client.expectDelivered(UInt64(client.ledger.count)...UInt64(client.ledger.count))
    harness.expectNoProblems()
  }

  @Test func aBacklogLowersAGrantAndCanBeTakenBack() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    client.write(
      Hello(session: client.session).encoded() + Backlog(bytes: .max, messages: 3).encoded())
    #expect(client.limit.messages == 3)
    client.offer(5)
    client.expectDelivered(1...3)
    client.expectUnsettled(4...5)
    client.write(Backlog(bytes: .max, messages: .max).encoded())
    harness.pass(.milliseconds(300))
    client.expectDelivered(4...5)
    harness.expectNoProblems()
  }

  @Test func receiptsThatNobodySeesShutTheWindow() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 64 }
    let client = TestClient(harness)
    client.sendsSeen = false
    client.probes = false
    client.join()
    client.offer(3000)
    harness.pass(.seconds(3))
    #expect(client.ledger.count(.delivered) <= 1024 + 64)
    #expect(client.ledger.count(.delivered) >= 1024)
    expectWindow(client.lastWindow, .receiptsUnseen)
    client.sendsSeen = true
    client.write(Seen(floor: client.ledger.floor).encoded())
    harness.pass(.seconds(3))
    client.expectDelivered(1...3000)
    harness.expectNoProblems()
  }

  @Test func aFalseFloorCostsItsAuthorAlone() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(5)
    client.write(Seen(floor: .max).encoded())
    harness.upstream.settleAll(.accepted)
    client.expectDelivered(1...5)
    client.write(Seen(floor: 1).encoded())
    client.expectOpen()
    harness.expectNoProblems()
  }

  // MARK: Full

  @Test func aFullBufferShutsWithItsReasonAndOpensByItself() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .hold
    let clients = (0..<12).map { TestClient(harness, user: 1000 + UInt32($0)) }
    for client in clients {
      client.join()
      client.offer(4, payloadBytes: 1000)
    }
    harness.pass(.seconds(2))
    let shut = clients.filter { $0.lastWindow?.state == .shut }
    #expect(!shut.isEmpty)
    for client in shut {
      #expect([.bufferFull, .fairShare].contains(client.lastWindow?.reason))
    }
    let report = harness.route
    #expect((report.held + report.open).fits(in: report.capacity))
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(20))
    for client in clients { client.expectDelivered(1...4) }
    harness.expectNoProblems()
  }

  @Test func blockedIsAnsweredAtOnceAndTheAnswerRepeatedByItself() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(100, payloadBytes: 1000)
    harness.pass(.milliseconds(199))
    #expect(client.blockedCount == 0)
    let before = client.windows.count
    harness.pass(.milliseconds(1))
    #expect(client.blockedCount == 1)
    #expect(client.windows.count > before)
    client.probes = false
    var last = client.windows.count
    for _ in 0..<10 {
      harness.pass(.seconds(1))
      #expect(client.windows.count > last, "at least one a second")
      #expect(client.windows.count <= last + 5, "at most one each 200 ms")
      last = client.windows.count
    }
    #expect(client.lastWindow?.state == .shut)
    harness.expectNoProblems()
  }

  @Test func aShutClientIsOpenedWithoutAskingAgain() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .hold
    let client = harness.join()
    client.offer(60, payloadBytes: 1000)
    harness.pass(.milliseconds(250))
    client.probes = false
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.milliseconds(500))
    client.expectDelivered(1...60)
    harness.expectNoProblems()
  }

  @Test func aBreakerThatIsOpenOutranksAFullBuffer() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    let client = harness.join()
    client.offer(60, payloadBytes: 1000)
    harness.pass(.milliseconds(900))
    #expect(harness.route.breaker.phase == .open)
    expectWindow(client.lastWindow, .breakerOpen)
    #expect((client.lastWindow?.retryAfterMilliseconds ?? 0) > 0)
    harness.upstream.manner = .accept
    harness.pass(.seconds(60))
    client.expectDelivered(1...60)
    harness.expectNoProblems()
  }

  @Test func anOpenBreakerStopsDispatchNotGrants() {
    let harness = SidecarHarness()
    harness.upstream.manner = .answer(.failed(retryAfter: nil))
    let client = harness.join()
    client.offer(1)
    harness.pass(.seconds(1))
    #expect(harness.route.breaker.phase == .open)
    client.offer(400)
    harness.pass(.milliseconds(300))
    #expect(harness.route.held.messages == 401)
    harness.expectNoProblems()
  }

  // MARK: Many

  @Test func whoeverWaitsIsServedInTurn() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(20)) }
    let clients = (0..<40).map { TestClient(harness, user: 1000 + UInt32($0 % 4)) }
    for client in clients {
      client.join()
      client.offer(10, payloadBytes: 900)
    }
    harness.pass(.seconds(60))
    for client in clients { client.expectDelivered(1...10) }
    harness.expectNoProblems()
  }

  @Test func aNewcomerIsServedWhileOthersNeverStop() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(5)) }
    let greedy = (0..<8).map { TestClient(harness, user: 1000 + UInt32($0)) }
    for client in greedy {
      client.join()
      client.offer(3000, payloadBytes: 200)
    }
    harness.pass(.milliseconds(500))
    let newcomer = harness.join(user: 2000)
    newcomer.offer(1, payloadBytes: 1000)
    harness.pass(.seconds(2))
    newcomer.expectDelivered(1...1)
    #expect(greedy.allSatisfy { $0.ledger.unsettled > 0 }, "the others must still be busy")
    harness.expectNoProblems()
  }

  @Test func siblingsOfOnePrincipalDoNotStarveEachOther() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(5)) }
    let greedy = (0..<6).map { _ in TestClient(harness) }
    for client in greedy {
      client.join()
      client.offer(6000, payloadBytes: 100)
    }
    harness.pass(.milliseconds(500))
    let newcomer = harness.join()
    newcomer.offer(1, payloadBytes: 1000)
    _ = harness.clock.pass(atMost: .seconds(3)) { newcomer.ledger.unsettled == 0 }
    newcomer.expectDelivered(1...1)
    #expect(greedy.allSatisfy { $0.ledger.unsettled > 0 }, "the others must still be busy")
    harness.expectNoProblems()
  }

  @Test func principalsGetEqualSharesHoweverManyConnectionsTheyHave() {
    let harness = SidecarHarness { settings in
      Self.small(&settings)
      settings.routes[0].bufferBytes = 20 * 1728
      settings.routes[0].bufferMessages = 200
    }
    harness.isChecking = false
    harness.upstream.manner = .decide { _ in (.accepted, after: .milliseconds(10)) }
    let many = (0..<10).map { _ in TestClient(harness, user: 1) }
    let one = TestClient(harness, user: 2)
    for client in many + [one] {
      client.join()
      client.offer(5000, payloadBytes: 200)
    }
    harness.pass(.seconds(3))
    let theirs = many.reduce(0) { $0 + $1.ledger.count(.delivered) }
    let its = one.ledger.count(.delivered)
    #expect(its * 3 >= theirs, "\(its) of one client against \(theirs) of ten")
    harness.expectNoProblems()
  }

  @Test func tenThousandIdleClientsHoldNothingThatMatters() {
    let harness = SidecarHarness { settings in
      settings.limits.connectionsPerPrincipalMax = 20_000
      settings.limits.sessionsPerPrincipalMax = 20_000
    }
    harness.isChecking = false
    let idle = (0..<10_000).map { _ in TestClient(harness) }
    harness.turn { for client in idle { client.join() } }
    harness.check()
    let busy = harness.join(user: 2000)
    busy.offer(500)
    harness.pass(.seconds(3))
    busy.expectDelivered(1...500)
    // Any of them that has data is served, soon.
    for index in stride(from: 0, to: 10_000, by: 997) {
      idle[index].offer(1, payloadBytes: 200_000)
    }
    harness.pass(.seconds(2))
    for index in stride(from: 0, to: 10_000, by: 997) { idle[index].expectDelivered(1...1) }
    harness.isChecking = true
    harness.check()
    harness.expectNoProblems()
  }

  @Test func whatADisconnectedClientSentStaysHeldForItsPrincipal() {
    let harness = SidecarHarness(Self.small)
    harness.upstream.manner = .hold
    for _ in 0..<20 {
      let client = TestClient(harness)
      client.join()
      client.offer(4, payloadBytes: 1000)
      client.hangUp()
    }
    let report = harness.route
    #expect(report.open.isZero, "unused credit returns at once")
    #expect(report.held.fits(in: report.capacity))
    let other = harness.join(user: 2000)
    other.offer(1, payloadBytes: 1000)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(1))
    other.expectDelivered(1...1)
    #expect(harness.route.held.isZero)
    harness.expectNoProblems()
  }

  @Test func theBoundHoldsForMixedSizesAndASlowUpstream() {
    let harness = SidecarHarness(seed: 5) { settings in
      settings.limits.frameBytesMax = 65_536
      settings.routes[0].bufferBytes = 2 << 20
      settings.routes[0].bufferMessages = 500
    }
    var random = SplitMix64(seed: 11)
    harness.upstream.manner = .decide { messages in
      (.accepted, after: .milliseconds(UInt64(2 * messages.count)))
    }
    let clients = (0..<20).map { TestClient(harness, user: 1000 + UInt32($0 % 5)) }
    for client in clients {
      client.chunk = 30_000
      client.join()
      for _ in 0..<25 {
        let kind = random.next() % 4
        let most = kind == 0 ? 65_512 : kind == 1 ? 9_000 : 300
        client.offer(1, payloadBytes: Int(random.next() % UInt64(most + 1)))
      }
    }
    harness.pass(.seconds(20))
    for client in clients { client.expectDelivered(1...25) }
    let peak = harness.route.heldPeak
    #expect(peak.fits(in: harness.route.capacity))
    #expect(peak.bytes > 500_000, "the buffer was used: \(peak)")
    harness.expectNoProblems()
  }
}
