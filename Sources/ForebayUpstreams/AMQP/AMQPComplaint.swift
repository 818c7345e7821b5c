package import ForebayWire

/// What a RabbitMQ server closed a channel or the connection for, and what to do about it.
///
/// Only a message that is too large is to blame itself. Everything else an operator can repair, and until
/// then messages wait.
package struct AMQPComplaint: Complaint, Equatable, Sendable {
  /// The reply code of AMQP, such as 404.
  package let code: UInt16
  /// What the server said.
  package let text: String
  /// What to do about it, for the log.
  package let advice: String?

  package init(code: UInt16, _ text: String) {
    self.code = code
    self.text = text
    advice = Self.advice(code, text)
  }

  // Above 255, where upstreams' codes begin; 800 is AMQP's hundred.
  /// No queue was bound for it: it came back.
  package static let unroutable = MessageCode(rawValue: 800)
  /// It is larger than the server takes (`max_message_size`).
  package static let tooLarge = MessageCode(rawValue: 801)
  /// With its key the routing key would be longer than the 255 bytes that AMQP allows.
  package static let keyTooLong = MessageCode(rawValue: 802)
  /// Its headers don't fit into one frame (`frame_max`).
  package static let headersTooLarge = MessageCode(rawValue: 803)

  /// How large the message was that was too large; nil for every other complaint.
  var messageBytes: Int? {
    guard code == 406 || code == 311, let place = text.firstRange(of: "message size ") else {
      return nil
    }
    return Int(text[place.upperBound...].prefix { $0.isASCII && $0.isNumber })
  }

  private static func advice(_ code: UInt16, _ text: String) -> String? {
    switch code {
    case 311, 406:
      text.contains("message size") ? "a message is larger than its max_message_size" : nil
    case 320: "it is shutting down, or an operator closed the connection"
    case 403 where text.contains("Login was refused") || text.contains("login refused"):
      "user or password is wrong, or this user may come from the server's own machine only "
        + "(loopback_users)"
    case 403: "this user lacks the right: rabbitmqctl set_permissions"
    case 404 where text.contains("exchange"):
      "declare the exchange, or name another one in amqp.exchange"
    case 404 where text.contains("queue"):
      "declare the queue, or name another one in amqp.routing_key"
    case 405: "the queue is exclusive to somebody else's connection"
    case 530 where text.contains("limit"): "it has as many connections as it allows"
    case 530: "the virtual host of the URL doesn't exist, or this user may not use it"
    default: nil
    }
  }
}
