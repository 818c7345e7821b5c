package import ForebayCore
package import ForebayTLS

/// A subject that a JetStream stream takes as an upstream: messages are published, and each is answered.
package enum NATSUpstream {
  package static let callMessagesMax = 512
  static let callBytesMax = 256 * 1024
  static let callsMax = 64
  /// Less than a batch waits so long for more while others are out: a round trip in a network.
  static let flushInterval = TimeSpan.milliseconds(1)

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

  package static func make(
    _ options: NATSOptions, at servers: [ByteStream.Endpoint], tls: TLSOptions?,
    place: UpstreamPlace
  ) throws(TLSError) -> any Upstream {
    // A certificate names hosts as people write them, not addresses that servers tell each other.
    let learns = tls == nil || tls?.serverName != nil || tls?.verifies == false
    return try SessionUpstream(
      NATSSession(
        options, route: place.routeName, isOrdered: place.isOrdered, name: drawName()),
      traits(frameBytesMax: place.frameBytesMax), at: ServerList(servers, learns: learns), tls: tls,
      place: place)
  }

  static func drawName() -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    return String((0..<22).map { _ in letters.randomElement() ?? "A" })
  }
}

extension NATSSession: UpstreamSession {
  /// The server's INFO comes in plain.
  static let beginsInPlain = true
  static let silenceAdvice: String? =
    "nats answers nothing: a subject that only ordinary subscribers take gets no answers; is there a "
    + "stream for it?"

  mutating func opened(isSecured: Bool, _ output: inout OutputQueue) {
    if isSecured { secured(&output) } else { opened() }
  }
}
