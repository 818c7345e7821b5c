import ForebayWire

@testable import ForebayCore

/// A connection that says anything at all: frames of every kind in any order, with fields that are
/// nearly right, and bytes that aren't. Whatever it does may end its own connection and nothing else.
final class Vandal: ClientEnd {
  private(set) unowned var harness: SidecarHarness
  private var random: SplitMix64
  private let key: PrincipalKey
  private var id: ClientID?
  private var sessions: [ID128]
  private var next: UInt64 = 1
  private var nextLink: UInt64 = 1
  private var isPeer = false
  /// It sends DATA only as far as its credit goes, most of the time.
  private var credit = Cost.zero
  private var sent = Cost.zero
  private var inbox: [UInt8] = []
  /// What is left of a frame that it sends slowly.
  private var dribble: [UInt8] = []

  init(_ harness: SidecarHarness, _ number: UInt64) {
    self.harness = harness
    random = SplitMix64(seed: number)
    // One of them is of the same principal as clients that behave.
    key = PrincipalKey(listener: 0, user: number == 0 ? 1000 : 6666)
    sessions = (0..<2).map { ID128(high: 0xbad, low: number * 10 &+ $0) }
  }

  func act(_ random: SplitMix64) {
    self.random = random
    guard id != nil else { return connect() }
    // A frame a byte at a time, for as long as it is let.
    if !dribble.isEmpty { return send([dribble.removeFirst()]) }
    for _ in 0..<(1 + self.random.below(6)) where id != nil { speak() }
    if self.random.chance(5) { leave() }
  }

  func leave() {
    guard let id else { return }
    self.id = nil
    harness.hangUp(id)
  }

  private func connect() {
    guard case .accepted(let id) = harness.connect(self, key, isTCP: false) else { return }
    self.id = id
    dribble = []
    sent = .zero
    credit = .zero
    inbox = []
    next = random.chance(50) ? 1 : next
    nextLink = random.chance(50) ? 1 : nextLink
    isPeer = random.chance(50)
    // Some never say who they are, some say it wrongly.
    guard random.chance(85) else { return }
    var extensions: [UInt8] = []
    if random.chance(5) { appendExtension(.route, "nowhere".utf8, to: &extensions) }
    var hello = Hello(
      session: random.pick(sessions), floor: 1 + random.below(next), isPeer: isPeer)
    hello.level = random.pick([.received, .delivered, .stored])
    var bytes = hello.encoded(extensions: extensions)
    if random.chance(5) { bytes[random.pick([4, 5, 8, 9])] ^= 0x41 }
    send(bytes)
  }

  private func speak() {
    switch random.below(24) {
    case 0..<9: sendData()
    case 9: send(Seen(floor: 1 + random.below(next * 2)).encoded())
    case 10: send(Blocked(cost: UInt32(random.below(1 << 20)), floor: 1).encoded())
    case 11:
      send(Backlog(bytes: random.below(1 << 20), messages: random.below(100)).encoded())
    case 12: send(Reclaimed(number: UInt32(random.below(4))).encoded())
    case 13: send(Pong(token: random.next()).encoded())
    case 14: if random.chance(10) { send(Bye().encoded()) }
    case 15: mutate()
    case 16:
      if random.chance(20) { send((0..<random.below(40)).map { _ in UInt8(random.below(256)) }) }
    case 17: harness.turn { for _ in 0..<3 { sendData() } }
    case 18: if random.chance(20) { send(Hello(session: sessions[0]).encoded()) }
    case 19: if random.chance(10) { flood() }
    case 20: send(daemonsFrame())
    case 21: if random.chance(20) { send(random.pick([[255, 255, 255, 255], [0, 0, 0, 3]])) }
    case 22:
      if random.chance(30) {
        send([0, 0, 0, 40, FrameType.hello.rawValue, 0])
        if random.chance(50) { dribble = Array(repeating: 0, count: 38) }
      }
    default: answerReclaim()
    }
  }

  private func flood() {
    for _ in 0..<3 where id != nil {
      send((0..<1000).flatMap { _ in Backlog(bytes: 1, messages: 1).encoded() })
    }
  }

  private func daemonsFrame() -> [UInt8] {
    random.chance(20) ? Ping(token: 1).encoded() : Pong(token: 1).encoded()
  }

  private func sendData() {
    if isPeer { return sendRun() }
    let count = 1 + random.below(8)
    var bytes: [UInt8] = []
    for _ in 0..<count {
      let message = TestMessage(
        sequence: next, payloadBytes: Int(random.below(200)), lane: UInt8(random.below(8)),
        level: random.pick([.default, .received, .stored, .delivered]),
        ttlMilliseconds: random.chance(30) ? UInt32(random.below(3000)) : 0,
        extensions: random.chance(10) ? [200, 0, 0, 0] : [])
      guard affords(message.frameBytes, 1) else { break }
      bytes += message.frame(of: sessions[0])
      next += random.chance(90) ? 1 : 1 + random.below(5)
    }
    send(bytes)
  }

  private func sendRun() {
    let count = 1 + random.below(5)
    let first = 1 + random.below(30)
    let origin = Origin(
      linkSequence: nextLink, tag: ID128(high: 0xbad, low: random.below(3)), sequence: first,
      count: UInt32(count), ttlMilliseconds: random.chance(20) ? 500 : 0,
      floor: 1 + random.below(40), lane: UInt8(random.below(8)))
    guard affords(Origin.fixedBytes, 0) else { return }
    var bytes = origin.encoded()
    nextLink += random.chance(80) ? count : 1 + random.below(10)
    let sentCount = random.chance(90) ? count : random.below(count)
    for index in 0..<sentCount {
      let message = TestMessage(
        sequence: first + index, payloadBytes: Int(random.below(100)),
        lane: UInt8(random.below(8)), extensions: random.chance(10) ? [200, 0, 0, 0] : [])
      guard affords(message.frameBytes, 1) else { break }
      bytes += message.frame(of: sessions[0])
    }
    send(bytes)
  }

  private func affords(_ frameBytes: Int, _ messages: UInt64) -> Bool {
    let cost = Cost(
      bytes: UInt64(frameBytes + harness.core.limits.overheadBytes), messages: messages)
    guard (sent + cost).fits(in: credit) || random.chance(2) else { return false }
    sent += cost
    return true
  }

  /// A frame that would be right, but for one byte.
  private func mutate() {
    guard random.chance(30) else { return }
    var bytes = TestMessage(sequence: next, payloadBytes: 10).frame(of: sessions[0])
    bytes[Int(random.below(UInt64(bytes.count)))] ^= UInt8(1 << random.below(8))
    send(bytes)
  }

  private func send(_ bytes: [UInt8]) {
    guard let id, !bytes.isEmpty else { return }
    let chunk = random.chance(70) ? Int.max : Int(1 + random.below(50))
    _ = harness.deliver(bytes, from: id, chunk: chunk)
  }

  // MARK: What it hears

  private var reclaim: UInt32?

  private func answerReclaim() {
    guard let reclaim else { return }
    self.reclaim = nil
    credit = sent
    send(Reclaimed(number: reclaim).encoded())
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    inbox += bytes
    let frames = (try? DaemonFrame.take(from: &inbox)) ?? []
    for frame in frames {
      if case .window(let window) = frame, reclaim == nil {
        credit = credit.greater(Cost(bytes: window.limitBytes, messages: window.limitMessages))
      }
      if case .reclaim(let asked) = frame { reclaim = asked.number }
    }
    return true
  }

  func readOut() {}

  func closedByDaemon(_ code: ErrorCode?) {
    id = nil
    reclaim = nil
  }
}
