import ForebayWire
import FuzzSupport

@testable import ForebayCore

/// A connection that a fuzzer speaks on. It knows what would be right to say next, its credit and the
/// next sequence, and says that or something else.
final class RawClient: ClientEnd {
  private unowned let harness: SidecarHarness
  private let key: PrincipalKey
  private let session: ID128
  private(set) var id: ClientID?
  private var next: UInt64 = 1
  private var nextLink: UInt64 = 1
  private var isPeer = false
  private var credit = Cost.zero
  private var sent = Cost.zero
  private var reclaim: UInt32 = 0
  private var inbox: [UInt8] = []
  /// Said and not yet delivered.
  private var outbox: [UInt8] = []
  private var isStalled = false
  var chunk = Int.max
  var reads = true
  var deliversAtOnce = true
  /// The next frame comes with one bit changed.
  var spoilsNext = false

  init(_ harness: SidecarHarness, user: UInt32, number: UInt64) {
    self.harness = harness
    key = PrincipalKey(listener: 0, user: user)
    session = ID128(high: 0xbad, low: number)
  }

  // MARK: Connection

  func connect(isTCP: Bool) {
    guard id == nil else { return }
    guard case .accepted(let id) = harness.connect(self, key, isTCP: isTCP) else { return }
    self.id = id
    credit = .zero
    sent = .zero
    inbox = []
    outbox = []
    isStalled = false
  }

  func hangUp() {
    guard let id else { return }
    self.id = nil
    harness.hangUp(id)
  }

  func closedByDaemon(_ code: ErrorCode?) { id = nil }

  // MARK: Speaking

  func say(_ frame: [UInt8], _ input: inout FuzzInput) {
    outbox += spoilsNext ? RawFrames.spoiled(frame, &input) : frame
    spoilsNext = false
    if deliversAtOnce { deliver(.max) }
  }

  func deliver(_ count: Int) {
    guard let id, !outbox.isEmpty else { return }
    let part = Array(outbox.prefix(count))
    outbox.removeFirst(part.count)
    _ = harness.deliver(part, from: id, chunk: chunk)
  }

  func readOut() { deliver(.max) }

  func hello(_ input: inout FuzzInput) {
    let manner = input.byte()
    isPeer = manner & 1 == 1
    if manner & 2 != 0 {
      next = 1
      nextLink = 1
    }
    var extensions: [UInt8] = []
    switch manner >> 2 & 7 {
    case 0: appendExtension(.route, "second".utf8, to: &extensions)
    case 1: appendExtension(.route, "nowhere".utf8, to: &extensions)
    case 2: appendExtension(.clientName, input.take(80), to: &extensions)
    case 3: extensions = Array(input.take(12))
    default: break
    }
    let level: ReceiptLevel = [.received, .delivered, .stored, .default][Int(manner >> 6)]
    var hello = Hello(
      session: session, floor: max(1, input.number()), level: level, isPeer: isPeer)
    if manner & 32 != 0 { hello.floor = max(1, next) }
    say(hello.encoded(extensions: extensions), &input)
  }

  func data(_ input: inout FuzzInput) {
    if isPeer { return run(&input) }
    let shape = input.byte()
    let size = Int(input.number() & 0x3fff)
    let count = 1 + Int(shape & 7)
    if shape & 0x80 != 0 { next = next &+ input.number() }
    var frames: [UInt8] = []
    for _ in 0..<count {
      let frame = message(next, size, shape, &input)
      guard affords(frame.count, 1) || shape & 0x70 == 0x70 else { break }
      frames += frame
      next &+= 1
    }
    say(frames, &input)
  }

  private func run(_ input: inout FuzzInput) {
    let shape = input.byte()
    let size = Int(input.number() & 0xfff)
    let count = 1 + UInt64(shape & 7)
    let origin = Origin(
      linkSequence: nextLink &+ (shape & 0x80 != 0 ? input.number() : 0),
      tag: ID128(high: 0xbad, low: UInt64(input.byte() & 3)), sequence: input.number(),
      count: UInt32(count), ttlMilliseconds: shape & 0x40 != 0 ? 500 : 0,
      floor: max(1, input.number()), lane: shape >> 3 & 7)
    nextLink = origin.linkSequence &+ count
    guard affords(Origin.fixedBytes, 0) else { return }
    var frames = origin.encoded()
    for index in 0..<count {
      let frame = message(origin.sequence &+ index, size, shape & ~0x40, &input)
      guard affords(frame.count, 1) else { break }
      frames += frame
    }
    say(frames, &input)
  }

  private func message(
    _ sequence: UInt64, _ size: Int, _ shape: UInt8, _ input: inout FuzzInput
  ) -> [UInt8] {
    var message = TestMessage(
      sequence: sequence, payloadBytes: min(size, 4000), lane: shape >> 3 & 7)
    if shape & 0x40 != 0 {
      let more = input.byte()
      message.level = [.default, .received, .stored, .delivered][Int(more & 3)]
      message.ttlMilliseconds = more & 4 != 0 ? UInt32(more) * 8 : 0
      if more & 8 != 0 { message.extensions = [more & 16 != 0 ? 200 : 1, 0, 0, 0] }
      if more & 32 != 0 { message.extensions += Array(input.take(8)) }
    }
    return message.frame(of: session)
  }

  private func affords(_ frameBytes: Int, _ messages: UInt64) -> Bool {
    let cost = Cost(
      bytes: UInt64(frameBytes + harness.core.limits.overheadBytes), messages: messages)
    guard (sent + cost).fits(in: credit) else { return false }
    sent += cost
    return true
  }

  func control(_ input: inout FuzzInput) {
    switch input.below(8) {
    case 0: say(Seen(floor: max(1, next &+ input.number() &- 8)).encoded(), &input)
    case 1: say(Blocked(cost: UInt32(clamping: input.number()), floor: 1).encoded(), &input)
    case 2: say(Backlog(bytes: input.number(), messages: input.number()).encoded(), &input)
    case 3, 4:
      // What it may still send is what it has sent.
      credit = credit.lesser(sent)
      say(Reclaimed(number: reclaim).encoded(), &input)
    case 5: say(Reclaimed(number: UInt32(clamping: input.number())).encoded(), &input)
    case 6: say(Pong(token: input.number()).encoded(), &input)
    default: say(Bye().encoded(), &input)
    }
  }

  // MARK: Hearing

  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    inbox += bytes
    guard reads else {
      isStalled = true
      return false
    }
    hear()
    return true
  }

  func readAgain() {
    reads = true
    hear()
    guard isStalled, let id else { return }
    isStalled = false
    harness.outputDrained(id)
  }

  private func hear() {
    do {
      for frame in try DaemonFrame.take(from: &inbox) {
        switch frame {
        case .window(let window):
          credit = credit.greater(Cost(bytes: window.limitBytes, messages: window.limitMessages))
        case .reclaim(let asked):
          reclaim = asked.number
          credit = credit.lesser(
            Cost(bytes: asked.limitBytes, messages: asked.limitMessages).greater(sent))
        case .welcome, .receipt, .ping, .goaway, .error: break
        }
      }
    } catch {
      harness.problem("the daemon wrote a malformed frame: \(error)")
    }
  }
}
