package import ForebayWire

/// What a Redis server complains of, and what that means for the messages.
///
/// Only what is the message's own fault rejects it. Whatever an operator can repair (rights, a key of
/// another type, a cluster) keeps the messages: they wait behind the breaker until it is repaired.
package struct RedisComplaint: Complaint, Equatable, Sendable {
  package enum Meaning: Equatable, Sendable {
    /// "Slow down": it works, and has no room or time now.
    case throttled
    /// It can't do it now, or isn't allowed to.
    case failed
    /// The same, and another connection may lead to a server that can: a failover moves names.
    case failedHere
    /// This message will never be taken.
    case rejected
  }

  package let meaning: Meaning
  /// What the server said.
  package let text: String
  /// What to do about it, for the log.
  package let advice: String?

  package init(_ text: String) {
    self.text = text
    (meaning, advice) = Self.judge(text)
  }

  /// Above 255, where upstreams' codes begin: the message is larger than the server takes
  /// (`proto-max-bulk-len`).
  package static let tooLarge = MessageCode(rawValue: 512)

  private static func judge(_ text: String) -> (Meaning, String?) {
    switch text.prefix(while: { $0 != " " }) {
    case "OOM":
      (
        .throttled,
        "its memory is full (maxmemory): set redis.maxlen, trim the stream, or give it more"
      )
    case "LOADING": (.throttled, "it is loading its data")
    case "BUSY": (.throttled, "a script is running for too long: SCRIPT KILL ends it")
    case "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN": (.failed, nil)
    case "NOREPLICAS":
      (.failed, "it wants more replicas than are connected (min-replicas-to-write)")
    case "MISCONF": (.failed, "it can't write to its disk, and refuses writes until it can")
    case "READONLY": (.failedHere, "it is a replica: name the primary")
    case "MOVED", "ASK", "CROSSSLOT":
      (
        .failedHere,
        "it is a node of a Redis Cluster and another one has this key: name that node; "
          + "following a cluster isn't supported"
      )
    case "NOAUTH": (.failedHere, "it wants a password: redis.password or redis.password_file")
    case "WRONGPASS": (.failedHere, "user or password is wrong")
    case "NOPERM": (.failedHere, "its ACL doesn't allow this user XADD on this key")
    case "WRONGTYPE":
      (.failed, "the key isn't a stream: name another one in redis.stream, or delete it")
    case "ERR": judgeGeneral(text)
    default: (.failed, nil)
    }
  }

  /// `-ERR` is for everything without a word of its own.
  private static func judgeGeneral(_ text: String) -> (Meaning, String?) {
    if text.contains("invalid bulk length") || text.contains("proto-max-bulk-len") {
      return (.rejected, "a message is larger than proto-max-bulk-len allows")
    }
    if text.contains("unknown command") { return (.failed, "it is older than Redis 5") }
    if text.contains("DB index") || text.contains("SELECT is not allowed") {
      return (.failedHere, "it has no such database")
    }
    if text.contains("AUTH") { return (.failedHere, "a password is given and it wants none") }
    if text.contains("max number of clients") {
      return (.throttled, "it has too many clients (maxclients)")
    }
    return (.failed, nil)
  }
}
