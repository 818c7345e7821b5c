/// Where a RabbitMQ server is, and as whom we come:
///
///     amqp[s]://[USER[:PASSWORD]@]HOST[:PORT][/VHOST][?exchange=NAME&routing_key=KEY]
package struct AMQPAddress: Equatable, Sendable {
  package var host: String
  package var port: UInt16
  package var isEncrypted: Bool
  package var user: String?
  package var password: String?
  package var virtualHost = "/"
  /// In place of `amqp.exchange`; empty for the default exchange.
  package var exchange: String?
  /// In place of `amqp.routing_key`.
  package var routingKey: String?

  static let standardPort: UInt16 = 5672
  static let standardTLSPort: UInt16 = 5671
  /// Names in AMQP have a length of one byte.
  static let nameBytesMax = 255

  /// `rest` is what follows the scheme's colon.
  init(scheme: String, _ rest: String) throws(UpstreamAddress.Problem) {
    var url = try URLParts(rest)
    guard !url.host.isEmpty else { throw .pathMissing }
    isEncrypted = scheme == "amqps"
    host = url.host
    port = url.port ?? (isEncrypted ? Self.standardTLSPort : Self.standardPort)
    user = url.user
    password = url.password
    // A lone slash ends the host for most people, and names no virtual host of no name.
    if url.path.utf8.count > 1 { virtualHost = try URLParts.decoded(url.path.dropFirst()) }
    exchange = url.take("exchange")
    routingKey = url.take("routing_key")
    if let other = url.query.first {
      throw .partInvalid(
        "'\(other.name)' is nothing that this URL can say; it can say exchange and routing_key, "
          + "the rest is in settings below amqp")
    }
    if url.path.dropFirst().contains("/") {
      throw .partInvalid(
        "a '/' in the name of a virtual host is written as %2F; the one called / is the default")
    }
    if routingKey == "" { throw .partInvalid("routing_key names nothing") }
    for name in [user, virtualHost, exchange, routingKey] {
      guard name?.utf8.count ?? 0 <= Self.nameBytesMax else {
        throw .partInvalid("a name is longer than the \(Self.nameBytesMax) bytes that AMQP allows")
      }
    }
  }

  /// The password is never shown.
  package var description: String {
    let shownHost = host.contains(":") ? "[\(host)]" : host
    let who = user.map(URLParts.encoded) ?? ""
    let login = password != nil ? "\(who):***@" : user != nil ? "\(who)@" : ""
    var query: [String] = []
    if let exchange { query.append("exchange=\(URLParts.encoded(exchange))") }
    if let routingKey { query.append("routing_key=\(URLParts.encoded(routingKey))") }
    return (isEncrypted ? "amqps" : "amqp") + "://\(login)\(shownHost):\(port)"
      + (virtualHost == "/" ? "" : "/\(URLParts.encoded(virtualHost))")
      + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
  }
}
