import ForebayCore
import ForebayWire

/// One line of a replay's input: a JSON object whose members are taken one by one, so that what
/// nobody took is known to be a mistake.
struct ReplayObject {
  private var members: [String: JSONValue]

  init(_ line: String) throws(ReplayProblem) {
    guard let value = JSONValue(line), case .object(let members) = value else {
      throw ReplayProblem("isn't one JSON object with each key once")
    }
    // Programs that write events have a null where they have nothing to say.
    self.members = members.filter { $0.value != .null }
  }

  /// Whole numbers up to this are exact in JSON.
  private static let countMax: UInt64 = 1 << 53

  mutating func count(_ key: String, _ unit: String) throws(ReplayProblem) -> UInt64? {
    guard let value = members.removeValue(forKey: key) else { return nil }
    guard let count = value.count, count <= Self.countMax else {
      throw ReplayProblem("\(key) must be a whole number of \(unit), not negative")
    }
    return count
  }

  /// A day is longer than any call or silence can be.
  mutating func milliseconds(_ key: String) throws(ReplayProblem) -> TimeSpan? {
    guard let count = try count(key, "milliseconds") else { return nil }
    guard count <= 86_400_000 else { throw ReplayProblem("\(key) must be at most a day") }
    return .milliseconds(count)
  }

  mutating func text(_ key: String) throws(ReplayProblem) -> String? {
    guard let value = members.removeValue(forKey: key) else { return nil }
    guard case .text(let text) = value else { throw ReplayProblem("\(key) must be a text") }
    return text
  }

  /// A text or a number, as it would be printed.
  mutating func name(_ key: String) throws(ReplayProblem) -> String? {
    switch members.removeValue(forKey: key) {
    case nil: return nil
    case .text(let text): return JSONString.quoted(text)
    case .number(let number):
      guard let count = UInt64(exactly: number), count <= Self.countMax else {
        throw ReplayProblem("\(key) must be a text, or a whole number below 2^53")
      }
      return String(count)
    case .flag, .list, .object, .null:
      throw ReplayProblem("\(key) must be a text or a number")
    }
  }

  /// To be called when everything that means something here was taken.
  func end(_ event: String) throws(ReplayProblem) {
    guard let key = members.keys.sorted().first else { return }
    throw ReplayProblem("\(JSONString.quoted(key)) means nothing for \(event)")
  }
}

/// The time of a replay, as events tell it.
struct ReplayTime {
  /// The core's instant of a file's time zero: what has its result then may have begun a day before.
  static let zero = Instant(nanoseconds: 86_400_000_000_000)

  private(set) var now: Instant?

  /// A longer gap is a wrong unit, or a wrong file. It bounds what a single event can cost, too.
  private static let gapMax = TimeSpan.seconds(366 * 86_400)
  /// Until the year 2255; the core's nanoseconds go further.
  private static let millisecondsMax: UInt64 = 9_000_000_000_000

  mutating func advance(toMilliseconds time: UInt64?) throws(ReplayProblem) -> Instant {
    guard let time else { throw ReplayProblem("at_ms is missing: the time in milliseconds") }
    guard time <= Self.millisecondsMax else {
      throw ReplayProblem("at_ms must be at most \(Self.millisecondsMax)")
    }
    return try advance(by: .milliseconds(time))
  }

  mutating func advance(by sinceZero: TimeSpan) throws(ReplayProblem) -> Instant {
    let time = Self.zero + sinceZero
    if let now {
      guard time >= now else { throw ReplayProblem("its time is before that of the line before") }
      guard time.since(now) <= Self.gapMax else {
        throw ReplayProblem("its time is more than a year after that of the line before")
      }
    }
    now = time
    return time
  }
}
