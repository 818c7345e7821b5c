import ForebayWire
import Testing

@testable import ForebayCore

/// A client that speaks the wire: it counts its credit, keeps a ledger of its messages and checks
/// every frame against the protocol. It behaves as `proto/WIRE.md` asks unless a manner is turned off.
final class TestClient: ClientEnd, TimedPart {
  private(set) unowned var harness: SidecarHarness
  let key: PrincipalKey
  let session: ID128
  var level = ReceiptLevel.delivered
  var isTCP = false
  var classIndex = 0

  // Manners.
  var answersReclaims = true
  var answersPings = true
  var sendsSeen = true
  var probes = true
  /// Sends what is offered as credit allows, without being told.
  var isEager = true
  /// Bytes handed to the core in one read, at most.
  var chunk = Int.max
  /// Bytes that its socket takes before it is full; a client that doesn't read sets 0.
  var room = Int.max

  /// The route that it names, unless `join` names another.
  var routeName: String?
  /// For whoever looks on: every frame, and how the daemon ended the connection.
  var onFrame: ((DaemonFrame) -> Void)?
  var onEnding: ((ErrorCode?) -> Void)?
  /// It knows what the daemon has of its session, and what it has to send again.
  var onListed: (() -> Void)?

  // The connection.
  private(set) var id: ClientID?
  private(set) var refusal: ErrorCode?
  /// Set when the daemon has ended the connection; the code is nil after a BYE.
  private(set) var ending: ErrorCode??
  private(set) var frames: [DaemonFrame] = []
  private(set) var windows: [Window] = []
  private(set) var welcome: Welcome?
  private(set) var goaway: GoAway?
  private(set) var sent = Cost.zero
  private(set) var limit = Cost.zero
  private(set) var windowWidest: UInt64 = 0
  private(set) var reclaim: Reclaim?
  private var lastReclaim: Cost?
  private var hasError = false
  private var rangesLeft = 0
  private var isListing = false
  private var inbox: [UInt8] = []
  private var unread: [UInt8] = []
  private var isStalled = false
  /// Bytes that are sent and not yet read by the core.
  var outbox: [UInt8] = []
  private var isDelivering = false
  /// Off, the outbox waits until the test delivers it.
  var deliversAtOnce = true

  // The messages.
  var ledger = Ledger()
  /// Offered and not sent on this connection, in order.
  private(set) var waiting: [UInt64] = []
  private var floorTold: UInt64 = 1
  private var shutSince: Instant?
  private var probeInterval = TimeSpan.milliseconds(200)
  private(set) var blockedCount = 0

  init(_ harness: SidecarHarness, user: UInt32 = 1000, session: ID128? = nil) {
    self.harness = harness
    key = PrincipalKey(listener: 0, user: user)
    self.session = session ?? harness.newSession()
    harness.add(self)
  }

  var isConnected: Bool { id != nil && ending == nil }
  /// The first WINDOW has come.
  var isReady: Bool { isConnected && !windows.isEmpty }
  var credit: Cost { limit.above(sent) }
  var lastWindow: Window? { windows.last }

  // MARK: Connection

  /// Connects without saying anything.
  func connect() {
    forgetConnection()
    switch harness.connect(self, key, classIndex: classIndex, isTCP: isTCP) {
    case .accepted(let id): self.id = id
    case .refused(let code):
      refusal = code
      ending = .some(code)
    }
  }

  /// Connects and says HELLO; a client that is resumed sends again what the daemon doesn't list.
  func join(route: String? = nil, isPeer: Bool = false) {
    connect()
    guard isConnected else { return }
    floorTold = ledger.floor
    var extensions: [UInt8] = []
    if let route = route ?? routeName { appendExtension(.route, route.utf8, to: &extensions) }
    write(
      Hello(session: session, floor: ledger.floor, level: level, isPeer: isPeer)
        .encoded(extensions: extensions))
  }

  private func forgetConnection() {
    if let id, ending == nil { harness.hangUp(id) }
    id = nil
    refusal = nil
    ending = nil
    frames = []
    windows = []
    welcome = nil
    goaway = nil
    sent = .zero
    limit = .zero
    windowWidest = 0
    reclaim = nil
    lastReclaim = nil
    hasError = false
    inbox = []
    unread = []
    outbox = []
    isStalled = false
    isListing = true
    waiting = []
    shutSince = nil
    probeInterval = .milliseconds(200)
    ledger.connectionLost()
  }

  /// Cuts the connection; what the core hasn't read is lost.
  func hangUp() {
    guard let id, ending == nil else { return }
    ending = .some(nil)
    outbox = []
    harness.hangUp(id)
  }

  /// Leaves the connection as it is and forgets it, as a process does whose host was frozen. What it
  /// had written arrives when the daemon reads the connection out.
  func abandon() {
    guard let id, ending == nil else { return }
    harness.haunt(id, with: outbox)
    self.id = nil
    outbox = []
  }

  /// Goes on with another daemon, which knows nothing of it.
  func move(to other: SidecarHarness) {
    hangUp()
    harness = other
    other.add(self)
  }

  func bye() {
    write(Bye().encoded())
  }

  // MARK: Writing

  /// Any bytes at all.
  func write(_ bytes: [UInt8]) {
    guard isConnected else { return }
    outbox += bytes
    if deliversAtOnce { deliver() }
  }

  /// Lets the core read the outbox, or the first `count` bytes of it. What the client says while its
  /// bytes are being read comes behind them, as on any stream.
  func deliver(_ count: Int = .max) {
    guard !isDelivering else { return }
    isDelivering = true
    defer { isDelivering = false }
    var left = count
    while left > 0, let id, ending == nil, !outbox.isEmpty {
      let part = Array(outbox.prefix(left))
      outbox.removeFirst(part.count)
      left -= part.count
      _ = harness.deliver(part, from: id, chunk: chunk)
    }
  }

  func readOut() {
    let count = outbox.count
    if count > 0 { deliver(count) }
  }

  // MARK: Messages

  func offer(
    _ count: Int = 1, payloadBytes: Int = 16, lane: UInt8 = 0, level: ReceiptLevel = .default,
    ttl: UInt32 = 0, extensions: [UInt8] = []
  ) {
    for _ in 0..<count {
      let message = TestMessage(
        sequence: ledger.nextSequence, payloadBytes: payloadBytes, lane: lane, level: level,
        ttlMilliseconds: ttl, extensions: extensions)
      ledger.add(message)
      waiting.append(message.sequence)
    }
    if isEager { pump() }
  }

  /// Sends what credit allows, in order.
  func pump() {
    guard isReady, goaway == nil else { return }
    var bytes: [UInt8] = []
    var count = 0
    while count < waiting.count, fits(ledger[waiting[count]]) {
      bytes += take(waiting[count])
      count += 1
    }
    waiting.removeFirst(count)
    if count > 0 {
      shutSince = nil
      probeInterval = .milliseconds(200)
    }
    if waiting.isEmpty { shutSince = nil } else if shutSince == nil { shutSince = harness.now }
    if !bytes.isEmpty { write(bytes) }
  }

  func fits(_ message: TestMessage) -> Bool { cost(message).fits(in: credit) }

  func cost(_ message: TestMessage) -> Cost {
    Cost(
      bytes: UInt64(message.frameBytes) + UInt64(welcome?.overhead ?? 0), messages: 1)
  }

  func removeWaiting(_ sequence: UInt64) { waiting.removeAll { $0 == sequence } }

  func take(_ sequence: UInt64) -> [UInt8] {
    let message = ledger[sequence]
    sent += cost(message)
    ledger.sent(sequence)
    return message.frame(of: session)
  }

  /// Sends whatever the credit says.
  func sendRegardless(_ count: Int = 1, payloadBytes: Int = 16) {
    let before = isEager
    isEager = false
    offer(count, payloadBytes: payloadBytes)
    isEager = before
    let bytes = waiting.flatMap { take($0) }
    waiting = []
    write(bytes)
  }

  /// Whether these bytes are the message that it made. For the upstream to ask.
  func isItsMessage(_ sequence: UInt64, _ frame: UnsafeRawBufferPointer) -> Bool {
    ledger.holds(sequence) && ledger[sequence].isIn(frame, of: session)
  }

  // MARK: Reading

  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard ending == nil else { return true }
    unread += bytes
    if unread.count > room {
      isStalled = true
      return false
    }
    read()
    return true
  }

  /// Reads what was kept back while `room` was small.
  func read() {
    inbox += unread
    unread = []
    do {
      for frame in try DaemonFrame.take(from: &inbox) { received(frame) }
    } catch {
      harness.problem("the daemon wrote a malformed frame: \(error)")
    }
    if isStalled, let id, ending == nil {
      isStalled = false
      harness.outputDrained(id)
    }
  }

  func closedByDaemon(_ code: ErrorCode?) {
    if room == .max { read() }
    ending = .some(code)
    onEnding?(code)
    if hasError != (code != nil), room == .max {
      harness.problem("the connection ended with \(String(describing: code)), ERROR: \(hasError)")
    }
  }

  private func received(_ frame: DaemonFrame) {
    if hasError { harness.problem("\(frame) came after ERROR") }
    frames.append(frame)
    onFrame?(frame)
    switch frame {
    case .welcome(let welcome): welcomed(welcome)
    case .receipt(let ranges): receiptsReceived(ranges)
    case .window(let window): windowReceived(window)
    case .reclaim(let reclaim): reclaimReceived(reclaim)
    case .ping(let ping): if answersPings { later { $0.write(Pong(token: ping.token).encoded()) } }
    case .goaway(let goaway): self.goaway = goaway
    case .error(let error):
      hasError = true
      if ErrorCode(rawValue: error.code) == nil { harness.problem("unknown code \(error.code)") }
    }
  }

  private func welcomed(_ welcome: Welcome) {
    if self.welcome != nil { harness.problem("WELCOME came twice") }
    self.welcome = welcome
    rangesLeft = Int(welcome.ranges)
    if welcome.known > 0, !welcome.isResumed { harness.problem("known, but not resumed") }
    if welcome.known >= ledger.nextSequence { harness.problem("known: \(welcome.known)") }
  }

  private func receiptsReceived(_ ranges: [ReceiptRange]) {
    if welcome == nil { harness.problem("RECEIPT came before WELCOME") }
    if isListing {
      rangesLeft -= ranges.count
      if rangesLeft < 0 { harness.problem("more ranges came than WELCOME said") }
    }
    for range in ranges {
      if let problem = ledger.receipt(range, isListing: isListing, level: level) {
        harness.problem(problem)
      }
    }
    guard sendsSeen, !isListing else { return }
    let floor = ledger.floor
    if floor > floorTold, (floor - floorTold) * 4 >= max(1, windowWidest) { tellFloor() }
  }

  private func tellFloor() {
    floorTold = ledger.floor
    later { $0.write(Seen(floor: $0.ledger.floor).encoded()) }
  }

  private func windowReceived(_ window: Window) {
    let told = Cost(bytes: window.limitBytes, messages: window.limitMessages)
    let received = Cost(bytes: window.receivedBytes, messages: window.receivedMessages)
    if welcome == nil || (isListing && rangesLeft != 0) {
      harness.problem("the first WINDOW came too early, \(rangesLeft) ranges are missing")
    }
    if !received.fits(in: sent) { harness.problem("\(received) received of \(sent) sent") }
    // A WINDOW of before the daemon has read the answer to its RECLAIM carries the lower limits.
    if !limit.fits(in: told), reclaim == nil, told != lastReclaim {
      harness.problem("\(limit) was lowered to \(told) after \(frames.suffix(4))")
    }
    if window.state == .shut, window.reason == .none { harness.problem("shut without a reason") }
    windows.append(window)
    windowWidest = max(
      windowWidest, window.limitMessages - min(window.limitMessages, received.messages))
    if reclaim == nil { limit = limit.greater(told) }
    if isListing {
      isListing = false
      waiting = ledger.unlisted()
      onListed?()
    }
    if window.reason == .receiptsUnseen, sendsSeen, ledger.floor > floorTold { tellFloor() }
    if isEager { later { $0.pump() } }
  }

  private func reclaimReceived(_ reclaim: Reclaim) {
    if self.reclaim != nil { harness.problem("RECLAIM came while another was open") }
    self.reclaim = reclaim
    if answersReclaims { later { $0.answerReclaim() } }
  }

  func answerReclaim() {
    guard let reclaim else { return }
    let asked = Cost(bytes: reclaim.limitBytes, messages: reclaim.limitMessages)
    limit = limit.lesser(asked.greater(sent))
    self.reclaim = nil
    lastReclaim = asked
    write(Reclaimed(number: reclaim.number).encoded())
  }

  // MARK: Time

  /// Answers wait for the turn to end, as they do behind a socket, or longer.
  var answersAtOnce = true
  private var answers: [(TestClient) -> Void] = []
  /// It hasn't said what it owes, or the daemon hasn't been let read it.
  var isTardy: Bool { !answers.isEmpty || !outbox.isEmpty || room != .max }
  private func later(_ answer: @escaping (TestClient) -> Void) {
    if answers.isEmpty, answersAtOnce { harness.wantsToAnswer(self) }
    answers.append(answer)
  }

  var nextDeadline: Instant? {
    if !answers.isEmpty, isConnected { return harness.now }
    guard probes, isReady, goaway == nil, !waiting.isEmpty, let shutSince else { return nil }
    return shutSince + probeInterval
  }

  func fire() {
    guard answers.isEmpty else { return answer() }
    guard let shutSince, shutSince + probeInterval <= harness.now, let next = waiting.first else {
      return
    }
    self.shutSince = harness.now
    probeInterval = min(probeInterval * 2, .seconds(5))
    blockedCount += 1
    floorTold = ledger.floor
    write(
      Blocked(cost: UInt32(cost(ledger[next]).bytes), floor: ledger.floor).encoded())
  }

  /// Gives all answers that are due.
  func answer() {
    let due = answers
    answers = []
    for answer in due where isConnected { answer(self) }
  }
}

extension TestClient {
  /// One offered message's frame, taken out of turn.
  func taken(_ sequence: UInt64) -> [UInt8] {
    removeWaiting(sequence)
    return take(sequence)
  }
}

extension TestClient {
  /// A message once more, though it may be known.
  func resent(_ sequence: UInt64) -> [UInt8] { take(sequence) }
}
