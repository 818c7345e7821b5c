/// Where a route leads, as its URL says.
package enum UpstreamAddress: Equatable, Sendable, CustomStringConvertible {
  /// `journal:PATH`
  case journal(path: String)
  /// `forebay+unix:PATH`
  case peerUnix(path: String)
  /// `forebay+tcp:HOST:PORT`
  case peerTCP(host: String, port: UInt16)
  /// `redis://…`, `rediss://…`, `redis+unix://…`
  case redis(RedisAddress)
  /// `nats://…`, `nats+tls://…`
  case nats(NATSAddress)
  /// `http://…`, `https://…`
  case http(HTTPAddress)
  /// `kafka://…`, `kafkas://…`
  case kafka(KafkaAddress)
  /// `amqp://…`, `amqps://…`
  case amqp(AMQPAddress)

  package enum Problem: Error, Equatable {
    case unknownScheme(String)
    case pathMissing
    case portMissing
    case portInvalid(String)
    /// A part of the URL that can't be so, and what it should be.
    case partInvalid(String)
  }

  /// What stands before the first colon, as people are told.
  static let forms = [
    "journal:PATH", "forebay+unix:PATH", "forebay+tcp:HOST:PORT", "redis://HOST[:PORT][/DB]",
    "rediss://HOST[:PORT][/DB]", "redis+unix://PATH", "nats://HOST[:PORT]",
    "nats+tls://HOST[:PORT]",
    "http://HOST[:PORT][/PATH]", "https://HOST[:PORT][/PATH]",
    "kafka://HOST[:PORT][,…]/TOPIC", "kafkas://HOST[:PORT][,…]/TOPIC",
    "amqp://HOST[:PORT][/VHOST]", "amqps://HOST[:PORT][/VHOST]",
  ]

  package init(_ text: String) throws(Problem) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let scheme = String(parts[0])
    let rest = parts.count > 1 ? String(parts[1]) : ""
    switch scheme {
    case "journal": self = .journal(path: try Self.path(rest))
    case "forebay+unix": self = .peerUnix(path: try Self.path(rest))
    case "forebay+tcp": self = try Self.hostAndPort(rest)
    case "redis", "rediss", "redis+unix":
      self = .redis(try RedisAddress(scheme: scheme, rest))
    case "nats", "nats+tls": self = .nats(try NATSAddress(scheme: scheme, rest))
    case "http", "https": self = .http(try HTTPAddress(scheme: scheme, rest))
    case "kafka", "kafkas": self = .kafka(try KafkaAddress(scheme: scheme, rest))
    case "amqp", "amqps": self = .amqp(try AMQPAddress(scheme: scheme, rest))
    default: throw .unknownScheme(scheme)
    }
  }

  /// `scheme:/path` and `scheme:///path` are the same.
  private static func path(_ rest: String) throws(Problem) -> String {
    let path = rest.hasPrefix("//") ? String(rest.dropFirst(2)) : rest
    guard !path.isEmpty else { throw .pathMissing }
    return path
  }

  private static func hostAndPort(_ rest: String) throws(Problem) -> UpstreamAddress {
    let text = rest.hasPrefix("//") ? String(rest.dropFirst(2)) : rest
    guard let colon = text.lastIndex(of: ":") else { throw .portMissing }
    let number = text[text.index(after: colon)...]
    guard let port = UInt16(number), port > 0 else { throw .portInvalid(String(number)) }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { throw .pathMissing }
    return .peerTCP(host: host, port: port)
  }

  package var description: String {
    switch self {
    case .journal(let path): "journal:\(path)"
    case .peerUnix(let path): "forebay+unix:\(path)"
    case .peerTCP(let host, let port): "forebay+tcp:\(host):\(port)"
    case .redis(let address): address.description
    case .nats(let address): address.description
    case .http(let address): address.description
    case .kafka(let address): address.description
    case .amqp(let address): address.description
    }
  }
}

extension UpstreamAddress.Problem: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownScheme(let scheme):
      "'\(scheme)' is no upstream; write one of \(UpstreamAddress.forms.joined(separator: ", "))"
    case .pathMissing: "the address names nothing after its scheme"
    case .portMissing: "the address has no port; write forebay+tcp:HOST:PORT"
    case .portInvalid(let text): "'\(text)' is no port from 1 to 65535"
    case .partInvalid(let text): text
    }
  }
}
