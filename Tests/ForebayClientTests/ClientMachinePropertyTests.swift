import ForebayClient
import ForebayCore
import ForebayWire
import Testing

/// The machine against a tiny daemon, over a wire that is cut anywhere: whatever happens, every
/// message gets one outcome, credit is kept, and order too.
@Suite struct ClientMachinePropertyTests {
  @Test(arguments: 1...60)
  func everyMessageGetsOneOutcome(seed: Int) {
    var play = Play(seed: UInt64(seed), mayForget: seed % 3 == 0)
    play.daemon.isGenerous = seed % 2 == 0
    for _ in 0..<8_000 { play.step() }
    play.end()
    #expect(play.complaints == [], "seed \(seed)")
    #expect(play.submitted > 100 && play.daemon.reclaims > 5, "seed \(seed) tested too little")
  }

  /// The process dies and another one goes on with its session, from the first message on. The
  /// daemon still knows everything, so nothing is forwarded twice.
  @Test(arguments: 1...30)
  func aContinuedSessionForwardsNothingTwice(seed: Int) {
    var play = Play(seed: UInt64(seed), mayForget: false)
    play.daemon.isGenerous = seed % 2 == 0
    play.daemon.keepsAll = true
    for _ in 0..<3 {
      for _ in 0..<2_000 { play.step() }
      play.startAnew()
    }
    for _ in 0..<4_000 { play.step() }
    play.end()
    #expect(play.complaints == [], "seed \(seed)")
  }
}

/// A random play between the machine and a `TinyDaemon`.
struct Play: ~Copyable {
  var random: SplitMix64
  var machine: ClientMachine
  var daemon: TinyDaemon
  var now: UInt64 = 0
  /// Bytes on their way.
  var toDaemon: [UInt8] = []
  var toClient: [UInt8] = []
  var outcomes: [UInt64: TinyDaemon.Verdict] = [:]
  var submitted: UInt64 = 0
  var complaints: [String] = []
  var isConnected = false
  let mayForget: Bool

  init(seed: UInt64, mayForget: Bool) {
    random = SplitMix64(seed: seed)
    machine = Self.machine(jitterSeed: seed, continuesSession: false)
    daemon = TinyDaemon(seed: seed &* 31)
    self.mayForget = mayForget
  }

  private static func machine(jitterSeed: UInt64, continuesSession: Bool) -> ClientMachine {
    var options = ClientMachine.Options(session: ID128(high: 1, low: 2), jitterSeed: jitterSeed)
    options.continuesSession = continuesSession
    options.queueMessages = 40
    options.queueBytes = 20_000
    options.unsettledMessages = 400
    return ClientMachine(options)
  }

  /// The client's process is killed, and the next one submits the same messages again.
  mutating func startAnew() {
    cut()
    machine = Self.machine(jitterSeed: random.next(), continuesSession: true)
    submitted = 0
    outcomes = [:]
  }

  mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  mutating func step() {
    guard complaints.isEmpty else { return }
    switch below(20) {
    case 0...4: submitSome()
    case 5...8: produceSome()
    case 9...11: deliverToDaemon(below(toDaemon.count + 1))
    case 12...14: daemonActs()
    case 15...17: deliverToClient(below(toClient.count + 1))
    case 18: passTime(below(300))
    default: if below(10) == 0 { cut() } else if !isConnected { connect() }
    }
    takeEvents()
  }

  /// No more faults: everything must come to its end.
  mutating func end() {
    daemon.isKind = true
    var rounds = 0
    while machine.unsettledCount > 0, complaints.isEmpty {
      rounds += 1
      if rounds > 5_000 { return complaints.append("\(machine.unsettledCount) never settled") }
      if !isConnected { connect() }
      produceSome()
      deliverToDaemon(toDaemon.count)
      daemonActs()
      deliverToClient(toClient.count)
      passTime(50)
      takeEvents()
    }
    for sequence in 1..<(submitted + 1) where outcomes[sequence] == nil {
      complaints.append("\(sequence) has no outcome")
    }
  }

  // MARK: Steps

  private mutating func submitSome() {
    for _ in 0..<below(15) {
      let payload = [UInt8](repeating: 1, count: below(10) == 0 ? below(2_024) : below(60))
      let lane = UInt8(below(3))
      let level: ReceiptLevel = below(3) == 0 ? .received : .default
      let result = payload.withUnsafeBytes { machine.submit($0, lane: lane, level: level) }
      switch result {
      case .accepted(let sequence):
        submitted += 1
        if sequence != submitted { complaints.append("\(sequence) is not the next sequence") }
      case .full: return
      case .tooLarge: complaints.append("\(payload.count) bytes are too large")
      }
    }
  }

  private mutating func produceSome() {
    let size = below(4) == 0 ? 1 + below(40) : 1 + below(8_000)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
    defer { buffer.deallocate() }
    let count = machine.produce(into: buffer, now: now)
    toDaemon.append(contentsOf: buffer[..<count])
  }

  private mutating func deliverToDaemon(_ count: Int) {
    daemon.receive(toDaemon[..<count])
    toDaemon.removeFirst(count)
    collectOutput()
  }

  private mutating func daemonActs() {
    daemon.act()
    collectOutput()
  }

  private mutating func collectOutput() {
    toClient += daemon.output
    daemon.output = []
  }

  private mutating func deliverToClient(_ count: Int) {
    guard machine.isConnected else { return }
    // What is left of a frame stays on the wire: the shell would hand it in again.
    let used = toClient[..<count].withUnsafeBytes { machine.receive($0, now: now) }
    toClient.removeFirst(used)
  }

  private mutating func passTime(_ milliseconds: Int) {
    now += UInt64(milliseconds) * 1_000_000
    machine.timePassed(now: now)
  }

  private mutating func connect() {
    isConnected = true
    daemon.accept()
    machine.connected(now: now)
  }

  /// Some of what is on the wire arrives, the rest is lost.
  private mutating func cut() {
    guard isConnected else { return }
    deliverToDaemon(below(toDaemon.count + 1))
    deliverToClient(below(toClient.count + 1))
    takeEvents()
    hangUp()
    if mayForget, below(3) == 0 { daemon.restart() }
  }

  private mutating func hangUp() {
    guard isConnected else { return }
    isConnected = false
    machine.connectionLost(now: now)
    daemon.hangUp()
    toDaemon = []
    toClient = []
  }

  // MARK: Judging

  private mutating func takeEvents() {
    complaints += daemon.violations
    let events = machine.events
    machine.events = []
    for event in events {
      switch event {
      case .settled(let first, let count, let outcome, let code, _):
        for sequence in first..<(first + UInt64(count)) {
          settled(sequence, TinyDaemon.Verdict(outcome: outcome, code: code.rawValue))
        }
      case .ended(.mistake(let mistake)):
        complaints.append("the machine blames the daemon: \(mistake)")
        hangUp()
      case .ended: hangUp()
      case .abandoned(let first, _, _, let cause):
        complaints.append("\(first) was abandoned: \(cause)")
      case .welcomed, .answered, .windowChanged: break
      }
    }
  }

  private mutating func settled(_ sequence: UInt64, _ verdict: TinyDaemon.Verdict) {
    if outcomes[sequence] != nil { complaints.append("\(sequence) has two outcomes") }
    outcomes[sequence] = verdict
    if daemon.verdicts[sequence]?.contains(verdict) != true {
      complaints.append("\(sequence) has an outcome that the daemon never gave")
    }
    if !mayForget, daemon.verdicts[sequence]?.count != 1 {
      complaints.append("\(sequence) was forwarded twice")
    }
  }
}
