/// What is sent to a Redis server, and as whom.
package struct RedisOptions: Equatable, Sendable {
  /// `{route}` and `{lane}` stand for the route's name and the message's lane.
  package var stream = "forebay"
  /// The stream is trimmed to about so many entries; nil: never.
  package var maxLength: UInt64?
  /// Where an entry has the payload.
  package var payloadField = "data"
  /// Where it has what tells repetitions apart; nil: nowhere.
  package var idField: String? = "id"
  /// Where it has the message's key, if it has one; nil: nowhere.
  package var keyField: String? = "key"
  package var user: String?
  package var password: String?
  package var database: UInt32 = 0
  package init() {}
}
