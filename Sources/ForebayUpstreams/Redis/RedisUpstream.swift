package import ForebayCore
package import ForebayTLS
import ForebayUV
import ForebayWire

/// A Redis stream as an upstream: messages are entries, appended by XADD.
///
/// Bytes come and go by `ByteStream`, what they mean is `RedisSession`'s business, and when to connect
/// the core's. This only joins them.
package final class RedisUpstream: Upstream, ByteStreamOwner {
  static let callMessagesMax = 256
  static let callBytesMax = 256 * 1024
  static let callsMax = 64
  /// Less than a batch waits so long for more while others are out: a round trip in a network.
  static let flushInterval = TimeSpan.milliseconds(1)

  private unowned(unsafe) let owner: any UpstreamOwner
  private let loop: Loop
  private let route: UInt32
  private let endpoint: ByteStream.Endpoint
  private let tls: TLSContext?
  private var session: RedisSession
  private var stream: ByteStream?
  package let traits: UpstreamTraits

  package static func traits(frameBytesMax: Int) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = .batch
    // A server that refuses one transaction for want of memory may take the next.
    traits.failsInOrder = false
    traits.connects = true
    traits.flushInterval = flushInterval
    traits.batchMessagesMax = callMessagesMax
    traits.batchBytesMax = callBytesMax
    traits.callsMax = callsMax
    traits.inFlightMessagesMax = callMessagesMax * 16
    traits.inFlightBytesMax = max(4 << 20, 4 * frameBytesMax)
    return traits
  }

  package init(
    _ options: RedisOptions, at endpoint: ByteStream.Endpoint, tls: TLSOptions?,
    place: UpstreamPlace
  ) throws(TLSError) {
    owner = place.owner
    loop = place.loop
    route = place.route
    self.endpoint = endpoint
    if let tls { self.tls = try TLSContext(client: tls) } else { self.tls = nil }
    traits = Self.traits(frameBytesMax: place.frameBytesMax)
    session = RedisSession(options, route: place.routeName, isOrdered: place.isOrdered)
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

  package func flush() { stream?.flush() }

  package func disconnect(_ reason: String) { stream?.end(.closedByUs(reason)) }

  package func close() { stream?.end(.closedByUs("we end")) }

  // MARK: Stream

  package func streamOpened(_ stream: ByteStream) { session.opened(&stream.output) }

  package func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    session.received(bytes)
    for event in session.takeEvents() { perform(event) }
  }

  private func perform(_ event: RedisSession.Event) {
    switch event {
    case .ready: owner.upstreamConnected(route, stream?.security)
    case .messages(let call, let range, let verdict): owner.messagesSettled(call, range, verdict)
    case .call(let call, let verdict): owner.callSettled(call, verdict)
    case .complained(let complaint):
      let advice = complaint.advice.map { " (\($0))" } ?? ""
      owner.upstreamNoticed(route, "redis says: \(complaint.text)\(advice)", isProblem: true)
    case .close(let reason, let isThrottle):
      isThrottled = isThrottle
      stream?.end(.closedByUs(reason))
    }
  }
  private var isThrottled = false

  package func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {
    owner.upstreamBusy(route, isBusy)
  }

  package func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    guard stream === self.stream else { return }
    self.stream = nil
    session.closed()
    let loss = UpstreamLoss(
      reason: ending.description, label: ending.label, retryAfter: nil, isThrottle: isThrottled)
    isThrottled = false
    owner.upstreamClosed(route, loss)
  }
}
