/// Where a Kafka cluster is asked for its brokers, and as whom we come:
///
///     kafka[s]://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][/TOPIC]
package struct KafkaAddress: Equatable, Sendable {
  package struct Broker: Equatable, Sendable {
    package var host: String
    package var port: UInt16
  }

  package var brokers: [Broker]
  package var isEncrypted: Bool
  package var user: String?
  package var password: String?
  /// In place of `kafka.topic`.
  package var topic: String?

  static let standardPort: UInt16 = 9092

  /// `rest` is what follows the scheme's colon.
  init(scheme: String, _ rest: String) throws(UpstreamAddress.Problem) {
    isEncrypted = scheme == "kafkas"
    // Everything but the list of brokers is as in every URL.
    let end =
      rest.dropFirst(2).firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    var places = rest[..<end].split(separator: ",", omittingEmptySubsequences: false)
    // A comma in a password would part it; it is written as %2C.
    let first = try URLParts(String(places.removeFirst()) + rest[end...])
    user = first.user
    password = first.password
    brokers = [try Self.broker(first)]
    for place in places {
      guard !place.contains("@") else {
        throw .partInvalid(
          "user and password stand before the first broker; a ',' is written as %2C")
      }
      brokers.append(try Self.broker(try URLParts("//" + place)))
    }
    if let other = first.query.first {
      throw .partInvalid(
        "'\(other.name)' is nothing that this URL can say; what isn't in it is in settings below kafka"
      )
    }
    let name = String(first.path.dropFirst())
    topic = name.isEmpty ? nil : name
    if let topic { try Self.check(topic) }
  }

  private static func broker(_ parts: URLParts) throws(UpstreamAddress.Problem) -> Broker {
    guard !parts.host.isEmpty else { throw .pathMissing }
    return Broker(host: parts.host, port: parts.port ?? standardPort)
  }

  private static func check(_ topic: String) throws(UpstreamAddress.Problem) {
    let isName = topic.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"), UInt8(ascii: "{"), UInt8(ascii: "}"):
        true
      default: false
      }
    }
    guard isName, topic.utf8.count <= KafkaSettings.topicBytesMax else {
      throw .partInvalid(
        "a topic's name has up to \(KafkaSettings.topicBytesMax) letters, digits, '.', '_' and '-'")
    }
  }

  package var bootstrap: String {
    brokers.map { "\($0.host.contains(":") ? "[\($0.host)]" : $0.host):\($0.port)" }.joined(
      separator: ",")
  }

  /// The password is never shown.
  package var description: String {
    let who = user.map(URLParts.encoded) ?? ""
    let login = password != nil ? "\(who):***@" : user != nil ? "\(who)@" : ""
    return "kafka\(isEncrypted ? "s" : "")://\(login)\(bootstrap)" + (topic.map { "/\($0)" } ?? "")
  }
}
