/// What is sent to a Redis server, where the URL doesn't say it.
package struct RedisSettings: Equatable, Sendable {
  package var stream = "forebay"
  package var maxLength: UInt64?
  package var payloadField = "data"
  /// Nil for none.
  package var idField: String? = "id"
  package var keyField: String? = "key"
  package var password: String?
  package var passwordFile: String?
  package init() {}

  static let rows: [Setting<RouteTarget>] = [
    Setting(
      "redis.stream", \.redis.stream, .text(longest: 512),
      "The stream that a redis upstream appends to; {route} and {lane} stand for their names.",
      needsRestart: true),
    Setting(
      "redis.maxlen", \.redis.maxLength, orNone(.count(1...1_000_000_000_000, "entries")),
      "Trim the stream to about so many entries; none: never.", needsRestart: true),
    Setting(
      "redis.payload_field", \.redis.payloadField, .text(longest: 64),
      "The field of an entry that has the message.", needsRestart: true),
    Setting(
      "redis.id_field", \.redis.idField, orNone(.text(longest: 64)),
      "The field by which readers tell repetitions apart: the same for every attempt of a message.",
      needsRestart: true),
    Setting(
      "redis.key_field", \.redis.keyField, orNone(.text(longest: 64)),
      "The field that has the message's key, if its sender gave it one.", needsRestart: true),
    Setting(
      "redis.password", \.redis.password, orNone(.secret),
      "The password; better in redis.password_file or the variable.", needsRestart: true),
    .file(
      "redis.password_file", \.redis.passwordFile,
      "A file with the password on its first line."),
  ]
}
