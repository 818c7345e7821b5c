/// What is published to NATS servers, and as whom.
package struct NATSOptions: Equatable, Sendable {
  /// `{route}` and `{lane}` stand for the route's name and the message's lane.
  package var subject = "forebay"
  /// The header that has a message's key; nil: none.
  package var keyHeader: String? = "Forebay-Key"
  /// So many messages of a session's lane are out at once at most, each naming its predecessor; 1: one
  /// at a time, and none names anything.
  package var chainMax = NATSUpstream.callMessagesMax
  /// Answers come to subjects below it.
  package var inboxPrefix = "_INBOX"
  package var login = NATSLogin.none
  /// The URL asks for TLS.
  package var isEncrypted = false
  package init() {}

  static func subject(_ template: String, route: String, lane: Int) -> String {
    template.replacing("{route}", with: route).replacing("{lane}", with: "\(lane)")
  }
}
