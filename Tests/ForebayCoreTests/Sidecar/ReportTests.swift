import ForebayWire
import Testing

@testable import ForebayCore

/// What operators are shown.
@Suite struct ReportTests {
  private func report(_ harness: SidecarHarness, _ client: TestClient) -> ClientReport {
    harness.core.clientReport(client.id!, now: harness.now)!
  }

  @Test func aClientsBlockedTimeIsThatInWhichItWasToldToBeShut() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 10 }
    let client = TestClient(harness)
    client.join()
    harness.upstream.manner = .hold
    client.offer(50)
    harness.pass(.seconds(3))
    let shut = report(harness, client)
    #expect(shut.isShut && shut.reason == .windowMaximum)
    #expect(shut.shut! >= .seconds(2) && shut.shut! <= .seconds(3))
    #expect(shut.shutTotal == shut.shut)
    #expect(shut.shutCount == 1)
    #expect(shut.held.messages == 10 && shut.open.messages == 0)
    harness.upstream.manner = .accept
    harness.upstream.settleAll(.accepted)
    harness.pass(.seconds(10))
    let open = report(harness, client)
    #expect(open.shut == nil && !open.isShut && open.reason == .none)
    #expect(open.shutTotal >= shut.shutTotal && open.shutTotal <= .seconds(4))
    harness.expectNoProblems()
  }

  @Test func aClientSaysWhoItIs() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    var extensions: [UInt8] = []
    appendExtension(.clientName, "orders\n".utf8, to: &extensions)
    appendExtension(.shimVersion, String(repeating: "9", count: 200).utf8, to: &extensions)
    let hello = Hello(session: client.session).encoded(extensions: extensions)
    client.write(hello)
    let told = report(harness, client)
    #expect(told.names?.name == "orders\n")
    #expect(told.names?.shim == "")
    #expect(told.names?.shimVersion.count == ClientNames.bytesMax)
    #expect(told.bytesRead == UInt64(hello.count))
    let silent = TestClient(harness, user: 2)
    silent.connect()
    #expect(report(harness, silent).route == nil && !report(harness, silent).isOpen)
    harness.expectNoProblems()
  }

  /// The offset is of the frame in the connection's bytes, however they were cut into reads.
  @Test(arguments: [Int.max, 7, 1])
  func theBytesThatAConnectionWasEndedForAreKept(chunk: Int) {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.chunk = chunk
    client.join()
    client.offer(3)
    let before = report(harness, client).bytesRead
    let id = client.id!
    let bad: [UInt8] = [0, 0, 0, 8, 77, 0, 0, 0, 1, 2, 3, 4]
    var offence: Offence?
    client.deliversAtOnce = false
    client.write(bad)
    harness.turn {
      client.deliver()
      offence = harness.core.offence(of: id)
    }
    client.expectClosed(.unknownFrameType)
    #expect(offence?.offset == before)
    #expect(offence.map { bad.starts(with: $0.excerpt) } == true, "\(offence!)")
    #expect(offence!.excerpt.count >= 5)
    harness.expectNoProblems()
  }

  @Test func theOldestMessageIsFound() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.join()
    harness.upstream.manner = .hold
    client.offer(1)
    harness.pass(.seconds(7))
    client.offer(1)
    var oldest = [Instant.distantFuture]
    harness.core.noteOldest(inRuns: 0..<harness.core.runSlots, &oldest)
    #expect(harness.now.since(oldest[0]) == .seconds(7))
    harness.expectNoProblems()
  }

  @Test func principalsAndClassesAddUp() {
    let harness = SidecarHarness()
    let clients = [5, 5, 6].map { TestClient(harness, user: $0) }
    harness.upstream.manner = .hold
    for client in clients {
      client.join()
      client.offer(4)
    }
    let principals = (0..<harness.core.principalSlots).compactMap {
      harness.core.principalReport(slot: $0)
    }
    #expect(principals.map(\.key.user) == [5, 6])
    #expect(principals.map(\.clients) == [2, 1])
    #expect(principals.map(\.held.messages) == [8, 4])
    let one = harness.core.classReport(0)
    #expect(one.clients == 3 && one.held.messages == 12)
    #expect(one.open == harness.route.open)
    harness.expectNoProblems()
  }

  @Test func aLinkIsDescribed() {
    let harness = SidecarHarness { $0.routes[0].upstream.kind = .peer }
    let link = harness.core.linkReport(0, now: harness.now)
    #expect(link?.phase == .disconnected && link?.retryAt == nil)
    let other = SidecarHarness()
    let none = other.core.linkReport(0, now: other.now)
    #expect(none == nil)
  }
}
