/// What is sent to a Kafka cluster, where the URL doesn't say it.
package struct KafkaSettings: Equatable, Sendable {
  package enum Keyless: String, Sendable, CaseIterable { case session, spread }
  package enum Compression: String, Sendable, CaseIterable { case none, gzip, snappy, lz4, zstd }

  package var topic = "forebay"
  package var idHeader: String? = "forebay-id"
  package var keyless = Keyless.session
  package var compression = Compression.none
  package var mechanism = "PLAIN"
  package var password: String?
  package var passwordFile: String?
  package var options: [KafkaProperty] = []
  package init() {}

  static let topicBytesMax = 249

  static let rows: [Setting<RouteTarget>] = [
    Setting(
      "kafka.topic", \.kafka.topic, .text(longest: topicBytesMax),
      "The topic of a kafka upstream; {route} and {lane} stand for their names.",
      needsRestart: true),
    Setting(
      "kafka.id_header", \.kafka.idHeader, orNone(.text(longest: 64)),
      "The header by which readers tell repetitions apart: the same for every attempt of a message.",
      needsRestart: true),
    Setting(
      "kafka.keyless", \.kafka.keyless, .choice,
      "Where messages without a key go: those of a session to one partition, in order, or anywhere.",
      needsRestart: true),
    Setting(
      "kafka.compression", \.kafka.compression, .choice, "How batches are compressed.",
      needsRestart: true),
    Setting(
      "kafka.sasl_mechanism", \.kafka.mechanism, .text(longest: 64),
      "How user and password are shown: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512.", needsRestart: true),
    Setting(
      "kafka.password", \.kafka.password, orNone(.secret),
      "The password; better in kafka.password_file or the variable.", needsRestart: true),
    .file(
      "kafka.password_file", \.kafka.passwordFile,
      "A file with the password on its first line."),
    Setting(
      "kafka.options", \.kafka.options, list(of: .kafkaProperty),
      "What librdkafka is told besides, by its own names, each NAME=VALUE.", needsRestart: true),
  ]
}

/// A property of librdkafka, as `NAME=VALUE`.
package struct KafkaProperty: Equatable, Sendable {
  package var name: String
  package var value: String

  /// Whose value nobody is shown.
  var isSecret: Bool {
    ["password", "secret", "pem", "config"].contains { name.contains($0) }
  }
}

extension Form where Value == KafkaProperty {
  static var kafkaProperty: Form {
    Form(
      look: FormLook(
        kind: "option", range: "NAME=VALUE",
        schema: [
          JSON.Field("type", .text("string")), JSON.Field("pattern", .text("^[a-z0-9._]+=.*$")),
        ]),
      read: { (written: Written) throws(FormProblem) -> KafkaProperty in
        let text = try written.text
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else {
          throw FormProblem("has a property without a value; write NAME=VALUE")
        }
        let property = KafkaProperty(name: String(parts[0]), value: String(parts[1]))
        if let instead = KafkaRefusals.instead(of: property.name) {
          throw FormProblem("can't have '\(property.name)': \(instead)")
        }
        return property
      },
      print: { YAMLText.printed($0.isSecret ? "\($0.name)=***" : "\($0.name)=\($0.value)") })
  }
}

/// Properties that would break what we promise, or that are said elsewhere, and where.
enum KafkaRefusals {
  static func instead(of name: String) -> String? {
    if let text = exact[name] { return text }
    if name.hasPrefix("queue.buffering.max.messages") || name == "queue.buffering.max.kbytes" {
      return "the library's queue is as long as what may be in flight; set in_flight.messages or "
        + "in_flight.bytes"
    }
    if name.hasPrefix("test.mock.") { return "it would send to nowhere" }
    return nil
  }

  private static let exact: [String: String] = {
    var table: [String: String] = [:]
    func refuse(_ names: [String], _ text: String) { for name in names { table[name] = text } }
    refuse(
      ["acks", "request.required.acks"],
      "delivered means that every in-sync replica has it, so it is 'all'; leave it out")
    refuse(
      ["enable.idempotence", "enable.gapless.guarantee"],
      "order rests on it, so it is set; leave it out")
    refuse(
      ["message.timeout.ms", "delivery.timeout.ms"],
      "how long an attempt may take is attempt_timeout")
    refuse(
      ["message.send.max.retries", "retries"],
      "the library repeats until attempt_timeout; leave it out")
    refuse(["transactional.id"], "messages aren't sent in transactions; leave it out")
    refuse(["bootstrap.servers", "metadata.broker.list"], "the brokers stand in the URL")
    refuse(
      ["security.protocol"],
      "the URL says it: kafkas:// is TLS, and a user or kafka.sasl_mechanism is SASL")
    refuse(
      ["sasl.mechanisms", "sasl.mechanism"], "set kafka.sasl_mechanism")
    refuse(["sasl.username"], "the user stands in the URL")
    refuse(
      ["sasl.password"], "it would be seen; set kafka.password_file or FOREBAY_KAFKA_PASSWORD")
    refuse(["ssl.ca.location"], "set tls.ca_file")
    refuse(["ssl.certificate.location"], "set tls.cert_file")
    refuse(["ssl.key.location"], "set tls.key_file")
    refuse(
      ["enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm"],
      "set tls.verify")
    refuse(["compression.codec", "compression.type"], "set kafka.compression")
    refuse(
      ["delivery.report.only.error"], "without every report no message would ever be delivered")
    refuse(["statistics.interval.ms"], "nobody reads them; see 'forebayctl show links'")
    refuse(["log.queue"], "its log goes into ours; leave it out")
    refuse(["plugin.library.paths"], "a plug-in could change what is sent; leave it out")
    return table
  }()
}

extension RouteTarget {
  func kafkaProblems(_ address: KafkaAddress, at path: String) -> [KeyProblem] {
    let places = [address.password, kafka.password, kafka.passwordFile]
    var problems = Self.passwordProblems("kafka", places, at: path)
    if address.user == nil, places.contains(where: { $0 != nil }) {
      problems.append(
        KeyProblem("\(path).kafka.password", "means nothing without a user; name one in the URL"))
    }
    if tls.serverName != nil {
      problems.append(
        KeyProblem(
          "\(path).tls.server_name",
          "a cluster's brokers have names of their own, which are the ones that are checked; leave "
            + "it out"))
    }
    return problems
  }
}
