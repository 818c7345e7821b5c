package import ForebayTLS

/// What is sent to a Kafka cluster, and as whom.
package struct KafkaOptions: Equatable, Sendable {
  /// Where it is asked for its brokers: `HOST:PORT,…`.
  package var bootstrap = ""
  /// `{route}` and `{lane}` stand for the route's name and the message's lane.
  package var topic = "forebay"
  /// The header with what tells repetitions apart; nil: none.
  package var idHeader: String? = "forebay-id"
  /// Whether a session's messages without a key go to one partition, which keeps their order.
  package var keepsSessionsTogether = true
  package var user: String?
  package var password: String?
  package var mechanism = "PLAIN"
  package var compression = "none"
  /// Nil for plain text.
  package var tls: TLSOptions?
  /// Of librdkafka, by its own names, in the order in which they were written.
  package var properties: [Property] = []

  package struct Property: Equatable, Sendable {
    package var name: String
    package var value: String
    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package init() {}

  /// The topic of each lane.
  func topics(route: String, lanes: Int) -> [String] {
    (0..<lanes).map {
      topic.replacing("{route}", with: route).replacing("{lane}", with: "\($0)")
    }
  }
}
