/// The systems that messages go to, by a native client and through forebayd.
enum UpstreamKind: String, CaseIterable, Sendable {
  case redis, nats, amqp, kafka, http

  var title: String {
    switch self {
    case .redis: "Redis Streams"
    case .nats: "NATS JetStream"
    case .amqp: "RabbitMQ"
    case .kafka: "Kafka"
    case .http: "HTTP batches"
    }
  }

  /// Messages without a confirmation, at most, for both.
  var window: Int { self == .http ? Self.httpConnections * Self.httpBatch : 4096 }
  static let httpConnections = 16
  static let httpBatch = 100

  var nativeProgram: String { "out/native-\(rawValue)" }

  /// What is asked of the native client's writer, for readers.
  var nativeTitle: String {
    switch self {
    case .redis: "hiredis, XADD pipelined on one connection"
    case .nats: "the text protocol written by hand, one connection"
    case .amqp: "rabbitmq-c, publisher confirms on one channel"
    case .kafka: "librdkafka, idempotent producer"
    case .http:
      "libcurl's multi interface, \(Self.httpConnections) connections, \(Self.httpBatch) "
        + "messages a request"
    }
  }
}
