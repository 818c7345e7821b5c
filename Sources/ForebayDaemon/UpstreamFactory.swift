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
    case .nats: return route.narrowed(NATSUpstream.traits(frameBytesMax: frameBytesMax))
    case .http:
      return route.narrowed(
        HTTPUpstream.traits(route.httpTraitsOptions, frameBytesMax: frameBytesMax))
    case .kafka: return route.narrowed(KafkaUpstream.traits(frameBytesMax: frameBytesMax))
    case .amqp: return route.narrowed(AMQPUpstream.traits(frameBytesMax: frameBytesMax))
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
      return try RedisUpstream.make(
        try route.redisOptions(address), at: address.endpoint,
        tls: address.isEncrypted ? route.tlsOptions : nil, place: place)
    case .amqp(let address):
      return try AMQPUpstream.make(
        try route.amqpOptions(address), at: address.endpoint,
        tls: address.isEncrypted ? route.tlsOptions : nil, place: place)
    case .nats(let address):
      return try NATSUpstream.make(
        try route.natsOptions(address), at: address.endpoints,
        tls: address.isEncrypted ? route.tlsOptions : nil, place: place)
    case .http(let address):
      return try HTTPUpstream(
        try route.httpOptions(address), tls: address.isEncrypted ? route.tlsOptions : nil,
        place: place)
    case .kafka(let address):
      return try KafkaUpstream(try route.kafkaOptions(address), place: place)
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
    options.password = try SecretFile.secret(
      address.password ?? redis.password, or: redis.passwordFile)
    options.database = address.database
    return options
  }

  func amqpOptions(_ address: AMQPAddress) throws -> AMQPOptions {
    var options = AMQPOptions()
    let exchange = address.exchange ?? amqp.exchange
    options.exchange = exchange == "" ? nil : exchange
    options.routingKey = address.routingKey ?? amqp.routingKey
    options.isPersistent = amqp.isPersistent
    options.heartbeat = amqp.heartbeat
    options.virtualHost = address.virtualHost
    let password = try SecretFile.secret(
      address.password ?? amqp.password, or: amqp.passwordFile)
    // A certificate says who we are where nothing else does.
    options.prefersCertificate =
      address.isEncrypted && tls.certificateFile != nil && address.user == nil && password == nil
    if let user = address.user { options.user = user }
    if let password { options.password = password }
    return options
  }
}

extension AMQPAddress {
  var endpoint: ByteStream.Endpoint { .tcp(host: host, port: port) }
}

extension RouteTarget {
  func kafkaOptions(_ address: KafkaAddress) throws -> KafkaOptions {
    var options = KafkaOptions()
    options.bootstrap = address.bootstrap
    options.topic = address.topic ?? kafka.topic
    options.idHeader = kafka.idHeader
    options.keepsSessionsTogether = kafka.keyless == .session
    options.compression = kafka.compression.rawValue
    options.mechanism = kafka.mechanism
    options.user = address.user
    options.password = try SecretFile.secret(
      address.password ?? kafka.password, or: kafka.passwordFile)
    options.tls = address.isEncrypted ? tlsOptions : nil
    options.properties = kafka.options.map { .init($0.name, $0.value) }
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

extension RouteTarget {
  func natsOptions(_ address: NATSAddress) throws -> NATSOptions {
    var options = NATSOptions()
    options.subject = address.subject ?? nats.subject
    options.keyHeader = nats.keyHeader
    options.chainMax = nats.chain
    options.inboxPrefix = nats.inboxPrefix
    options.login = try natsLogin(address)
    options.isEncrypted = address.isEncrypted
    return options
  }

  /// A name without a password is a token, unless the password is said elsewhere.
  private func natsLogin(_ address: NATSAddress) throws -> NATSLogin {
    if let file = nats.credentialsFile {
      return try NATSLogin(credentials: try SecretFile.text(of: file))
    }
    if let file = nats.keyFile {
      return .key(try NATSKey(seed: try SecretFile.firstLine(of: file)))
    }
    let password = try SecretFile.secret(
      address.password ?? nats.password, or: nats.passwordFile)
    if let password { return .user(address.user ?? address.token ?? "", password: password) }
    let token = try SecretFile.secret(address.token ?? nats.token, or: nats.tokenFile)
    return token.map { .token($0) } ?? .none
  }
}

extension NATSAddress {
  var endpoints: [ByteStream.Endpoint] { servers.map { .tcp(host: $0.host, port: $0.port) } }
}
