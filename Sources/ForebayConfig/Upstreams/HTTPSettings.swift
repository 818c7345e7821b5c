/// What is sent to an HTTP server, where the URL doesn't say it.
package struct HTTPSettings: Equatable, Sendable {
  package enum Format: String, CaseIterable, Sendable {
    case message
    case ndjson
    case jsonArray = "json_array"
    case lengthPrefixed = "length_prefixed"
  }

  package enum Method: String, CaseIterable, Sendable {
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
  }

  package enum Compression: String, CaseIterable, Sendable { case none, gzip }

  package var method = Method.post
  package var format = Format.message
  package var hasEnvelope = false
  /// Nil: by the format.
  package var contentType: String?
  package var headers: [HTTPHeader] = []
  /// Nil for none.
  package var idHeader: HTTPHeader.Name? = HTTPHeader.Name("Idempotency-Key")
  package var compression = Compression.none
  package var connections = 16
  package var usesHTTP2 = false
  package var statuses: [HTTPStatusRule] = []
  package var user: String?
  package var password: String?
  package var passwordFile: String?
  package var bearerToken: String?
  package var bearerTokenFile: String?
  package init() {}

  static let rows: [Setting<RouteTarget>] = request + connection + credentials

  private static let request: [Setting<RouteTarget>] = [
    Setting(
      "http.method", \.http.method, .choice, "The method of an http upstream's requests.",
      needsRestart: true),
    Setting(
      "http.format", \.http.format, .choice,
      "What is in a request: message: one message, as it is; the others are batches.",
      needsRestart: true),
    Setting(
      "http.envelope", \.http.hasEnvelope, .yesOrNo,
      "Whether each message of ndjson and json_array is wrapped with its id and key: "
        + "{\"id\":…,\"data\":…}.", needsRestart: true),
    Setting(
      "http.content_type", \.http.contentType, orNone(.headerValue(longest: 256)),
      "The content type of requests; none: what the message says, or what fits the format.",
      needsRestart: true),
    Setting(
      "http.headers", \.http.headers, list(of: .header),
      "Headers that every request has, each as 'Name: value'; values are shown to nobody.",
      needsRestart: true),
    Setting(
      "http.idempotency_header", \.http.idHeader, orNone(.headerName),
      "The header by which servers tell repetitions apart: the same for every attempt.",
      needsRestart: true),
    Setting(
      "http.compression", \.http.compression, .choice, "How bodies are compressed.",
      needsRestart: true),
    Setting(
      "http.statuses", \.http.statuses, list(of: .statusRule),
      "What statuses mean, where that isn't the default: '404=rejected', '5xx=throttled'.",
      needsRestart: true),
  ]

  private static let connection: [Setting<RouteTarget>] = [
    Setting(
      "http.connections", \.http.connections, .count(1...256),
      "Connections, and so requests, at once.", needsRestart: true),
    Setting(
      "http.http2", \.http.usesHTTP2, .yesOrNo,
      "Whether to ask for HTTP/2, with TLS: up to 64 requests at once share a few connections.",
      needsRestart: true),
  ]

  private static let credentials: [Setting<RouteTarget>] = [
    Setting(
      "http.user", \.http.user, orNone(.text(longest: 256)), "The user of basic authentication.",
      needsRestart: true),
    Setting(
      "http.password", \.http.password, orNone(.secret),
      "The user's password; better in http.password_file or the variable.", needsRestart: true),
    .file(
      "http.password_file", \.http.passwordFile,
      "A file with the password on its first line."),
    Setting(
      "http.bearer_token", \.http.bearerToken, orNone(.secret),
      "The token of bearer authentication; better in http.bearer_token_file or the variable.",
      needsRestart: true),
    .file(
      "http.bearer_token_file", \.http.bearerTokenFile,
      "A file with the token on its first line."),
  ]

  // MARK: What can't be together

  /// What is wrong with an http route's settings, by key.
  func problems(_ address: HTTPAddress) -> [(key: String, text: String)] {
    var problems: [(String, String)] = []
    let passwords = [address.password != nil, password != nil, passwordFile != nil]
    if passwords.count(where: { $0 }) > 1 {
      problems.append(
        (
          "http.password",
          "the password is given in several places; leave it in one of the URL, http.password and "
            + "http.password_file"
        ))
    }
    if address.user != nil, user != nil {
      problems.append(("http.user", "the URL names a user, too; leave one of them"))
    }
    if bearerToken != nil, bearerTokenFile != nil {
      problems.append(
        (
          "http.bearer_token",
          "the token is given in several places; leave it in one of http.bearer_token and "
            + "http.bearer_token_file"
        ))
    }
    let isBasic = address.user != nil || user != nil || passwords.contains(true)
    let isBearer = bearerToken != nil || bearerTokenFile != nil
    let isOwn = headers.contains { $0.name.isNamed("authorization") }
    if [isBasic, isBearer, isOwn].count(where: { $0 }) > 1 {
      problems.append(
        (
          "http.headers",
          "there are several authorizations: a user, a token, or an Authorization header; leave one"
        ))
    }
    if format != .message {
      for placeholder in ["{lane}", "{key}"] where address.uses(placeholder) {
        problems.append(
          (
            "upstream",
            "\(placeholder) is known only with http.format: message; a batch may have several"
          ))
      }
    }
    if hasEnvelope, format != .ndjson, format != .jsonArray {
      problems.append(
        ("http.envelope", "means nothing with this http.format; use ndjson or json_array"))
    }
    if usesHTTP2, !address.isEncrypted {
      problems.append(("http.http2", "is for https only; name such a URL, or leave it out"))
    }
    return problems
  }
}

/// A header that an operator adds.
package struct HTTPHeader: Equatable, Sendable {
  /// What may be a header's name.
  package struct Name: Equatable, Sendable {
    package let text: String
    init(_ text: String) { self.text = text }
    func isNamed(_ name: String) -> Bool { text.lowercased() == name }
  }

  package let name: Name
  package let value: String

  package var text: String { "\(name.text): \(value)" }

  /// Those that follow from other settings, or from the request itself.
  static let ours: [String: String] = [
    "content-type": "http.content_type", "content-length": "nothing", "host": "tls.server_name",
    "transfer-encoding": "nothing", "connection": "nothing", "expect": "nothing",
    "content-encoding": "http.compression", "idempotency-key": "http.idempotency_header",
  ]
}

/// What a status, or a class of them, is taken for.
package struct HTTPStatusRule: Equatable, Sendable {
  package enum Meaning: String, CaseIterable, Sendable {
    case accepted, failed, throttled, rejected
  }

  package let statuses: ClosedRange<Int>
  package let meaning: Meaning

  /// `404=rejected`, `5xx=failed`.
  init?(_ text: String) {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let meaning = Meaning(rawValue: String(parts[1])) else { return nil }
    self.meaning = meaning
    if parts[0].hasSuffix("xx"), let first = Int(parts[0].dropLast(2)), (2...5).contains(first) {
      statuses = (first * 100)...(first * 100 + 99)
    } else if let status = Int(parts[0]), (200...599).contains(status) {
      statuses = status...status
    } else {
      return nil
    }
  }

  var text: String {
    let first = statuses.lowerBound
    return (statuses.count == 1 ? "\(first)" : "\(first / 100)xx") + "=\(meaning.rawValue)"
  }
}
