package import ForebayCore
package import ForebayTLS

/// A RabbitMQ exchange as an upstream: messages are published on one channel, and each is confirmed.
package enum AMQPUpstream {
  static let callMessagesMax = AMQPConfirms.callMessagesMax
  static let callBytesMax = 256 * 1024
  /// Where calls have one message each, for the sake of order, so many sessions are served at once.
  static let callsMax = 1024
  /// Less than a batch waits so long for more while others are out: a round trip in a network.
  static let flushInterval = TimeSpan.milliseconds(1)

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

  package static func make(
    _ options: AMQPOptions, at endpoint: ByteStream.Endpoint, tls: TLSOptions?,
    place: UpstreamPlace
  ) throws(TLSError) -> any Upstream {
    try SessionUpstream(
      AMQPSession(options, route: place.routeName), traits(frameBytesMax: place.frameBytesMax),
      at: ServerList([endpoint]), tls: tls, place: place)
  }
}

extension AMQPSession: UpstreamSession {
  mutating func opened(isSecured: Bool, _ output: inout OutputQueue) { opened(&output) }

  var tickMilliseconds: UInt64? { heartbeat.tickMilliseconds }
}
