import ForebayConfig
import ForebayCore
import ForebayTLS
import ForebayUpstreams
import ForebayWire

/// Which upstream an address means: a line for each in `traits` and in `make`. Where one is missing, the
/// compiler says so.
enum UpstreamFactory {
  /// What the route's upstream can do, or less where that is configured.
  static func traits(_ route: RouteTarget, _ limits: Limits) -> UpstreamTraits {
    let frameBytesMax = limits.frameBytesMax
    switch route.address {
    case .journal: return route.narrowed(JournalUpstream.traits(frameBytesMax: frameBytesMax))
    case .redis: return route.narrowed(RedisUpstream.traits(frameBytesMax: frameBytesMax))
    case .peerUnix, .peerTCP: return route.narrowed(peerTraits(route))
    }
  }

  /// Nil for a peer, which isn't one of these: the core itself speaks to it.
  static func make(_ route: RouteTarget, _ place: UpstreamPlace) throws -> (any Upstream)? {
    switch route.address {
    case .journal(let path):
      try Directories.makeIfMissing(parentOf: path, mode: 0o700)
      return try JournalUpstream(path: path, place: place, wallClock: WallClock.milliseconds)
    case .redis(let address):
      return try RedisUpstream(
        try route.redisOptions(address), at: address.endpoint,
        tls: address.isEncrypted ? route.tlsOptions : nil, place: place)
    case .peerUnix, .peerTCP: return nil
    }
  }

  /// The peer's credit bounds what is out, and it costs no copy here.
  private static func peerTraits(_ route: RouteTarget) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = .peer
    traits.deduplicates = true
    traits.inFlightMessagesMax = Int(clamping: route.settings.bufferMessages)
    traits.inFlightBytesMax = Int(clamping: route.settings.bufferBytes)
    return traits
  }
}

extension RouteTarget {
  var tlsOptions: TLSOptions {
    var options = TLSOptions()
    options.authorityFile = tls.authorityFile
    options.certificateFile = tls.certificateFile
    options.keyFile = tls.keyFile
    options.serverName = tls.serverName
    options.verifies = tls.verifies
    return options
  }

  func redisOptions(_ address: RedisAddress) throws -> RedisOptions {
    var options = RedisOptions()
    options.stream = address.stream ?? redis.stream
    options.maxLength = redis.maxLength
    options.payloadField = redis.payloadField
    options.idField = redis.idField
    options.keyField = redis.keyField
    options.user = address.user
    options.password = address.password ?? redis.password
    if let file = redis.passwordFile { options.password = try SecretFile.firstLine(of: file) }
    options.database = address.database
    return options
  }
}

extension RedisAddress {
  var endpoint: ByteStream.Endpoint {
    switch place {
    case .tcp(let host, let port): .tcp(host: host, port: port)
    case .unix(let path): .unix(path: path)
    }
  }
}
