import ForebayCore
import ForebayTLS
import ForebayUV
import ForebayWire

/// The one upstream of all that speak a protocol over a connection of ours.
///
/// Bytes come and go by `ByteStream`, what they mean is the session's business, and when to connect the
/// core's. This joins them, knows which server is next, and says to the owner what the session found.
final class SessionUpstream<Session: UpstreamSession & ~Copyable>: Upstream, ByteStreamOwner {
  private unowned(unsafe) let owner: any UpstreamOwner
  private let loop: Loop
  private let route: UInt32
  private let tls: TLSContext?
  let traits: UpstreamTraits

  private var servers: ServerList
  private var session: Session
  private var stream: ByteStream?
  /// The memory of events, while none is told.
  private var spareEvents: [SessionEvent] = []

  // Of this connection.
  private var callsOut = 0
  private var hasAnswered = false
  private var isThrottled = false
  /// The server ends soon, and there are others: nothing new goes there.
  private var isMoving = false
  private var ticks: Timer?
  /// What the stream had read and written at the last tick.
  private var seen = (read: 0 as UInt64, written: 0 as UInt64)

  init(
    _ session: consuming Session, _ traits: UpstreamTraits, at servers: ServerList,
    tls: TLSOptions?, place: UpstreamPlace
  ) throws(TLSError) {
    owner = place.owner
    loop = place.loop
    route = place.route
    self.traits = traits
    self.servers = servers
    self.session = session
    if let tls { self.tls = try TLSContext(client: tls) } else { self.tls = nil }
  }

  // MARK: Upstream

  func connect(until deadline: Instant) {
    let stream = ByteStream(
      to: servers.next(), tls: Session.beginsInPlain ? nil : tls, on: loop, owner: self)
    self.stream = stream
    stream.connect(until: deadline)
  }

  func dispatch(_ call: UInt32, _ core: borrowing Sidecar) {
    guard let stream else { brokenInvariant("calls come while it is connected") }
    callsOut += 1
    session.dispatch(call, core, &stream.output)
  }

  /// What `dispatch` found is told here: it may tell nothing itself.
  func flush() {
    stream?.flush()
    tell()
  }

  func disconnect(_ reason: String) {
    if callsOut > 0, !hasAnswered, let advice = Session.silenceAdvice {
      owner.upstreamNoticed(route, advice, isProblem: true)
    }
    leave(reason)
  }

  func close() { leave("we end") }

  /// Says goodbye, if the socket takes it at once.
  private func leave(_ reason: String) {
    guard let stream else { return }
    session.goodbye(&stream.output)
    stream.flush()
    stream.end(.closedByUs(reason))
  }

  // MARK: Stream

  func streamOpened(_ stream: ByteStream) {
    session.opened(isSecured: stream.security != nil, &stream.output)
    tell()
  }

  func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    owner.upstreamCallbackBegan()
    session.received(bytes, &stream.output)
    tell()
    // Answers in the greeting.
    stream.flush()
  }

  func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {
    if !isMoving { owner.upstreamBusy(route, isBusy) }
  }

  func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    guard stream === self.stream else { return }
    self.stream = nil
    ticks?.close()
    ticks = nil
    session.closed()
    servers.ended()
    let loss = UpstreamLoss(
      reason: ending.description, label: ending.label, retryAfter: nil, isThrottle: isThrottled)
    callsOut = 0
    hasAnswered = false
    isThrottled = false
    isMoving = false
    owner.upstreamClosed(route, loss)
  }

  // MARK: Events

  private func tell() {
    var events = spareEvents
    spareEvents = []
    session.takeEvents(&events)
    while !events.isEmpty {
      for event in events { perform(event) }
      events.removeAll(keepingCapacity: true)
      session.takeEvents(&events)
    }
    spareEvents = events
    if isMoving, callsOut == 0 {
      stream?.end(.closedByUs("it is about to end; another server is next"))
    }
  }

  private func perform(_ event: SessionEvent) {
    switch event {
    case .secure: if let tls { stream?.secure(by: tls) }
    case .ready:
      beginTicks()
      owner.upstreamConnected(route, stream?.security)
    case .messages(let call, let range, let verdict): owner.messagesSettled(call, range, verdict)
    case .call(let call, let verdict):
      callsOut -= 1
      hasAnswered = true
      owner.callSettled(call, verdict)
    case .paused(let isPaused): owner.upstreamPaused(route, isPaused)
    case .others(let addresses): servers.learned(addresses)
    case .leaving: move()
    case .noticed(let text, let isProblem):
      owner.upstreamNoticed(route, text, isProblem: isProblem)
    case .close(let reason, let isThrottle):
      isThrottled = isThrottle
      // What it should hear of this goes out first.
      stream?.flush()
      stream?.end(.closedByUs(reason))
    }
  }

  /// What is out is still answered; then another server is next. Where there is none, this one serves as
  /// long as it does.
  private func move() {
    guard servers.hasOthers, !isMoving else { return }
    isMoving = true
    owner.upstreamBusy(route, true)
  }

  // MARK: Ticks

  private func beginTicks() {
    guard let interval = session.tickMilliseconds, let stream else { return }
    seen = (stream.bytesRead, stream.bytesWritten)
    do throws(UVError) {
      let timer = try Timer(on: loop) { [unowned(unsafe) self] in ticked() }
      timer.fire(everyMilliseconds: interval)
      ticks = timer
    } catch {
      stream.end(.broken(error))
    }
  }

  private func ticked() {
    guard let stream else { return }
    let hasRead = stream.bytesRead != seen.read
    let hasWritten = stream.bytesWritten != seen.written
    seen = (stream.bytesRead, stream.bytesWritten)
    session.ticked(hasRead: hasRead, hasWritten: hasWritten, &stream.output)
    stream.flush()
    tell()
  }
}
