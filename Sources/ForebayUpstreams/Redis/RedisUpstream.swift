package import ForebayCore
package import ForebayTLS

/// A Redis stream as an upstream: messages are entries, appended by XADD.
package enum RedisUpstream {
  static let callMessagesMax = 256
  static let callBytesMax = 256 * 1024
  static let callsMax = 64
  /// Less than a batch waits so long for more while others are out: a round trip in a network.
  static let flushInterval = TimeSpan.milliseconds(1)

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

  package static func make(
    _ options: RedisOptions, at endpoint: ByteStream.Endpoint, tls: TLSOptions?,
    place: UpstreamPlace
  ) throws(TLSError) -> any Upstream {
    try SessionUpstream(
      RedisSession(options, route: place.routeName, isOrdered: place.isOrdered),
      traits(frameBytesMax: place.frameBytesMax), at: ServerList([endpoint]), tls: tls,
      place: place)
  }
}

extension RedisSession: UpstreamSession {
  mutating func opened(isSecured: Bool, _ output: inout OutputQueue) { opened(&output) }

  mutating func received(_ bytes: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
    received(bytes)
  }
}
