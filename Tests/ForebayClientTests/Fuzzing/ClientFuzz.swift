import ForebayClient
import ForebayWire
import FuzzSupport

/// The client's machine against a daemon that says anything at all, cut anywhere: it never stops the
/// process, what it writes are whole frames within the credit that it was given, and every message that
/// was submitted has exactly one final event.
enum ClientFuzz: FuzzTarget {
  static let name = "client"
  private static let actsMax = 200

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    var play = ClientPlay(&input)
    var acts = 0
    while !input.isEmpty, play.wrong == nil, acts < actsMax {
      play.act(&input)
      acts += 1
    }
    play.end()
    return play.wrong
  }
}

private struct ClientPlay: ~Copyable {
  private(set) var wrong: String?
  private var machine: ClientMachine
  private var now: UInt64 = 1
  private var submitted: UInt64 = 0
  private var finals: [UInt64: Int] = [:]
  /// What the daemon said and the machine hasn't taken.
  private var unread: [UInt8] = []
  /// What the machine wrote of a frame that isn't whole.
  private var written: [UInt8] = []
  private var sent: (bytes: UInt64, messages: UInt64) = (0, 0)
  private var isConnected = false
  private var chunk = Int.max

  init(_ input: inout FuzzInput) {
    let shape = input.byte()
    var options = ClientMachine.Options(session: ID128(high: 1, low: 2), jitterSeed: UInt64(shape))
    options.continuesSession = shape & 1 == 1
    options.level = [.delivered, .received, .stored, .delivered][Int(shape >> 1 & 3)]
    options.queueMessages = 40
    options.queueBytes = 20_000
    options.unsettledMessages = 400
    if shape & 8 != 0 { options.firstSequence = .max - 5 }
    machine = ClientMachine(options)
    submitted = options.firstSequence - 1
    first = options.firstSequence
  }
  private let first: UInt64

  mutating func act(_ input: inout FuzzInput) {
    switch input.below(16) {
    case 0, 1: submit(&input)
    case 2, 3: produce(1 + (input.flag() ? input.below(64) : 8000))
    case 4:
      now += UInt64(1) << UInt64(input.below(36))
      machine.timePassed(now: now)
    case 5:
      if isConnected { hangUp() } else { connect() }
    case 6: chunk = max(1, Int(input.byte()))
    case 7: if input.byte() > 240 { machine.sayBye() }
    case 8: say(Array(input.take(1 + input.below(30))))
    case 9, 10: say(welcome(&input))
    case 11, 12: say(window(&input))
    case 13, 14: say(receipt(&input))
    default: say(other(&input))
    }
    takeEvents()
  }

  private mutating func submit(_ input: inout FuzzInput) {
    // No daemon lets anybody come near the last sequence.
    guard submitted < .max - 2 else { return }
    let payload = [UInt8](repeating: 7, count: Int(input.number() & 0x3ff))
    let result = payload.withUnsafeBytes { machine.submit($0, lane: 1) }
    guard case .accepted(let sequence) = result else { return }
    submitted += 1
    if sequence != submitted { wrong = "message \(sequence) comes after \(submitted - 1)" }
  }

  private mutating func connect() {
    isConnected = true
    unread = []
    written = []
    sent = (0, 0)
    machine.connected(now: now)
  }

  private mutating func hangUp() {
    guard isConnected else { return }
    isConnected = false
    machine.connectionLost(now: now)
  }

  // MARK: The daemon

  private mutating func say(_ bytes: [UInt8]) {
    guard isConnected else { return }
    unread += bytes
    while !unread.isEmpty, machine.isConnected {
      let part = Array(unread.prefix(chunk))
      let used = part.withUnsafeBytes { machine.receive($0, now: now) }
      if used > part.count { wrong = "it took \(used) of \(part.count) bytes" }
      unread.removeFirst(min(used, part.count))
      // A part of a frame is handed in again with what follows.
      if used == 0 {
        guard chunk < unread.count else { return }
        chunk = unread.count
      }
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

  private func window(_ input: inout FuzzInput) -> [UInt8] {
    let manner = input.byte()
    var window = Window(
      limitBytes: sent.bytes &+ input.number() &* 64,
      limitMessages: sent.messages &+ input.number(),
      reason: WindowReason(rawValue: manner & 15) ?? .none)
    window.receivedBytes = manner & 16 != 0 ? input.number() : 0
    window.receivedMessages = manner & 32 != 0 ? input.number() : 0
    return window.encoded()
  }

  private func receipt(_ input: inout FuzzInput) -> [UInt8] {
    let outcomes: [Outcome] = [
      .received, .delivered, .stored, .deadLettered, .rejected, .expired, .dropped, .duplicate,
    ]
    let ranges = (0...input.below(4)).map { _ in
      let place = input.number()
      let start = place < 128 ? first &+ place : place
      let outcome = input.byte()
      return ReceiptRange(
        first: min(max(1, start), .max - 300), count: 1 + UInt32(input.byte()),
        outcome: outcomes[Int(outcome & 7)], flags: ReceiptFlags(rawValue: outcome >> 3 & 3),
        code: MessageCode(rawValue: UInt16(outcome >> 5)))
    }
    return Receipt.encoded(ranges)
  }

  private func other(_ input: inout FuzzInput) -> [UInt8] {
    switch input.below(4) {
    case 0: Ping(token: input.number()).encoded()
    case 1:
      GoAway(
        input.pick(ErrorCode.allCases), deadlineMilliseconds: UInt32(clamping: input.number())
      ).encoded()
    case 2:
      Reclaim(
        number: UInt32(input.byte()), limitBytes: input.number(), limitMessages: input.number()
      ).encoded()
    default: ErrorFrame(input.pick(ErrorCode.allCases)).encoded()
    }
  }

  // MARK: The machine

  private mutating func produce(_ size: Int) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
    defer { buffer.deallocate() }
    let count = machine.produce(into: buffer, now: now)
    if count > size { return wrong = "it wrote \(count) bytes into \(size)" }
    written.append(contentsOf: buffer[..<count])
    readWritten()
  }

  private mutating func readWritten() {
    while true {
      let reading = written.withUnsafeBytes {
        FrameHeader.read($0, at: 0, frameBytesMax: WireLimits.frameBytesMax)
      }
      switch reading {
      case .partial: return
      case .malformed(let code): return wrong = "it wrote a frame that is \(code)"
      case .header(let header):
        guard written.count >= header.byteCount else { return }
        if header.type.isFromDaemon { return wrong = "it wrote \(header.type)" }
        if header.type == .data { sent.messages += 1 }
        if header.type == .data { sent.bytes += UInt64(header.byteCount) }
        written.removeFirst(header.byteCount)
      }
    }
  }

  private mutating func takeEvents() {
    let events = machine.events
    machine.events = []
    for event in events {
      switch event {
      case .settled(let first, let count, let outcome, _, _):
        if !outcome.isFinal { wrong = "\(first) was settled as \(outcome)" }
        note(first, count)
      case .abandoned(let first, let count, _, _): note(first, count)
      case .ended: hangUp()
      case .welcomed, .answered, .windowChanged: break
      }
    }
  }

  private mutating func note(_ first: UInt64, _ count: Int) {
    for sequence in first..<(first &+ UInt64(count)) {
      finals[sequence, default: 0] += 1
      if sequence > submitted || sequence < self.first { wrong = "\(sequence) wasn't submitted" }
      if finals[sequence] != 1 { wrong = "\(sequence) has two final events" }
    }
  }

  mutating func end() {
    guard wrong == nil else { return }
    hangUp()
    machine.abandonAll()
    takeEvents()
    guard wrong == nil, submitted >= first else { return }
    for sequence in first...submitted where finals[sequence] == nil {
      return wrong = "\(sequence) has no final event"
    }
  }
}
