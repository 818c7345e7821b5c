import ForebayCore
import ForebayWire

/// The daemon's side of the rules, as small as they can be: one client, random deeds, no clock.
///
/// It judges all that the client does; `violations` says what was wrong.
struct TinyDaemon {
  static let overhead: UInt64 = 64
  static let frameBytesMax: UInt32 = 2_048

  struct Verdict: Equatable {
    var outcome: Outcome
    var code: UInt16
  }

  /// What outlives a connection, but not a restart.
  struct Session {
    var known: UInt64 = 0
    var floor: UInt64 = 1
    var held: [UInt64] = []
    var settled: [UInt64: Verdict] = [:]
  }

  struct Link {
    var isGreeted = false
    var isWindowSent = false
    var isGone = false
    var limitBytes: UInt64 = 0
    var limitMessages: UInt64 = 0
    var receivedBytes: UInt64 = 0
    var receivedMessages: UInt64 = 0
    var lastSequence: UInt64 = 0
    var reclaim: Reclaim?
    var pings: [UInt64] = []
    var input: [UInt8] = []
  }

  var random: SplitMix64
  var session = Session()
  var link = Link()
  var output: [UInt8] = []
  var violations: [String] = []
  /// First arrivals since the last restart, per lane.
  var lastArrival = [UInt64](repeating: 0, count: WireLimits.lanesMax)
  /// Every verdict that a message was ever given; more than one only over restarts.
  var verdicts: [UInt64: [Verdict]] = [:]
  var arrivals = 0
  var reclaims = 0
  private var reclaimNumber: UInt32 = 0
  /// Towards the end it only helps.
  var isKind = false
  /// Grants much at a time.
  var isGenerous = false
  /// Forgets no outcome, whatever its client has seen.
  var keepsAll = false

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  mutating func accept() {
    link = Link()
    output = []
  }

  /// Forgets everything, as after a crash: what was held is lost.
  mutating func restart() {
    session = Session()
    lastArrival = [UInt64](repeating: 0, count: WireLimits.lanesMax)
  }

  /// The socket is closed. What is held goes on.
  mutating func hangUp() { link.isGone = true }

  // MARK: What it hears

  mutating func receive(_ bytes: some Collection<UInt8>) {
    link.input.append(contentsOf: bytes)
    var place = 0
    let input = link.input
    input.withUnsafeBytes { all in
      while !link.isGone {
        switch FrameHeader.read(all, at: place, frameBytesMax: Int(Self.frameBytesMax)) {
        case .partial: return
        case .malformed(let code): return blame("a frame that is \(code)")
        case .header(let header):
          guard all.count - place >= header.byteCount else { return }
          let frame = UnsafeRawBufferPointer(rebasing: all[place..<(place + header.byteCount)])
          place += header.byteCount
          hear(header.type, frame)
        }
      }
    }
    link.input.removeFirst(place)
  }

  private mutating func blame(_ what: String) {
    violations.append(what)
    link.isGone = true
  }

  private mutating func hear(_ type: FrameType, _ frame: UnsafeRawBufferPointer) {
    do throws(WireError) {
      if type != .hello, !link.isGreeted { return blame("\(type) before HELLO") }
      switch type {
      case .hello: hear(try Hello(frame: frame))
      case .data: hear(DataFrameView(frame.baseAddress!))
      case .seen: floorTold(try Seen(frame: frame).floor)
      case .blocked:
        floorTold(try Blocked(frame: frame).floor)
        say(window())
      case .reclaimed: hear(try Reclaimed(frame: frame))
      case .pong:
        let token = try Pong(frame: frame).token
        if link.pings.isEmpty || link.pings.removeFirst() != token { blame("PONG \(token)") }
      case .bye: link.isGone = true
      case .backlog, .origin, .welcome, .window, .receipt, .reclaim, .ping, .goaway, .error:
        blame("a frame of type \(type)")
      }
    } catch {
      blame("\(type) that is \(error.code)")
    }
  }

  private mutating func hear(_ hello: Hello) {
    if link.isGreeted { return blame("a second HELLO") }
    link.isGreeted = true
    floorTold(hello.floor)
    var ranges = session.held.map { ReceiptRange(first: $0, count: 1, outcome: .received) }
    // Sorted first: a dictionary's order isn't the seed's.
    for (sequence, verdict) in session.settled.sorted(by: { $0.key < $1.key }) {
      ranges.append(range(sequence, verdict))
    }
    ranges.shuffle(using: &random)
    say(
      Welcome(
        frameBytesMax: Self.frameBytesMax, overhead: UInt32(Self.overhead),
        ranges: UInt32(ranges.count), known: session.known,
        isResumed: session.known > 0 || !ranges.isEmpty))
    say(ranges)
    link.isWindowSent = true
    if below(2) == 0 { grant() }
    say(window())
  }

  private mutating func hear(_ data: DataFrameView) {
    let sequence = data.header.sequence
    let cost = UInt64(data.byteCount) + Self.overhead
    if !link.isWindowSent { return blame("DATA before the first WINDOW") }
    if sequence <= link.lastSequence { return blame("\(sequence) after \(link.lastSequence)") }
    if link.limitMessages - link.receivedMessages < 1
      || link.limitBytes - link.receivedBytes < cost
    {
      return blame("\(sequence) is over the credit")
    }
    if sequence < session.floor || session.held.contains(sequence)
      || session.settled[sequence] != nil
    {
      return blame("\(sequence) again, though it is known")
    }
    let lane = Int(data.header.lane)
    if sequence <= lastArrival[lane] { return blame("\(sequence) out of order in lane \(lane)") }
    lastArrival[lane] = sequence
    link.lastSequence = sequence
    link.receivedBytes += cost
    link.receivedMessages += 1
    session.known = max(session.known, sequence)
    session.held.append(sequence)
    arrivals += 1
    if data.header.level == .received {
      say([ReceiptRange(first: sequence, count: 1, outcome: .received)])
    }
  }

  private mutating func hear(_ answer: Reclaimed) {
    guard let reclaim = link.reclaim, reclaim.number == answer.number else {
      return blame("RECLAIMED \(answer.number)")
    }
    link.reclaim = nil
    link.limitBytes = max(reclaim.limitBytes, link.receivedBytes)
    link.limitMessages = max(reclaim.limitMessages, link.receivedMessages)
  }

  private mutating func floorTold(_ floor: UInt64) {
    guard floor > session.floor, !keepsAll else { return }
    for sequence in session.floor..<floor where session.held.contains(sequence) {
      return blame("floor \(floor) above \(sequence), which is held")
    }
    session.floor = floor
    session.settled = session.settled.filter { $0.key >= floor }
  }

  // MARK: What it does

  mutating func act() {
    guard link.isWindowSent, !link.isGone else {
      settleSome()
      output = []
      return
    }
    switch below(isKind ? 2 : 8) {
    case 0:
      if link.reclaim == nil { grant() }
      say(window())
    case 1, 2, 3: settleSome()
    case 4: if link.reclaim == nil { reclaimSome() }
    case 5:
      let token = random.next()
      link.pings.append(token)
      say(Ping(token: token))
    case 6: say(window())
    default: if below(20) == 0 { say(GoAway(.shuttingDown, deadlineMilliseconds: 1_000)) }
    }
  }

  private mutating func grant() {
    link.limitMessages += UInt64(below(isKind || isGenerous ? 200 : 12))
    link.limitBytes += UInt64(below(isKind || isGenerous ? 50_000 : 3_000))
  }

  private mutating func reclaimSome() {
    reclaimNumber += 1
    reclaims += 1
    let reclaim = Reclaim(
      number: reclaimNumber,
      limitBytes: link.receivedBytes + (link.limitBytes - link.receivedBytes) / 2,
      limitMessages: link.receivedMessages)
    link.reclaim = reclaim
    say(reclaim)
  }

  private mutating func settleSome() {
    var ranges: [ReceiptRange] = []
    for _ in 0..<(isKind ? session.held.count : below(8)) where !session.held.isEmpty {
      let sequence = session.held.remove(at: below(session.held.count))
      let outcomes: [Outcome] = [.delivered, .delivered, .delivered, .rejected, .expired, .dropped]
      let verdict = Verdict(outcome: outcomes[below(outcomes.count)], code: UInt16(below(3)))
      session.settled[sequence] = verdict
      verdicts[sequence, default: []].append(verdict)
      ranges.append(range(sequence, verdict))
    }
    say(ranges)
  }

  // MARK: What it says

  private func range(_ sequence: UInt64, _ verdict: Verdict) -> ReceiptRange {
    ReceiptRange(
      first: sequence, count: 1, outcome: verdict.outcome, code: MessageCode(rawValue: verdict.code)
    )
  }

  private func window() -> Window {
    Window(
      limitBytes: link.reclaim?.limitBytes ?? link.limitBytes,
      limitMessages: link.reclaim?.limitMessages ?? link.limitMessages,
      receivedBytes: link.receivedBytes, receivedMessages: link.receivedMessages)
  }

  private mutating func say(_ frame: some ControlFrame) {
    output.append(contentsOf: frame.encoded())
  }

  private mutating func say(_ ranges: [ReceiptRange]) {
    for start in stride(from: 0, to: ranges.count, by: 100) {
      output.append(
        contentsOf: Receipt.encoded(Array(ranges[start..<min(start + 100, ranges.count)])))
    }
  }
}
