import ForebayWire
import Testing

/// A client by the book, written from proto/WIRE.md and sharing nothing with ForebayClient: it numbers
/// messages, keeps to its credit, remembers every outcome, and resumes.
final class Producer {
  let name: String
  let session: ID128
  let level: ReceiptLevel
  private let path: () -> String
  private var client: WireClient?
  /// Connections that nobody looks at any more, still open.
  private var abandoned: [WireClient] = []
  /// Answers to the HELLO of this connection: receipt ranges that are still to come.
  private var rangesLeft = 0
  private var isOpen = false

  private(set) var highest: UInt64 = 0
  private var payloads: [UInt64: [UInt8]] = [:]
  /// Ascending; what is to be sent on this connection.
  private var toSend: ArraySlice<UInt64> = []
  private(set) var outcomes: [UInt64: ReceiptRange] = [:]
  /// How many of each, since tests ask all the time.
  private var counts: [Outcome: Int] = [:]
  private(set) var heldByDaemon: Set<UInt64> = []
  private var floor: UInt64 = 1
  private var floorTold: UInt64 = 1
  /// Messages with more than one final outcome: there must be none.
  private(set) var settledTwice: [UInt64] = []

  private var limitBytes: UInt64 = 0
  private var limitMessages: UInt64 = 0
  private var sentBytes: UInt64 = 0
  private var sentMessages: UInt64 = 0
  private var shutSince: ContinuousClock.Instant?
  private var blockedInterval = Duration.milliseconds(200)

  /// Why windows were shut, and how connections ended.
  private(set) var reasons: Set<WindowReason> = []
  private(set) var goAways: [ErrorCode] = []
  private(set) var errors: [ErrorCode] = []
  private(set) var connects = 0
  /// Whether it ever had something to send and not the credit for it.
  private(set) var hadToWait = false
  /// Nothing more is sent: the daemon said GOAWAY.
  private(set) var isLeaving = false

  init(_ name: String, to path: @escaping () -> String, level: ReceiptLevel = .delivered) {
    self.name = name
    self.path = path
    self.level = level
    session = .drawn()
  }

  convenience init(_ name: String, to daemon: DaemonProcess, level: ReceiptLevel = .delivered) {
    let path = daemon.socket
    self.init(name, to: { path }, level: level)
  }

  /// Queues messages whose payloads say whose and which they are.
  func offer(_ count: Int, payloadBytes: Int = 0) {
    for _ in 0..<count {
      highest += 1
      payloads[highest] = Array(text(of: highest, payloadBytes: payloadBytes).utf8)
      toSend.append(highest)
    }
  }

  /// The payload of a message that was offered with that size.
  func text(of sequence: UInt64, payloadBytes: Int) -> String {
    let text = "\(name) \(sequence)"
    return text + String(repeating: ".", count: max(0, payloadBytes - text.utf8.count))
  }

  var isSettled: Bool { payloads.isEmpty }
  var unsettledCount: Int { payloads.count }
  var unsettled: [UInt64] { payloads.keys.sorted() }
  var isConnected: Bool { client != nil }
  /// How many of the offered messages went out on this connection.
  var sentOnConnection: UInt64 { sentMessages }

  /// Sent on this connection or known to be held, and without a final outcome.
  var unsettledOnConnection: UInt64 {
    let waiting = Set(toSend)
    return isOpen ? UInt64(payloads.keys.count { !waiting.contains($0) }) : 0
  }

  func count(_ outcome: Outcome) -> Int { counts[outcome] ?? 0 }

  // MARK: Turning

  /// Connects if it has to, reads what is there, sends what may be sent. Never waits.
  func turn() throws {
    guard let client = connected() else { return }
    while let frame = try client.poll() {
      heard(frame, client)
      if frame == .closed { return }
    }
    guard isOpen, !isLeaving, !client.socket.hasUnwritten else { return }
    sendWhatFits(client)
  }

  private func connected() -> WireClient? {
    if let client { return client }
    guard let fresh = try? WireClient(path: path()) else { return nil }
    client = fresh
    connects += 1
    isOpen = false
    isLeaving = false
    heldByDaemon = []
    (limitBytes, limitMessages, sentBytes, sentMessages) = (0, 0, 0, 0)
    shutSince = nil
    fresh.send(Hello(session: session, floor: floor, level: level))
    floorTold = floor
    return fresh
  }

  func disconnect() {
    client?.socket.close()
    client = nil
  }

  /// Goes on with a new connection while the old one is still there, as after a lost network.
  func abandon() {
    if let client { abandoned.append(client) }
    client = nil
  }

  private func heard(_ frame: WireClient.Frame, _ client: WireClient) {
    switch frame {
    case .welcome(let welcome):
      rangesLeft = Int(welcome.ranges)
    case .receipt(let ranges):
      rangesLeft -= ranges.count
      for range in ranges { note(range) }
      advanceFloor(client)
    case .window(let window):
      limitBytes = max(limitBytes, window.limitBytes)
      limitMessages = max(limitMessages, window.limitMessages)
      if window.state == .shut { reasons.insert(window.reason) }
      if !isOpen { opened() }
    case .reclaim(let reclaim):
      limitBytes = min(limitBytes, max(sentBytes, reclaim.limitBytes))
      limitMessages = min(limitMessages, max(sentMessages, reclaim.limitMessages))
      client.send(Reclaimed(number: reclaim.number))
    case .ping(let ping): client.send(Pong(token: ping.token))
    case .goAway(let goAway):
      goAways.append(ErrorCode(rawValue: goAway.code) ?? .internal)
      isLeaving = true
    case .error(let error): errors.append(ErrorCode(rawValue: error.code) ?? .internal)
    case .closed: disconnect()
    }
  }

  /// The first WINDOW: everything that the daemon knows is told, the rest is to be sent (again).
  private func opened() {
    isOpen = true
    toSend = unsettled.filter { !heldByDaemon.contains($0) }[...]
  }

  private func note(_ range: ReceiptRange) {
    for sequence in range.first..<range.end {
      guard range.outcome.isFinal else {
        heldByDaemon.insert(sequence)
        continue
      }
      if outcomes[sequence] != nil {
        settledTwice.append(sequence)
        continue
      }
      outcomes[sequence] = range
      counts[range.outcome, default: 0] += 1
      payloads[sequence] = nil
    }
  }

  private func advanceFloor(_ client: WireClient) {
    while outcomes[floor] != nil { floor += 1 }
    guard floor >= floorTold + 128 else { return }
    floorTold = floor
    client.send(Seen(floor: floor))
  }

  private func sendWhatFits(_ client: WireClient) {
    guard let overhead = client.welcome?.overhead else { return }
    var bytes: [UInt8] = []
    var blockedCost: UInt64?
    while let sequence = toSend.first {
      guard let payload = payloads[sequence] else {
        toSend.removeFirst()
        continue
      }
      let cost = UInt64(WireLimits.dataFixedBytes + payload.count) + UInt64(overhead)
      guard limitBytes - sentBytes >= cost, limitMessages > sentMessages else {
        blockedCost = cost
        hadToWait = true
        break
      }
      sentBytes += cost
      sentMessages += 1
      bytes += encodedData(sequence, payload)
      toSend.removeFirst()
      if bytes.count > 1 << 18 { break }
    }
    if !bytes.isEmpty {
      client.send(bytes)
      shutSince = nil
      blockedInterval = .milliseconds(200)
    }
    if let blockedCost { sayBlocked(blockedCost, client) } else { shutSince = nil }
  }

  private func sayBlocked(_ cost: UInt64, _ client: WireClient) {
    let now = ContinuousClock.now
    guard let since = shutSince else {
      shutSince = now
      return
    }
    guard now - since >= blockedInterval else { return }
    shutSince = now
    blockedInterval = min(blockedInterval * 2, .seconds(5))
    client.send(Blocked(cost: UInt32(cost), floor: floor))
    floorTold = floor
  }
}

/// Turns producers until a condition holds.
func turn(
  _ producers: [Producer], until what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  try await expectEventually(
    "\(what): \(producers.map(\.summary))", sourceLocation: sourceLocation
  ) {
    for producer in producers { try producer.turn() }
    return try await condition()
  }
}

func turnUntilSettled(
  _ producers: [Producer], sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  try await turn(producers, until: "everything settled", sourceLocation: sourceLocation) {
    producers.allSatisfy(\.isSettled)
  }
}

extension Producer {
  var summary: String {
    "\(name): offered \(highest), unsettled \(unsettled.count), sent \(sentOnConnection), "
      + "reasons \(reasons), errors \(errors), connects \(connects)"
  }
}
