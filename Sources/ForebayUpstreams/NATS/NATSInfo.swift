import ForebayTLS
import ForebayWire

/// What a server says of itself: first of all, and again when its cluster changes or it is about to end.
struct NATSInfo: Equatable {
  var version: String
  /// The largest message with its headers.
  var payloadMax: Int
  var hasHeaders: Bool
  var hasJetStream: Bool
  var wantsTLS: Bool
  var offersTLS: Bool
  /// What is to be signed.
  var nonce: String?
  /// `host:port` of the servers of its cluster.
  var others: [String]
  /// Lame duck mode: it takes no new clients, and ends soon.
  var isLeaving: Bool

  /// Nil if it isn't what a NATS server would say.
  init?(_ bytes: some Collection<UInt8>) {
    guard let json = JSONTree(bytes), let payloadMax = json["max_payload"]?.integer,
      payloadMax > 0
    else { return nil }
    self.payloadMax = payloadMax
    version = json["version"]?.text ?? "unknown"
    hasHeaders = json["headers"]?.isTrue ?? false
    hasJetStream = json["jetstream"]?.isTrue ?? false
    wantsTLS = json["tls_required"]?.isTrue ?? false
    offersTLS = wantsTLS || (json["tls_available"]?.isTrue ?? false)
    nonce = json["nonce"]?.text
    others = json["connect_urls"]?.list.compactMap(\.text) ?? []
    isLeaving = json["ldm"]?.isTrue ?? false
  }

  /// Why it can't be this server's client, if it can't.
  func objection(isEncrypted: Bool) -> String? {
    if isEncrypted, !offersTLS { return "it offers no TLS, and nats+tls:// asks for it" }
    if !isEncrypted, wantsTLS { return "it wants TLS: write nats+tls:// in the URL" }
    if !hasHeaders {
      return "it is version \(version) and knows no headers: JetStream needs NATS 2.2 or later"
    }
    return nil
  }

  /// The line that says who we are, and that we want to hear when nobody takes a subject.
  func greeting(_ options: NATSOptions) throws(TLSError) -> [UInt8] {
    var text =
      "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":\(options.isEncrypted),"
      + "\"name\":\"forebayd\",\"lang\":\"forebayd\",\"version\":\"1\",\"protocol\":1,"
      + "\"echo\":false,\"headers\":true,\"no_responders\":true"
    for (name, value) in try options.login.members(nonce: nonce) {
      text += ",\"\(name)\":\(JSONString.quoted(value))"
    }
    return Array((text + "}\r\n").utf8)
  }
}
