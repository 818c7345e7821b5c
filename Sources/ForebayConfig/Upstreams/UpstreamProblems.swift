// What can't be together in the settings of one route's upstream: a line for each kind of upstream, then what
// several of them share.
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

  static func passwordProblems(
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
