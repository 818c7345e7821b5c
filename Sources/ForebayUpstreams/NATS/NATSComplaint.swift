package import ForebayWire

/// What a NATS server complains of, and what that means for the messages.
///
/// Only what is the message's own fault rejects it. Whatever an operator can repair (no stream, rights,
/// JetStream that isn't on) keeps the messages: they wait behind the breaker until it is repaired.
package struct NATSComplaint: Complaint, Equatable, Sendable {
  package enum Meaning: Equatable, Sendable {
    /// "Slow down": it works, and has no room or time now.
    case throttled
    /// It can't do it now, or isn't allowed to.
    case failed
    /// The message before it isn't the stream's last one.
    case broken
    /// This message will never be taken.
    case rejected
  }

  package let meaning: Meaning
  /// What the server said.
  package let text: String
  /// What to do about it, for the log.
  package let advice: String?

  /// Above 899, where NATS' codes begin: larger than the server takes (`max_payload`).
  package static let overPayload = MessageCode(rawValue: 900)
  /// Larger than the stream takes (`max_msg_size`), or its headers than JetStream does.
  package static let overStream = MessageCode(rawValue: 901)

  /// The code of "wrong last msg ID".
  static let wrongLastID = 10070

  /// An error in the answer to a message.
  package init(code: Int, _ text: String) {
    self.text = text.isEmpty ? "error \(code)" : text
    (meaning, advice) = Self.judge(code, text)
  }

  private init(_ meaning: Meaning, _ text: String, _ advice: String?) {
    self.meaning = meaning
    self.text = text
    self.advice = advice
  }

  private static func judge(_ code: Int, _ text: String) -> (Meaning, String?) {
    switch code {
    case _ where rejects(code): (.rejected, code == 10054 ? "the stream's max_msg_size" : nil)
    case wrongLastID: (.broken, nil)
    case 10077 where text.hasPrefix("maximum"):
      (
        .throttled,
        "the stream is full and refuses what is new: let consumers acknowledge, purge it, or give "
          + "it more"
      )
    case 10002, 10120: (.throttled, "the account has used up what it may store")
    case 10023, 10028, 10047: (.throttled, "JetStream has used up its memory or disk")
    case 10167: (.throttled, nil)
    case 10039: (.failed, "JetStream isn't on for this account")
    case 10076: (.failed, "JetStream isn't on: start the server with it")
    case 10109: (.failed, "the stream is sealed: it takes no more messages, ever")
    default: (.failed, nil)
    }
  }

  /// Whether it is the message's own fault.
  static func rejects(_ code: Int) -> Bool { code == 10054 || code == 10097 }

  /// A message that isn't sent, since the server would close the connection over it.
  static func overPayload(_ limit: Int) -> NATSComplaint {
    NATSComplaint(
      .rejected, "a message and its headers have more than \(limit) bytes (max_payload)", nil)
  }

  /// A status in place of an answer.
  static func status(_ code: Int, _ text: String, subject: String) -> NATSComplaint {
    guard code == 503 else {
      return NATSComplaint(.failed, "status \(code)\(text.isEmpty ? "" : " \(text)")", nil)
    }
    return NATSComplaint(
      .failed, "no stream takes '\(subject)'",
      "make a stream with this subject, or set nats.subject; is JetStream on, and does its cluster "
        + "have a leader?")
  }

  /// Somebody else than JetStream has answered.
  static func noAck(subject: String) -> NATSComplaint {
    NATSComplaint(
      .failed, "something else than JetStream answers on '\(subject)'",
      "no other program may answer there")
  }

  // MARK: -ERR

  /// What ends the connection, or should: `-ERR '…'`.
  static func error(_ text: String) -> NATSComplaint {
    let lower = text.lowercased()
    func says(_ words: String) -> Bool { lower.contains(words) }
    if says("maximum connections") || says("maximum account") {
      return NATSComplaint(.throttled, text, "it has too many clients")
    }
    return NATSComplaint(.failed, text, advice(on: lower))
  }

  private static func advice(on text: String) -> String? {
    for (words, advice) in [
      ("authorization violation", "user, password, token or key is wrong, or missing"),
      ("authentication", "user, password, token or key is wrong, missing, or has expired"),
      ("permissions violation for publish", "its user may not publish on nats.subject"),
      ("permissions violation for subscription", "its user may not subscribe to _INBOX.>"),
      ("maximum payload", "max_payload was made smaller"),
      ("tls required", "write nats+tls:// in the URL"),
    ] where text.contains(words) {
      return advice
    }
    return nil
  }
}
