package import ForebayCore

/// What is sent to a RabbitMQ server, where the URL doesn't say it.
package struct AMQPSettings: Equatable, Sendable {
  /// Nil for the default exchange.
  package var exchange: String?
  package var routingKey = "forebay"
  package var isPersistent = true
  package var heartbeat = TimeSpan.seconds(30)
  package var password: String?
  package var passwordFile: String?
  package init() {}

  /// AMQP counts heartbeats in seconds, in 16 bits.
  private static let heartbeatMax = TimeSpan.seconds(3600)

  static let rows: [Setting<RouteTarget>] = [
    Setting(
      "amqp.exchange", \.amqp.exchange, orNone(.text(longest: AMQPAddress.nameBytesMax)),
      "The exchange that an amqp upstream publishes to; none: the default one, where the routing "
        + "key is a queue's name.", needsRestart: true),
    Setting(
      "amqp.routing_key", \.amqp.routingKey, .text(longest: AMQPAddress.nameBytesMax),
      "The routing key; {route}, {lane} and {key} stand for the route's name, the message's lane "
        + "and its key.", needsRestart: true),
    Setting(
      "amqp.persistent", \.amqp.isPersistent, .yesOrNo,
      "Durable queues write messages to their disk before they confirm them.", needsRestart: true),
    Setting(
      "amqp.heartbeat", \.amqp.heartbeat, .time(.zero...heartbeatMax),
      "What is proposed for heartbeats, in whole seconds; 0s: none. The server may want less.",
      needsRestart: true),
    Setting(
      "amqp.password", \.amqp.password, orNone(.secret),
      "The password; better in amqp.password_file or the variable.", needsRestart: true),
    .file(
      "amqp.password_file", \.amqp.passwordFile,
      "A file with the password on its first line."),
  ]
}
