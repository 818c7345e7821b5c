package import ForebayCore

/// Where messages go in a RabbitMQ server, and as whom we come.
package struct AMQPOptions: Equatable, Sendable {
  /// Nil: the default exchange, where a routing key is a queue's name.
  package var exchange: String?
  /// `{route}`, `{lane}` and `{key}` stand for the route's name, the message's lane and its key.
  package var routingKey = "forebay"
  /// Written to disk by durable queues.
  package var isPersistent = true
  /// What is proposed; zero: none.
  package var heartbeat = TimeSpan.seconds(30)
  package var virtualHost = "/"
  package var user = "guest"
  package var password = "guest"
  /// Who we are is said by our certificate, where the server takes that.
  package var prefersCertificate = false
  package init() {}

  /// The one queue that all messages go to, where that can be told beforehand.
  func queue(route: String) -> String? {
    guard exchange == nil, !routingKey.contains("{key}"), !routingKey.contains("{lane}") else {
      return nil
    }
    let name = routingKey.replacing("{route}", with: route)
    // Beyond that it is no name in AMQP, and its messages are rejected one by one.
    return name.utf8.count <= 255 ? name : nil
  }
}
