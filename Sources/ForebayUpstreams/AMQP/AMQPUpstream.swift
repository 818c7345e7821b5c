package import ForebayCore
package import ForebayTLS
import ForebayUV
import ForebayWire

/// A RabbitMQ exchange as an upstream: messages are published on one channel, and each is confirmed.
///
/// Bytes come and go by `ByteStream`, what they mean is `AMQPSession`'s business, and when to connect the
/// core's. This only joins them, and asks for heartbeats.
package final class AMQPUpstream: Upstream, ByteStreamOwner {
  static let callMessagesMax = AMQPConfirms.callMessagesMax
  static let callBytesMax = 256 * 1024
  /// Where calls have one message each, for the sake of order, so many sessions are served at once.
  static let callsMax = 1024
  /// Less than a batch waits so long for more while others are out: a round trip in a network.
  static let flushInterval = TimeSpan.milliseconds(1)

  private unowned(unsafe) let owner: any UpstreamOwner
  private let loop: Loop
  private let route: UInt32
  private let endpoint: ByteStream.Endpoint
  private let tls: TLSContext?
  private var session: AMQPSession
  private var stream: ByteStream?
  private var heartbeats: Timer?
  /// What the stream had read and written when a heartbeat was last thought of.
  private var seen = (read: 0 as UInt64, written: 0 as UInt64)
  /// The memory of events, while none is told.
  private var spareEvents: [AMQPSession.Event] = []
  package let traits: UpstreamTraits

  package static func traits(frameBytesMax: Int) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = .batch
    // That a queue refuses one message says nothing of the next.
    traits.failsInOrder = false
    traits.connects = true
    traits.flushInterval = flushInterval
    traits.batchMessagesMax = callMessagesMax
    traits.batchBytesMax = max(callBytesMax, frameBytesMax)
    traits.callsMax = callsMax
    return traits
  }

  package init(
    _ options: AMQPOptions, at endpoint: ByteStream.Endpoint, tls: TLSOptions?,
    place: UpstreamPlace
  ) throws(TLSError) {
    owner = place.owner
    loop = place.loop
    route = place.route
    self.endpoint = endpoint
    if let tls { self.tls = try TLSContext(client: tls) } else { self.tls = nil }
    traits = Self.traits(frameBytesMax: place.frameBytesMax)
    session = AMQPSession(options, route: place.routeName)
  }

  // MARK: Upstream

  package func connect(until deadline: Instant) {
    let stream = ByteStream(to: endpoint, tls: tls, on: loop, owner: self)
    self.stream = stream
    stream.connect(until: deadline)
  }

  package func dispatch(_ call: UInt32, _ core: borrowing Sidecar) {
    guard let stream else { brokenInvariant("calls come while it is connected") }
    session.dispatch(call, core, &stream.output)
  }

  /// Messages that can't be said in AMQP are told here: `dispatch` may tell nothing.
  package func flush() {
    stream?.flush()
    tell()
  }

  package func disconnect(_ reason: String) { leave(reason) }

  package func close() { leave("we end") }

  /// Says goodbye, if the socket takes it at once.
  private func leave(_ reason: String) {
    guard let stream else { return }
    session.goodbye(&stream.output)
    stream.flush()
    stream.end(.closedByUs(reason))
  }

  // MARK: Stream

  package func streamOpened(_ stream: ByteStream) { session.opened(&stream.output) }

  package func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    session.received(bytes, &stream.output)
    tell()
    // Answers in the greeting.
    stream.flush()
  }

  private func tell() {
    guard session.hasEvents else { return }
    var events = spareEvents
    spareEvents = []
    session.takeEvents(&events)
    for event in events { perform(event) }
    events.removeAll(keepingCapacity: true)
    spareEvents = events
  }

  private func perform(_ event: AMQPSession.Event) {
    switch event {
    case .ready:
      beginHeartbeats()
      owner.upstreamConnected(route, stream?.security)
    case .messages(let call, let range, let verdict): owner.messagesSettled(call, range, verdict)
    case .call(let call, let verdict): owner.callSettled(call, verdict)
    case .paused(let isPaused): owner.upstreamPaused(route, isPaused)
    case .noticed(let text, let isProblem):
      owner.upstreamNoticed(route, text, isProblem: isProblem)
    case .close(let reason):
      // What it should hear of this goes out first.
      stream?.flush()
      stream?.end(.closedByUs(reason))
    }
  }

  package func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {
    owner.upstreamBusy(route, isBusy)
  }

  package func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    guard stream === self.stream else { return }
    self.stream = nil
    heartbeats?.close()
    heartbeats = nil
    session.closed()
    owner.upstreamClosed(
      route,
      UpstreamLoss(
        reason: ending.description, label: ending.label, retryAfter: nil, isThrottle: false))
  }

  // MARK: Heartbeats

  private func beginHeartbeats() {
    guard let interval = session.heartbeat.tickMilliseconds, let stream else { return }
    seen = (stream.bytesRead, stream.bytesWritten)
    do throws(UVError) {
      let timer = try Timer(on: loop) { [unowned(unsafe) self] in heartbeatTicked() }
      timer.fire(everyMilliseconds: interval)
      heartbeats = timer
    } catch {
      stream.end(.broken(error))
    }
  }

  private func heartbeatTicked() {
    guard let stream else { return }
    let hasRead = stream.bytesRead != seen.read
    let hasWritten = stream.bytesWritten != seen.written
    seen = (stream.bytesRead, stream.bytesWritten)
    session.ticked(hasRead: hasRead, hasWritten: hasWritten, &stream.output)
    stream.flush()
    tell()
  }
}
