import ForebayCore
import ForebayUV
import Glibc

/// A forebayd as it comes, in front of a sink, and what is known of it.
struct HostileStand {
  let place: RunPlace
  /// The buffers and a quarter, and 32 MiB: what any load may make of it.
  static let anonymousBytesMax: UInt64 = (64 << 20) * 5 / 4 + (32 << 20)

  static func start(
    _ name: String, _ daemon: String, in directory: String, _ children: Children
  ) throws -> HostileStand {
    let place = try RunPlace.make(name, in: directory)
    _ = try children.start("sink", [pathOfThisProgram(), "sink", place.sink])
    try children.waitForSocket(place.sink)
    _ = try children.start(
      "forebayd",
      [
        daemon, "--socket", place.socket, "--admin-socket", place.admin, "--upstream",
        "forebay+unix:\(place.sink)", "--log-level", "error",
      ])
    try children.waitForSocket(place.socket)
    return HostileStand(place: place)
  }

  /// `body` while an attack goes on, which has begun before.
  func attacked<Value>(
    by attack: Attack, for span: TimeSpan, _ body: () throws -> Value
  ) throws -> Value {
    let attackers = try Children()
    _ = try attackers.start(
      attack.title, [pathOfThisProgram(), "attack", attack.rawValue, place.socket])
    usleep(useconds_t(attack.lead(before: span).nanoseconds / 1_000))
    let outcome = Result { try body() }
    _ = try attackers.end()
    return try outcome.get()
  }

  private var state: JSONValue? { AdminQuestion.askJSON("show state", at: place.admin) }

  var longestCallbackMicroseconds: UInt64? { state?["longest_callback_us"]?.count }

  var anonymousBytes: UInt64? { state?["memory"]?["rss_anonymous_bytes"]?.count }

  /// Connections that the daemon has ended, by the names of their reasons.
  var closures: [String: UInt64] {
    guard case .object(let fields) = state?["closed"] else { return [:] }
    return fields.compactMapValues(\.count)
  }
}
