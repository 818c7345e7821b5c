/// What is sent to an HTTP server, how, and as whom.
package struct HTTPOptions: Equatable, Sendable {
  /// How messages are put into the body of a request.
  package enum Format: Equatable, Sendable {
    /// The message itself: one a request.
    case message
    /// Each message, then a line feed.
    case lines
    /// `[`, the messages with commas between them, `]`.
    case array
    /// For each its length, four bytes in network order, then the message.
    case lengthPrefixed
  }

  package var host = ""
  package var port: UInt16 = 80
  package var isEncrypted = false
  /// The name that the certificate must have, where it isn't the host's.
  package var serverName: String?
  /// Path and query; `{route}`, `{lane}` and `{key}` stand for the message's.
  package var target = "/"
  package var method = "POST"
  package var format = Format.message
  /// Whether each message is wrapped: `{"id":…,"data":…}`.
  package var hasEnvelope = false
  /// Nil: by the format, or what the message says.
  package var contentType: String?
  /// `Name: value`.
  package var headers: [String] = []
  /// Where the id goes by which a server tells repetitions; nil: nowhere.
  package var idHeader: String? = "Idempotency-Key"
  package var compresses = false
  /// So many at most, and so many requests at once; with HTTP/2 that many on one.
  package var connections = 16
  package var usesHTTP2 = false
  package var statusRules: [HTTPStatusTable.Rule] = []
  package var user: String?
  package var password: String?
  package var bearerToken: String?
  package init() {}

  /// Whether each message has a request of its own.
  package var isSingle: Bool { format == .message }
  /// An address of numbers and colons stands in brackets.
  package var shownHost: String { host.contains(":") ? "[\(host)]" : host }
  package var authority: String {
    port == (isEncrypted ? 443 : 80) ? shownHost : "\(shownHost):\(port)"
  }
}
