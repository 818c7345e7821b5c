/// Where an HTTP server is, and as whom we come:
///
///     http[s]://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?QUERY]
///
/// In path and query `{route}`, `{lane}` and `{key}` stand for the message's own.
package struct HTTPAddress: Equatable, Sendable {
  package var isEncrypted: Bool
  package var host: String
  package var port: UInt16
  package var user: String?
  package var password: String?
  /// Path and query as they are sent, but for what stands in braces.
  package var target: String

  static let placeholders = ["{route}", "{lane}", "{key}"]

  /// `rest` is what follows the scheme's colon.
  init(scheme: String, _ rest: String) throws(UpstreamAddress.Problem) {
    isEncrypted = scheme == "https"
    let mark = rest.firstIndex(of: "?") ?? rest.endIndex
    let url = try URLParts(String(rest[..<mark]))
    guard !url.host.isEmpty else { throw .pathMissing }
    host = url.host
    port = url.port ?? (isEncrypted ? 443 : 80)
    user = url.user
    password = url.password
    target = (url.path.isEmpty ? "/" : url.path) + rest[mark...]
    try Self.check(target)
  }

  private static func check(_ target: String) throws(UpstreamAddress.Problem) {
    guard target.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") }) else {
      throw .partInvalid(
        "the path has a space, a '#' or a letter beyond ASCII; write those as %20, %23 and so on")
    }
    var rest = target[...]
    for placeholder in placeholders { rest = rest.replacing(placeholder, with: "")[...] }
    guard !rest.contains("{"), !rest.contains("}") else {
      throw .partInvalid(
        "in braces the path knows \(placeholders.joined(separator: ", ")) only; write others as "
          + "%7B and %7D")
    }
  }

  package func uses(_ placeholder: String) -> Bool { target.contains(placeholder) }

  /// Neither the password nor what follows a `?`, which often has one, is ever shown.
  package var description: String {
    let scheme = isEncrypted ? "https" : "http"
    let shown = host.contains(":") ? "[\(host)]" : host
    let who = user.map(URLParts.encoded) ?? ""
    let login = password != nil ? "\(who):***@" : user != nil ? "\(who)@" : ""
    let standard: UInt16 = isEncrypted ? 443 : 80
    let place = port == standard ? shown : "\(shown):\(port)"
    let path = target.prefix { $0 != "?" }
    return "\(scheme)://\(login)\(place)\(path)" + (path.count < target.count ? "?***" : "")
  }
}
