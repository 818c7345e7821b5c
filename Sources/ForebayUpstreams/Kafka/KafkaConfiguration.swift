import CKafka
import ForebayTLS

/// What the library is told: what makes our guarantees true, what suits a sidecar, and then whatever the
/// operator wrote for it. ForebayConfig refuses what would break the first.
///
/// It is made at the start, so that a property which the library doesn't know is found there, and copied
/// for each producer.
final class KafkaConfiguration {
  struct Failure: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  let raw: OpaquePointer

  /// How batches are made.
  enum Batching {
    /// As the library does best. **A batch that is refused stops the producer** (`gapless`): nothing
    /// that comes behind it in its partition is taken, so order holds when all of it goes again.
    case whole
    /// Each message alone, so that it is known which of them is refused; the others go on.
    case alone
  }

  init(
    _ options: KafkaOptions, inFlightMessagesMax: Int, inFlightBytesMax: Int
  ) throws(Failure) {
    raw = rd_kafka_conf_new()
    // `deinit` runs from here on.
    for property in Self.suiting(options) { try set(property) }
    for property in options.properties { try set(property) }
    for property in Self.binding(options) { try set(property) }
    // What is answered and not yet destroyed counts here, too. The core keeps to the limit itself.
    try set(.init("queue.buffering.max.messages", "\(2 * inFlightMessagesMax)"))
    try set(.init("queue.buffering.max.kbytes", "\(max(1, inFlightBytesMax / 512))"))
    rd_kafka_conf_set_events(
      raw, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG)
  }

  private init(copyOf other: KafkaConfiguration) { raw = rd_kafka_conf_dup(other.raw) }

  deinit { if !isTaken { rd_kafka_conf_destroy(raw) } }
  private var isTaken = false

  /// `rd_kafka_new` owns it now.
  func taken() { isTaken = true }

  func copy(_ batching: Batching) throws(Failure) -> KafkaConfiguration {
    let copy = KafkaConfiguration(copyOf: self)
    switch batching {
    case .whole: try copy.set(.init("enable.gapless.guarantee", "true"))
    case .alone:
      try copy.set(.init("enable.gapless.guarantee", "false"))
      try copy.set(.init("batch.num.messages", "1"))
    }
    return copy
  }

  private func set(_ property: KafkaOptions.Property) throws(Failure) {
    var text = [CChar](repeating: 0, count: 512)
    let result = rd_kafka_conf_set(raw, property.name, property.value, &text, text.count)
    guard result != RD_KAFKA_CONF_OK else { return }
    throw Failure(
      description: "kafka: " + String(terminated: text))
  }

  /// What an operator may write otherwise.
  private static func suiting(_ options: KafkaOptions) -> [KafkaOptions.Property] {
    [
      .init("client.id", "forebayd"),
      // With Nagle's algorithm every third run stood still for 40 ms, and some for a second.
      .init("socket.nagle.disable", "true"),
      // The core has made batches already. This is about one turn of its loop.
      .init("linger.ms", "0.5"),
      // A broker that is back is found within a second; the default is ten.
      .init("reconnect.backoff.max.ms", "1000"),
      // It is no news that a broker closes what is idle.
      .init("log.connection.close", "false"),
      .init("compression.type", options.compression),
    ]
  }

  /// What mustn't be otherwise.
  private static func binding(_ options: KafkaOptions) -> [KafkaOptions.Property] {
    var properties: [KafkaOptions.Property] = [
      .init("bootstrap.servers", options.bootstrap),
      .init("enable.idempotence", "true"),
      .init("acks", "all"),
      // Never: the core decides how long an attempt may take, and takes it back then.
      .init("message.timeout.ms", "0"),
      .init("log.queue", "true"),
      .init("statistics.interval.ms", "0"),
    ]
    let isSecured = options.tls != nil
    if let user = options.user {
      properties += [
        .init("security.protocol", isSecured ? "sasl_ssl" : "sasl_plaintext"),
        .init("sasl.mechanisms", options.mechanism), .init("sasl.username", user),
        .init("sasl.password", options.password ?? ""),
      ]
    } else {
      let isLogin = options.mechanism != "PLAIN"
      let plain = isLogin ? "sasl_plaintext" : "plaintext"
      properties.append(
        .init("security.protocol", isSecured ? (isLogin ? "sasl_ssl" : "ssl") : plain))
      // Kerberos and tokens have no user and password.
      if isLogin { properties.append(.init("sasl.mechanisms", options.mechanism)) }
    }
    guard let tls = options.tls else { return properties }
    properties += [
      .init("enable.ssl.certificate.verification", tls.verifies ? "true" : "false"),
      .init("ssl.endpoint.identification.algorithm", tls.verifies ? "https" : "none"),
    ]
    if let file = tls.authorityFile { properties.append(.init("ssl.ca.location", file)) }
    if let file = tls.certificateFile {
      properties.append(.init("ssl.certificate.location", file))
      properties.append(.init("ssl.key.location", tls.keyFile ?? file))
    }
    return properties
  }
}

extension String {
  /// What C wrote into a buffer, up to its null byte.
  init(terminated buffer: [CChar]) {
    self.init(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
