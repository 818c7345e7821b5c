/// What is published to NATS servers, where the URL doesn't say it.
package struct NATSSettings: Equatable, Sendable {
  package var subject = "forebay"
  /// As many as a call has.
  package var chain = 512
  /// Nil for none.
  package var keyHeader: String? = "Forebay-Key"
  package var inboxPrefix = "_INBOX"
  package var password: String?
  package var passwordFile: String?
  package var token: String?
  package var tokenFile: String?
  package var keyFile: String?
  package var credentialsFile: String?
  package init() {}

  static let rows: [Setting<RouteTarget>] = [
    Setting(
      "nats.subject", \.nats.subject, .text(longest: 255),
      "What a nats upstream publishes on, and a stream takes; {route} and {lane} stand for their "
        + "names.", needsRestart: true),
    Setting(
      "nats.chain", \.nats.chain, .count(1...512),
      "Messages of a session's lane that are out at once on an ordered route, each naming its "
        + "predecessor; 1: one at a time, without that header.", needsRestart: true),
    Setting(
      "nats.key_header", \.nats.keyHeader, orNone(.text(longest: 64)),
      "The header that has the message's key, if its sender gave it one.", needsRestart: true),
    Setting(
      "nats.inbox_prefix", \.nats.inboxPrefix, .text(longest: 128),
      "Answers come to subjects below it: the user must be allowed to subscribe there.",
      needsRestart: true),
    Setting(
      "nats.password", \.nats.password, orNone(.secret),
      "The password; better in nats.password_file or the variable. The URL names the user.",
      needsRestart: true),
    .file(
      "nats.password_file", \.nats.passwordFile,
      "A file with the password on its first line."),
    Setting(
      "nats.token", \.nats.token, orNone(.secret),
      "A token in place of user and password; better in nats.token_file or the variable.",
      needsRestart: true),
    .file(
      "nats.token_file", \.nats.tokenFile,
      "A file with the token on its first line."),
    .file(
      "nats.nkey_file", \.nats.keyFile,
      "A file with the seed of our user's key (SU…) on its first line."),
    .file(
      "nats.creds_file", \.nats.credentialsFile,
      "A file of credentials, as nsc writes it: a user's JWT and the seed of its key."),
  ]
}

extension RouteTarget {
  /// Logins that exclude each other, and subjects that can't be.
  func natsProblems(_ address: NATSAddress, at path: String) -> [KeyProblem] {
    var problems: [KeyProblem] = []
    let passwords = [address.password, nats.password, nats.passwordFile].count { $0 != nil }
    let tokens = [address.token, nats.token, nats.tokenFile].count { $0 != nil }
    let isUser = passwords > 0
    // A user without a password in the URL looks like a token: that is right with a password elsewhere.
    let namesUser = address.token != nil && address.password == nil && isUser
    let logins = [
      isUser, tokens > (namesUser ? 1 : 0), nats.keyFile != nil, nats.credentialsFile != nil,
    ].count { $0 }
    if passwords > 1 || tokens > 1 || logins > 1 {
      problems.append(
        KeyProblem(
          "\(path).nats",
          "who we are is said in several ways; leave one of the URL, nats.password(_file), "
            + "nats.token(_file), nats.nkey_file and nats.creds_file"))
    }
    if isUser, address.password == nil, address.token == nil {
      problems.append(
        KeyProblem("\(path).nats.password", "has no user; name it in the URL: nats://USER@HOST"))
    }
    let subject = (address.subject ?? nats.subject).replacing("{route}", with: name)
      .replacing("{lane}", with: "0")
    if !Self.isSubject(subject) {
      problems.append(
        KeyProblem(
          "\(path).nats.subject",
          "'\(subject)' is no subject to publish on: words with dots between them, without spaces, "
            + "'*' and '>'"))
    }
    if !Self.isSubject(nats.inboxPrefix) {
      problems.append(
        KeyProblem("\(path).nats.inbox_prefix", "'\(nats.inboxPrefix)' is no subject"))
    }
    if let header = nats.keyHeader, !Self.isHeader(header) {
      problems.append(
        KeyProblem(
          "\(path).nats.key_header",
          "'\(header)' is no header's name, or one of the server's own (Nats-…)"))
    }
    return problems
  }

  private static func isSubject(_ text: String) -> Bool {
    text.utf8.allSatisfy {
      $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: ">")
    }
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
  }

  private static func isHeader(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: ":") }
      && !text.lowercased().hasPrefix("nats-")
  }
}
