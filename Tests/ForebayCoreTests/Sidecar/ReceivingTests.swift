import ForebayWire
import Testing

@testable import ForebayCore

/// From bytes to held runs: whatever is wrong ends the connection it came on, and no other.
@Suite struct ReceivingTests {
  /// A client with a window, and a witness that mustn't feel anything.
  private struct Scene {
    let harness: SidecarHarness
    let client: TestClient
    let witness: TestClient

    init(_ change: (inout Settings) -> Void = { _ in }) {
      harness = SidecarHarness(change)
      client = TestClient(harness)
      witness = TestClient(harness)
      client.join()
      witness.join()
      harness.upstream.manner = .hold
      witness.offer(2)
    }

    func expectClosed(_ code: ErrorCode, received: UInt64 = 2) {
      client.expectClosed(code)
      #expect(harness.totals.received == received)
      harness.upstream.manner = .accept
      harness.upstream.settleAll(.accepted)
      witness.offer(3)
      witness.expectDelivered(1...5)
      harness.expectNoProblems()
    }
  }

  private func frame(_ change: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
    var bytes = TestMessage(sequence: 1).frame(of: ID128(high: 0, low: 9))
    change(&bytes)
    return bytes
  }

  @Test func reservedBitsAreRefused() {
    for place in [6, 7, 21] {
      let scene = Scene()
      scene.client.write(frame { $0[place] = 1 })
      scene.expectClosed(.reservedBits)
    }
    let scene = Scene()
    scene.client.write(frame { $0[5] = 4 })
    scene.expectClosed(.reservedBits)
  }

  @Test func anUnknownTypeIsRefused() {
    let scene = Scene()
    scene.client.write(frame { $0[4] = 77 })
    scene.expectClosed(.unknownFrameType)
  }

  @Test func whatOnlyADaemonSendsIsRefusedBeforeItIsWhole() {
    let scene = Scene()
    var bytes = Receipt.encoded([ReceiptRange(first: 1, count: 1, outcome: .delivered)])
    bytes.removeLast(3)
    scene.client.write(bytes)
    scene.expectClosed(.wrongDirection)
    let window = Scene()
    window.client.write(Window(limitBytes: 1, limitMessages: 1).encoded())
    window.expectClosed(.wrongDirection)
  }

  @Test func aFrameShorterThanItsFieldsIsRefused() {
    let scene = Scene()
    scene.client.write(frame { $0[3] = 19 })
    scene.expectClosed(.frameTooShort)
    let header = Scene()
    header.client.write([0, 0, 0, 3, 2, 0, 0, 0])
    header.expectClosed(.frameTooShort)
  }

  @Test func aFrameAboveTheMaximumIsRefusedByItsLengthAlone() {
    let scene = Scene()
    scene.client.write([0, 4, 0])
    scene.client.expectOpen()
    scene.client.write([0])  // 4 + 262 144 bytes
    scene.expectClosed(.frameTooLarge)
    let huge = Scene()
    huge.client.write([0xff, 0xff, 0xff, 0xff])
    huge.expectClosed(.frameTooLarge)
    let seen = Scene()
    seen.client.write([0, 0, 0x80, 0, FrameType.seen.rawValue, 0, 0, 0])
    seen.expectClosed(.frameTooLarge)
  }

  @Test func aLaneThatCannotBeIsRefused() {
    let scene = Scene()
    scene.client.write(frame { $0[20] = 8 })
    scene.expectClosed(.badField)
  }

  @Test func extensionsThatDoNotFitAreRefused() {
    for bytes in [
      frame { $0[23] = 17 },
      frame {
        $0[22] = 0x40; $0[23] = 1
      },
    ] {
      let scene = Scene()
      scene.client.write(bytes)
      scene.expectClosed(.badExtension)
    }
    let scene = Scene()
    // An entry that says 200 bytes in an area of 8.
    scene.client.write(
      frame {
        $0[23] = 8; $0[24] = 1; $0[25] = 0; $0[26] = 0; $0[27] = 200
      })
    scene.expectClosed(.badExtension)
  }

  @Test func sequencesGoUp() {
    let scene = Scene()
    scene.client.offer(2)
    scene.client.write(TestMessage(sequence: 2).frame(of: scene.client.session))
    scene.client.expectClosed(.sequenceNotIncreasing)
    #expect(scene.harness.totals.received == 4)
    let zero = Scene()
    zero.client.write(TestMessage(sequence: 0).frame(of: zero.client.session))
    zero.expectClosed(.sequenceNotIncreasing)
    let last = Scene()
    last.client.write(TestMessage(sequence: .max).frame(of: last.client.session))
    last.expectClosed(.sequenceNotIncreasing)
  }

  @Test func aGapInSequencesIsAllowed() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.isEager = false
    client.offer(6)
    let odd = [UInt64(1), 3, 5].flatMap { client.taken($0) }
    client.write(odd)
    #expect(harness.upstream.accepted.map(\.sequence) == [1, 3, 5])
    #expect(client.ledger.count(.delivered) == 3)
    harness.expectNoProblems()
  }

  @Test func onionSkinsOfAFrameAreReadByteByByte() {
    for chunk in [1, 2, 7, 23, 24, 25, 4095] {
      let harness = SidecarHarness()
      let client = TestClient(harness)
      client.chunk = chunk
      client.join()
      client.expectReady()
      client.offer(5, payloadBytes: 40)
      client.offer(1, payloadBytes: 20_000)
      client.offer(2, payloadBytes: 0)
      client.expectDelivered(1...8)
      harness.expectNoProblems()
    }
  }

  @Test func consecutiveFramesOfOneShapeAreOneRun() {
    let harness = SidecarHarness()
    harness.upstream.manner = .hold
    let client = harness.join()
    client.isEager = false
    client.offer(50)
    client.pump()
    #expect(harness.core.store.runs.count == 1)
    client.isEager = true
    client.offer(1, lane: 1)
    client.offer(1, ttl: 1000)
    client.offer(1, level: .received)
    #expect(harness.core.store.runs.count == 4)
    harness.upstream.settleAll(.accepted)
    harness.expectNoProblems()
  }

  @Test func anUnknownExtensionTravelsAlong() {
    let harness = SidecarHarness()
    let client = harness.join()
    var extensions: [UInt8] = []
    appendExtension(.traceparent, "00-trace".utf8, to: &extensions)
    appendExtension(ExtensionType(rawValue: 99), [1, 2, 3], to: &extensions)
    client.offer(2, extensions: extensions)
    client.expectDelivered(1...2)
    harness.expectNoProblems()
  }

  @Test func aCriticalExtensionRejectsItsMessageAlone() {
    let harness = SidecarHarness()
    let client = harness.join()
    var critical: [UInt8] = []
    appendExtension(ExtensionType(rawValue: 200), [1], to: &critical)
    client.offer(1)
    client.offer(1, extensions: critical)
    client.offer(1)
    client.expectDelivered(1...1)
    client.expectOutcome(.rejected, of: 2...2, code: .unsupportedExtension)
    client.expectDelivered(3...3)
    client.expectOpen()
    harness.expectNoProblems()
  }

  @Test func aLargeMessageWithACriticalExtensionGivesItsMemoryBack() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.chunk = 3000
    var critical: [UInt8] = []
    appendExtension(ExtensionType(rawValue: 200), [1], to: &critical)
    client.offer(1, payloadBytes: 100_000, extensions: critical)
    client.expectOutcome(.rejected, of: 1...1, code: .unsupportedExtension)
    #expect(harness.core.memoryReport.heapBytes == 0)
    harness.expectNoProblems()
  }

  @Test func aLaneThatTheClassMayNotUseRejectsItsMessages() {
    let harness = SidecarHarness { $0.classes[0].lanes = 0b0101 }
    let client = harness.join()
    client.offer(1, lane: 0)
    client.offer(2, lane: 1)
    client.offer(1, lane: 2)
    client.expectDelivered(1...1)
    client.expectOutcome(.rejected, of: 2...3, code: .laneNotPermitted)
    client.expectDelivered(4...4)
    harness.expectNoProblems()
  }

  @Test func aLevelThatTheRouteHasNotRejectsItsMessages() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.offer(1, level: .stored)
    client.expectOutcome(.rejected, of: 1...1, code: .levelUnavailable)
    let stored = TestClient(harness)
    stored.level = .stored
    stored.join()
    stored.offer(1)
    stored.expectOutcome(.rejected, of: 1...1, code: .levelUnavailable)
    harness.expectNoProblems()
  }

  // MARK: Over credit

  @Test func aMessageMoreThanTheLimitIsNotStored() {
    let harness = SidecarHarness { $0.routes[0].windowMessagesMax = 64 }
    let client = TestClient(harness)
    let witness = TestClient(harness)
    client.join()
    witness.join()
    #expect(client.limit.messages == 64)
    harness.upstream.manner = .hold
    client.sendRegardless(64)
    client.expectOpen()
    #expect(harness.totals.received == 64)
    // Its window is the maximum, so nothing more is granted before a verdict.
    client.sendRegardless(1)
    client.expectClosed(.flowControl)
    #expect(harness.totals.received == 64)
    witness.offer(1)
    harness.upstream.settleAll(.accepted)
    witness.expectDelivered(1...1)
    harness.expectNoProblems()
  }

  @Test func aByteMoreThanTheLimitIsNotStored() {
    for surplus in [0, 1] {
      let harness = SidecarHarness { settings in
        settings.limits.frameBytesMax = 1024
        settings.routes[0].bufferBytes = 64_000
        settings.routes[0].bufferMessages = 1000
        settings.routes[0].controlReserveBytes = 0
      }
      let client = TestClient(harness)
      client.join()
      harness.upstream.manner = .hold
      // Uses up all but one frame's worth of bytes, then that frame to the byte, or a byte more.
      let fixed = UInt64(24 + 320)
      while client.credit.bytes >= 1344 + 2 * fixed + 1 {
        client.sendRegardless(1, payloadBytes: 680)
      }
      let rest = client.credit.bytes
      #expect(rest >= fixed && rest <= 1344 + 2 * fixed)
      if rest > 1344 { client.sendRegardless(1, payloadBytes: 0) }
      let left = client.credit.bytes
      let before = harness.totals.received
      client.sendRegardless(1, payloadBytes: Int(left - fixed) + surplus)
      if surplus == 0 {
        client.expectOpen()
        #expect(harness.totals.received == before + 1)
      } else {
        client.expectClosed(.flowControl)
        #expect(harness.totals.received == before)
      }
      harness.expectNoProblems()
    }
  }

  @Test func aLargeFrameIsJudgedByItsFirst24Bytes() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    client.write(Hello(session: client.session).encoded())
    let frame = TestMessage(sequence: 1, payloadBytes: 200_000).frame(of: client.session)
    harness.core.clients[client.id!.slot].wanted = .zero
    // 23 bytes can't be judged yet, and nothing is allocated for what they claim.
    client.write(Array(frame[..<23]))
    client.expectOpen()
    #expect(harness.core.memoryReport.heapBytes <= 64)
    client.write(Array(frame[23..<24]))
    client.expectOpen()
    #expect(harness.core.memoryReport.heapBytes >= 200_000, "within credit, it has its block")
    client.hangUp()
    #expect(harness.core.memoryReport.heapBytes == 0)
    harness.expectNoProblems()
  }

  @Test func aLargeFrameWithABadExtensionGivesItsMemoryBack() {
    let harness = SidecarHarness()
    let client = harness.join()
    // An extension that says to be longer than all of them.
    let bad = TestMessage(sequence: 1, payloadBytes: 200_000, extensions: [1, 0, 0xff, 0xff])
    let frame = bad.frame(of: client.session)
    client.write(Array(frame[..<1000]))
    client.expectOpen()
    client.write(Array(frame[1000...]))
    client.expectClosed(.badExtension)
    #expect(harness.core.memoryReport.heapBytes == 0)
    #expect(harness.totals.received == 0)
    harness.expectNoProblems()
  }

  @Test func aLargeFrameWithoutCreditGetsNoMemory() {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.connect()
    let frame = TestMessage(sequence: 1, payloadBytes: 200_000).frame(of: client.session)
    client.write(Array(frame[..<23]))
    #expect(harness.core.memoryReport.heapBytes <= 64)
    client.write(Array(frame[23..<24]))
    client.expectClosed(.helloExpected)
    #expect(harness.core.memoryReport.heapBytes == 0)
    harness.expectNoProblems()
  }

  // MARK: Deadlines and floods

  @Test func aFrameMustBeWholeInTimeHoweverSteadilyItTrickles() {
    let harness = SidecarHarness()
    let client = harness.join()
    let frame = TestMessage(sequence: 1, payloadBytes: 100).frame(of: client.session)
    for index in 0..<49 {
      client.write([frame[index]])
      harness.pass(.milliseconds(100))
    }
    client.expectOpen()
    client.write([frame[49]])
    harness.pass(.milliseconds(100))
    client.expectClosed(.frameTimeout)
    harness.expectNoProblems()
  }

  @Test func aBusyClientWhoseReadsEndInsideFramesIsNotClosed() {
    let harness = SidecarHarness()
    let client = harness.join()
    client.deliversAtOnce = false
    client.offer(1)
    client.deliver(10)
    for _ in 0..<100 {
      client.offer(1)
      // The rest of the one before, and the beginning of this one.
      client.deliver(client.outbox.count - 10)
      harness.pass(.milliseconds(200))
      client.expectOpen()
    }
    client.deliver()
    client.expectDelivered(1...101)
    harness.expectNoProblems()
  }

  @Test func aFloodOfFramesThatCostNothingIsEnded() {
    let harness = SidecarHarness { settings in
      settings.limits.controlFramesBurst = 50
      settings.limits.controlFramesPerSecond = 100
    }
    let client = harness.join()
    for _ in 0..<50 { client.write(Seen(floor: 1).encoded()) }
    client.expectOpen()
    harness.pass(.milliseconds(100))
    for _ in 0..<10 { client.write(Seen(floor: 1).encoded()) }
    client.expectOpen()
    client.write(Seen(floor: 1).encoded())
    client.expectClosed(.controlFlood)
    harness.expectNoProblems()
  }

  @Test func readsOfLargeFramesEndBetweenThem() throws {
    let harness = SidecarHarness()
    let client = TestClient(harness)
    client.join()
    client.deliversAtOnce = false
    let frameBytes = 20_000 + WireLimits.dataFixedBytes
    let id = try #require(client.id)
    let room = { harness.core.readBuffer(id).count }
    #expect(room() % frameBytes != 0)
    client.offer(1, payloadBytes: 20_000)
    client.deliver(100)
    // The rest of the first one goes to its block.
    #expect(room() == frameBytes - 100)
    client.deliver()
    for _ in 0..<20 {
      #expect(room() > 0 && room() % frameBytes == 0)
      client.offer(1, payloadBytes: 20_000)
      client.deliver()
    }
    // Small ones again: nothing is held back for large ones any more.
    client.offer(1, payloadBytes: 100)
    client.deliver(50)
    client.deliver()
    #expect(room() % frameBytes != 0)
    client.expectDelivered(1...22)
    harness.expectNoProblems()
  }

  @Test func partialFramesOfManyClientsKeepWhatHasComeAndNoMore() {
    let harness = SidecarHarness()
    let clients = (0..<50).map { _ in TestClient(harness) }
    for client in clients {
      client.join()
      client.write(
        Array(TestMessage(sequence: 1, payloadBytes: 8000).frame(of: client.session)[..<100]))
    }
    #expect(harness.core.memoryReport.heapBytes <= 50 * 112)
    harness.expectNoProblems()
  }
}
