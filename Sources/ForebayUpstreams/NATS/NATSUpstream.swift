package import ForebayCore
package import ForebayTLS
import ForebayUV
import ForebayWire

/// A subject that a JetStream stream takes as an upstream: messages are published, and each is answered.
///
/// Bytes come and go by `ByteStream`, what they mean is `NATSSession`'s business, and when to connect the
/// core's. This joins them, and knows which server is next.
package final class NATSUpstream: Upstream, ByteStreamOwner {
  package static let callMessagesMax = 512
  static let callBytesMax = 256 * 1024
  static let callsMax = 64
  /// Less than a batch waits so long for more while others are out: a round trip in a network.
  static let flushInterval = TimeSpan.milliseconds(1)

  private unowned(unsafe) let owner: any UpstreamOwner
  private let loop: Loop
  private let route: UInt32
  private let tls: TLSContext?
  private var servers: NATSServers
  private var session: NATSSession
  private var stream: ByteStream?
  private var isThrottled = false
  /// The server ends soon, and there are others: nothing new goes there.
  private var isMoving = false
  /// Something was answered on this connection.
  private var hasAnswered = false
  package let traits: UpstreamTraits

  package static func traits(frameBytesMax: Int) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = .batch
    // A call that a full stream refuses says nothing of the next one, which may be smaller.
    traits.failsInOrder = false
    traits.deduplicates = true
    traits.connects = true
    traits.flushInterval = flushInterval
    traits.batchMessagesMax = callMessagesMax
    traits.batchBytesMax = callBytesMax
    traits.callsMax = callsMax
    traits.inFlightMessagesMax = 4096
    traits.inFlightBytesMax = max(4 << 20, 4 * frameBytesMax)
    return traits
  }

  package init(
    _ options: NATSOptions, at servers: [ByteStream.Endpoint], tls: TLSOptions?,
    place: UpstreamPlace
  ) throws(TLSError) {
    owner = place.owner
    loop = place.loop
    route = place.route
    if let tls { self.tls = try TLSContext(client: tls) } else { self.tls = nil }
    // A certificate names hosts as people write them, not addresses that servers tell each other.
    self.servers = NATSServers(
      servers, learns: tls == nil || tls?.serverName != nil || tls?.verifies == false)
    traits = Self.traits(frameBytesMax: place.frameBytesMax)
    session = NATSSession(
      options, route: place.routeName, isOrdered: place.isOrdered, name: Self.drawName())
  }

  static func drawName() -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    return String((0..<22).map { _ in letters.randomElement() ?? "A" })
  }

  // MARK: Upstream

  package func connect(until deadline: Instant) {
    let stream = ByteStream(to: servers.next(), on: loop, owner: self)
    self.stream = stream
    isMoving = false
    hasAnswered = false
    session.opened()
    stream.connect(until: deadline)
  }

  package func dispatch(_ call: UInt32, _ core: borrowing Sidecar) {
    guard let stream else { brokenInvariant("calls come while it is connected") }
    session.dispatch(call, core, &stream.output)
  }

  package func flush() {
    stream?.flush()
    performAll()
  }

  package func disconnect(_ reason: String) {
    if session.callsOut > 0, !hasAnswered {
      owner.upstreamNoticed(
        route,
        "nats answers nothing: a subject that only ordinary subscribers take gets no answers; is "
          + "there a stream for it?", isProblem: true)
    }
    stream?.end(.closedByUs(reason))
  }

  package func close() { stream?.end(.closedByUs("we end")) }

  // MARK: Stream

  /// In plain at first; and again when TLS stands, which the server begins with its INFO.
  package func streamOpened(_ stream: ByteStream) {
    if stream.security != nil {
      session.secured(&stream.output)
      performAll()
    }
  }

  package func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    session.received(bytes, &stream.output)
    performAll()
    stream.flush()
  }

  private func performAll() {
    var place = 0
    while place < session.events.count {
      perform(session.events[place])
      place += 1
    }
    session.removeEvents()
    if isMoving, session.callsOut == 0 {
      stream?.end(.closedByUs("it is about to end (lame duck mode); another server is next"))
    }
  }

  private func perform(_ event: NATSSession.Event) {
    switch event {
    case .secure: if let tls { stream?.secure(by: tls) }
    case .ready: owner.upstreamConnected(route, stream?.security)
    case .messages(let call, let range, let verdict): owner.messagesSettled(call, range, verdict)
    case .call(let call, let verdict):
      hasAnswered = true
      owner.callSettled(call, verdict)
    case .complained(let complaint):
      let advice = complaint.advice.map { " (\($0))" } ?? ""
      owner.upstreamNoticed(route, "nats says: \(complaint.text)\(advice)", isProblem: true)
    case .others(let addresses): servers.learned(addresses)
    case .leaving: move()
    case .close(let reason, let isThrottle):
      isThrottled = isThrottle
      stream?.end(.closedByUs(reason))
    }
  }

  /// What is out is still answered; then another server is next. Where there is none, this one serves as
  /// long as it does.
  private func move() {
    guard !isMoving else { return }
    owner.upstreamNoticed(
      route, "nats is about to end this server (lame duck mode)", isProblem: false)
    guard servers.hasOthers else { return }
    isMoving = true
    owner.upstreamBusy(route, true)
  }

  package func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {
    if !isMoving { owner.upstreamBusy(route, isBusy) }
  }

  package func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    guard stream === self.stream else { return }
    self.stream = nil
    session.closed()
    session.removeEvents()
    servers.ended()
    let loss = UpstreamLoss(
      reason: ending.description, label: ending.label, retryAfter: nil, isThrottle: isThrottled)
    isThrottled = false
    owner.upstreamClosed(route, loss)
  }
}

/// Which server is tried: those of the URL in their order, then those that they tell of.
struct NATSServers {
  private let configured: [ByteStream.Endpoint]
  private let learns: Bool
  private var told: [ByteStream.Endpoint] = []
  private var current = 0

  /// A cluster has fewer; whatever a server tells, this is what we remember.
  static let toldMax = 64

  init(_ configured: [ByteStream.Endpoint], learns: Bool) {
    self.configured = configured
    self.learns = learns
  }

  private var count: Int { configured.count + told.count }
  var hasOthers: Bool { count > 1 }

  private subscript(_ index: Int) -> ByteStream.Endpoint {
    index < configured.count ? configured[index] : told[index - configured.count]
  }

  func next() -> ByteStream.Endpoint { self[current % count] }

  /// The next one is another, whether that one was there or not.
  mutating func ended() { current = (current + 1) % count }

  /// The list of a cluster replaces the one before.
  mutating func learned(_ addresses: [String]) {
    guard learns else { return }
    let server = next()
    let new = addresses.compactMap(Self.endpoint).filter { !configured.contains($0) }
    told = Array(new.prefix(Self.toldMax))
    // The one that we speak to keeps its turn.
    current = (0..<count).first { self[$0] == server } ?? 0
  }

  private static func endpoint(_ text: String) -> ByteStream.Endpoint? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
      port > 0
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return host.isEmpty ? nil : .tcp(host: String(host), port: port)
  }
}
