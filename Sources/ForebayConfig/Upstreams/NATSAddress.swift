/// Where NATS servers are, and as whom we come:
///
///     nats[+tls]://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST[:PORT]…][/][?subject=SUBJECT]
package struct NATSAddress: Equatable, Sendable {
  package struct Server: Equatable, Sendable {
    package var host: String
    package var port: UInt16
  }

  /// Of one cluster, or standing for each other: tried one after the other.
  package var servers: [Server]
  package var isEncrypted: Bool
  package var user: String?
  package var password: String?
  /// What stands before the `@` without a colon.
  package var token: String?
  /// In place of `nats.subject`.
  package var subject: String?

  static let standardPort: UInt16 = 4222

  /// `rest` is what follows the scheme's colon.
  init(scheme: String, _ rest: String) throws(UpstreamAddress.Problem) {
    let (first, others) = Self.split(rest)
    var url = try URLParts(first)
    isEncrypted = scheme == "nats+tls"
    guard url.path.isEmpty || url.path == "/" else {
      // What stands there may be a part of a token with a slash in it: it isn't shown.
      throw .partInvalid(
        "behind the host comes no path: a subject is written ?subject=NAME, and a '/' in a password "
          + "or token %2F")
    }
    servers = [try Self.server(url)]
    for other in others { servers.append(try Self.server(URLParts("//\(other)"))) }
    if let password = url.password {
      user = url.user ?? ""
      self.password = password
    } else {
      token = url.user
    }
    subject = url.take("subject")
    if let other = url.query.first {
      throw .partInvalid(
        "'\(other.name)' is nothing that this URL can say; it can say subject, the rest is in "
          + "settings below nats")
    }
  }

  private static func server(_ url: URLParts) throws(UpstreamAddress.Problem) -> Server {
    guard !url.host.isEmpty else { throw .pathMissing }
    return Server(host: url.host, port: url.port ?? standardPort)
  }

  /// The URL with its first server only, and the other servers.
  private static func split(_ rest: String) -> (String, [Substring]) {
    let end = rest.dropFirst(2).firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let start = rest[..<end].lastIndex(of: "@").map { rest.index(after: $0) } ?? rest.startIndex
    let servers = rest[start..<end].split(separator: ",", omittingEmptySubsequences: false)
    guard servers.count > 1 else { return (rest, []) }
    return (String(rest[..<start] + servers[0] + rest[end...]), Array(servers.dropFirst()))
  }

  /// No password and no token is ever shown.
  package var description: String {
    let login = token != nil ? "***@" : user.map { "\(URLParts.encoded($0)):***@" } ?? ""
    let places = servers.map { server in
      (server.host.contains(":") ? "[\(server.host)]" : server.host) + ":\(server.port)"
    }
    return "nats\(isEncrypted ? "+tls" : "")://\(login)\(places.joined(separator: ","))"
      + (subject.map { "?subject=\(URLParts.encoded($0))" } ?? "")
  }
}
