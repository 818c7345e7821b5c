import ForebayWire
import FuzzSupport

@testable import ForebayCore

/// The upstream side of a peer link: a peer that says anything at all, cut anywhere. It can end its own
/// link and nothing else: no invariant of the core breaks, what the core writes stays well-formed,
/// clients hear one outcome a message, and with a peer that behaves everything comes to its end.
enum LinkFuzz: FuzzTarget {
  static let name = "link"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    let play = LinkPlay(&input)
    defer { play.leave() }
    var acts = 0
    while !input.isEmpty, play.isFine, acts < LinkPlay.actsMax {
      play.act(&input)
      acts += 1
    }
    return play.end()
  }
}

private final class LinkPlay {
  static let actsMax = 150
  private let harness: SidecarHarness
  private let peer: ScriptedPeer
  private let client: TestClient
  private var chunk = Int.max
  private var spoilsNext = false
  private var reclaims: UInt32 = 0

  init(_ input: inout FuzzInput) {
    let shape = input.byte()
    harness = SidecarHarness { settings in
      settings.limits.nurserySegments = 4
      settings.limits.frameBytesMax = [256, 4096, 70_000, 4096][Int(shape & 3)]
      settings.routes[0].upstream.kind = .peer
      settings.routes[0].upstream.inFlightMessagesMax = 10_000
      settings.routes[0].upstream.inFlightBytesMax = 64 << 20
      settings.routes[0].attemptTimeout = .seconds(2)
      settings.routes[0].breaker.baseWait = .milliseconds(100)
      if shape & 4 != 0 { settings.routes[0].bufferMessages = 40 }
    }
    peer = ScriptedPeer(harness)
    if let listener = FuzzTrace.listener {
      harness.trace = Trace()
      harness.trace?.listener = listener
    }
    client = harness.join()
    client.offer(1 + input.below(8))
  }

  func leave() { harness.clock.end() }

  var isFine: Bool { harness.problems.isEmpty && harness.clock.spins.isEmpty }

  // MARK: Acts

  func act(_ input: inout FuzzInput) {
    switch input.below(24) {
    case 0, 1:
      if !peer.isConnected { peer.accept() }
    case 2: if !peer.isConnected { peer.refuse() }
    case 3: if input.flag() { peer.close() }
    case 4, 5: say(welcome(&input), &input)
    case 6...8: say(window(&input).encoded(), &input)
    case 9...12: say(receipt(&input), &input)
    case 13:
      reclaims += 1
      say(
        Reclaim(
          number: input.flag() ? reclaims : UInt32(clamping: input.number()),
          limitBytes: peer.received.bytes &+ input.number(),
          limitMessages: peer.received.messages &+ input.number()
        ).encoded(), &input)
    case 14: say(RawFrames.any(&input), &input)
    case 15: say(other(&input), &input)
    case 16: say(Array(input.take(1 + input.below(40))), &input)
    case 17:
      spoilsNext = input.flag()
      chunk = Int(input.byte())
      if chunk == 0 { chunk = .max }
    case 18: if input.flag() { peer.makeRoom() } else { peer.room = Int(input.short()) }
    case 19, 20: harness.pass(.milliseconds(1 << UInt64(input.below(13))))
    case 21: offer(&input)
    case 22: if client.isConnected, input.flag() { client.hangUp() } else { client.join() }
    default:
      let command: Breaker.OperatorCommand = input.pick([.forceOpen, .automatic, .probeNow])
      harness.event { harness.core.breakerCommanded(command, route: 0, now: harness.now) }
    }
  }

  private func offer(_ input: inout FuzzInput) {
    let most = harness.core.limits.frameBytesMax - WireLimits.dataFixedBytes
    let manner = input.byte()
    client.offer(
      1 + input.below(30), payloadBytes: Int(input.number() & 0xffff) % min(most, 3000),
      lane: manner & 7, ttl: manner & 8 != 0 ? 1000 : 0)
  }

  private func say(_ frame: [UInt8], _ input: inout FuzzInput) {
    let bytes = spoilsNext ? RawFrames.spoiled(frame, &input) : frame
    spoilsNext = false
    var place = 0
    while place < bytes.count, peer.isConnected {
      let count = min(chunk, bytes.count - place)
      switch harness.linkReceived(0, Array(bytes[place..<(place + count)])) {
      case .fine: break
      case .violation, .ended: peer.close()
      }
      place += count
    }
  }

  private func welcome(_ input: inout FuzzInput) -> [UInt8] {
    let manner = input.byte()
    return Welcome(
      frameBytesMax: [24, 300, 4096, UInt32(WireLimits.frameBytesMax)][Int(manner & 3)],
      overhead: [0, 320, 65_536, 320][Int(manner >> 2 & 3)],
      heartbeatMilliseconds: manner & 16 != 0 ? UInt32(clamping: input.number()) : 0,
      ranges: manner & 32 != 0 ? UInt32(clamping: input.number()) : 0,
      known: manner & 64 != 0 ? input.number() : 0, isResumed: manner & 128 != 0
    ).encoded()
  }

  private func window(_ input: inout FuzzInput) -> Window {
    let manner = input.byte()
    var window = Window(
      limitBytes: peer.received.bytes &+ input.number() &* 64,
      limitMessages: peer.received.messages &+ input.number(),
      reason: WindowReason(rawValue: manner & 15) ?? .none)
    window.receivedBytes = manner & 16 != 0 ? input.number() : peer.received.bytes
    window.receivedMessages = manner & 32 != 0 ? input.number() : peer.received.messages
    return window
  }

  private func receipt(_ input: inout FuzzInput) -> [UInt8] {
    let last = peer.runs.last.map { $0.origin.linkSequence + UInt64($0.origin.count) } ?? 1
    let outcomes: [Outcome] = [
      .received, .delivered, .stored, .deadLettered, .rejected, .expired, .dropped, .duplicate,
    ]
    let ranges = (0...input.below(4)).map { _ in
      // Near the newest, or anywhere.
      let back = input.number()
      let first = back < last ? max(1, last - back) : back
      let outcome = input.byte()
      return ReceiptRange(
        first: min(first, .max - 300), count: 1 + UInt32(input.byte()),
        outcome: outcomes[Int(outcome & 7)], flags: ReceiptFlags(rawValue: outcome >> 3 & 3),
        code: MessageCode(rawValue: UInt16(outcome >> 5)))
    }
    return Receipt.encoded(ranges)
  }

  private func other(_ input: inout FuzzInput) -> [UInt8] {
    switch input.below(3) {
    case 0: Ping(token: input.number()).encoded()
    case 1:
      GoAway(
        input.pick(ErrorCode.allCases), deadlineMilliseconds: UInt32(clamping: input.number())
      ).encoded()
    default: ErrorFrame(input.pick(ErrorCode.allCases)).encoded()
    }
  }

  // MARK: The end

  /// From here on the peer behaves: it knows nothing, grants much, and delivers all that comes.
  func end() -> String? {
    guard isFine else { return firstProblem }
    peer.close()
    peer.makeRoom()
    chunk = .max
    harness.event { harness.core.breakerCommanded(.automatic, route: 0, now: harness.now) }
    if !client.isConnected { client.join() }
    client.offer(1)
    var answered = peer.runs.count
    let isDone = harness.clock.pass(atMost: .seconds(600)) { [self] in
      behave(&answered)
      return isOver || !isFine
    }
    guard isFine else { return firstProblem }
    guard isDone else {
      return
        "\(client.ledger.unsettled) messages never ended, \(harness.core.heldMessages) are held, "
        + "the link is \(harness.core.links[0].phase)"
    }
    let memory = harness.core.memoryReport
    return memory.runs == 0 && memory.heapBytes == 0 ? nil : "\(memory.runs) runs are left"
  }

  private var firstProblem: String? { harness.problems.first ?? harness.clock.spins.first }
  private var isOver: Bool {
    client.ledger.floor == client.ledger.nextSequence && harness.core.heldMessages == 0
  }

  private func behave(_ answered: inout Int) {
    if !peer.isConnected, harness.core.links[0].phase == .connecting {
      answered = peer.runs.count
      peer.frameBytesMax = WireLimits.frameBytesMax
      peer.welcome()
    }
    while peer.isConnected, answered < peer.runs.count {
      let origin = peer.runs[answered].origin
      answered += 1
      let range = ReceiptRange(
        first: origin.linkSequence, count: origin.count, outcome: .delivered)
      _ = harness.linkReceived(0, Receipt.encoded([range]))
    }
  }
}
