/// Where a Redis server is, and as whom we come:
///
///     redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/DB][?stream=NAME]
///     redis+unix://[[USER]:PASSWORD@]PATH[?db=N&stream=NAME]
package struct RedisAddress: Equatable, Sendable {
  package enum Place: Equatable, Sendable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  package var place: Place
  package var isEncrypted: Bool
  package var user: String?
  package var password: String?
  package var database: UInt32 = 0
  /// In place of `redis.stream`.
  package var stream: String?

  static let standardPort: UInt16 = 6379

  /// `rest` is what follows the scheme's colon.
  init(scheme: String, _ rest: String) throws(UpstreamAddress.Problem) {
    var url = try URLParts(rest)
    isEncrypted = scheme == "rediss"
    user = url.user
    password = url.password
    if scheme == "redis+unix" {
      guard !url.path.isEmpty, url.host.isEmpty else { throw .pathMissing }
      place = .unix(path: url.path)
    } else {
      guard !url.host.isEmpty else { throw .pathMissing }
      place = .tcp(host: url.host, port: url.port ?? Self.standardPort)
      if url.path.count > 1 { database = try Self.database(String(url.path.dropFirst())) }
    }
    if let text = url.take("db") { database = try Self.database(text) }
    stream = url.take("stream")
    if let other = url.query.first {
      throw .partInvalid(
        "'\(other.name)' is nothing that this URL can say; it can say db and stream, the rest is "
          + "in settings below redis")
    }
  }

  private static func database(_ text: String) throws(UpstreamAddress.Problem) -> UInt32 {
    guard let number = UInt32(text) else {
      throw .partInvalid("'\(text)' is no number of a database")
    }
    return number
  }

  /// The password is never shown.
  package var description: String {
    let scheme: String
    let target: String
    var query: [String] = []
    switch place {
    case .tcp(let host, let port):
      scheme = isEncrypted ? "rediss" : "redis"
      let shown = host.contains(":") ? "[\(host)]" : host
      target = "\(shown):\(port)" + (database > 0 ? "/\(database)" : "")
    case .unix(let path):
      scheme = "redis+unix"
      target = path
      if database > 0 { query.append("db=\(database)") }
    }
    if let stream { query.append("stream=\(URLParts.encoded(stream))") }
    let who = user.map(URLParts.encoded) ?? ""
    let login = password != nil ? "\(who):***@" : user != nil ? "\(who)@" : ""
    return "\(scheme)://\(login)\(target)"
      + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
  }
}
