/// What is sent to a Redis server, where the URL doesn't say it.
package struct RedisSettings: Equatable, Sendable {
  package var stream = "forebay"
  package var maxLength: UInt64?
  package var payloadField = "data"
  /// Nil for none.
  package var idField: String? = "id"
  package var keyField: String? = "key"
  package var password: String?
  package var passwordFile: String?
  package init() {}

  static let rows: [Setting<RouteTarget>] = [
    Setting(
      "redis.stream", \.redis.stream, .text(longest: 512),
      "The stream that a redis upstream appends to; {route} and {lane} stand for their names.",
      needsRestart: true),
    Setting(
      "redis.maxlen", \.redis.maxLength, orNone(.count(1...1_000_000_000_000, "entries")),
      "Trim the stream to about so many entries; none: never.", needsRestart: true),
    Setting(
      "redis.payload_field", \.redis.payloadField, .text(longest: 64),
      "The field of an entry that has the message.", needsRestart: true),
    Setting(
      "redis.id_field", \.redis.idField, orNone(.text(longest: 64)),
      "The field by which readers tell repetitions apart: the same for every attempt of a message.",
      needsRestart: true),
    Setting(
      "redis.key_field", \.redis.keyField, orNone(.text(longest: 64)),
      "The field that has the message's key, if its sender gave it one.", needsRestart: true),
    Setting(
      "redis.password", \.redis.password, orNone(.secret),
      "The password; better in redis.password_file or the variable.", needsRestart: true),
    Setting(
      "redis.password_file", \.redis.passwordFile, orNone(.filePath),
      "A file with the password on its first line.", needsRestart: true),
  ]
}

/// How connections of a route's upstream are secured, where the URL asks for TLS.
package struct TLSSettings: Equatable, Sendable {
  package var authorityFile: String?
  package var certificateFile: String?
  package var keyFile: String?
  package var serverName: String?
  package var verifies = true
  package init() {}

  static let rows: [Setting<RouteTarget>] = [
    Setting(
      "tls.ca_file", \.tls.authorityFile, orNone(.filePath),
      "Who signs the upstream's certificate (PEM); none: whoever the system trusts.",
      needsRestart: true),
    Setting(
      "tls.cert_file", \.tls.certificateFile, orNone(.filePath),
      "Our own certificate with its chain (PEM), for upstreams that ask for one.",
      needsRestart: true),
    Setting(
      "tls.key_file", \.tls.keyFile, orNone(.filePath),
      "Its key (PEM); none: it is in tls.cert_file, too.", needsRestart: true),
    Setting(
      "tls.server_name", \.tls.serverName, orNone(.text(longest: 253)),
      "The name that the upstream's certificate must have; none: the host of the URL.",
      needsRestart: true),
    Setting(
      "tls.verify", \.tls.verifies, .yesOrNo,
      "Off, anybody on the way can read and change everything.", needsRestart: true),
  ]
}

extension RouteTarget {
  /// A password that several places say, and settings that mean nothing.
  func upstreamProblems(at path: String) -> [KeyProblem] {
    switch address {
    case .journal, .peerUnix, .peerTCP: []
    case .redis(let address):
      Self.passwordProblems(
        "redis", [address.password, redis.password, redis.passwordFile], at: path)
        + tlsProblems(at: path)
    case .nats(let address): natsProblems(address, at: path) + tlsProblems(at: path)
    case .http(let address):
      http.problems(address).map { KeyProblem("\(path).\($0.key)", $0.text) }
        + tlsProblems(at: path)
    case .kafka(let address): kafkaProblems(address, at: path) + tlsProblems(at: path)
    case .amqp(let address):
      Self.passwordProblems(
        "amqp", [address.password, amqp.password, amqp.passwordFile], at: path)
        + tlsProblems(at: path)
    }
  }

  private static func passwordProblems(
    _ name: String, _ places: [String?], at path: String
  ) -> [KeyProblem] {
    guard places.count(where: { $0 != nil }) > 1 else { return [] }
    return [
      KeyProblem(
        "\(path).\(name).password",
        "the password is given in several places; leave it in one of the URL, \(name).password and "
          + "\(name).password_file")
    ]
  }

  private func tlsProblems(at path: String) -> [KeyProblem] {
    guard tls.keyFile != nil, tls.certificateFile == nil else { return [] }
    return [
      KeyProblem("\(path).tls.key_file", "means nothing without a certificate; set tls.cert_file")
    ]
  }
}
