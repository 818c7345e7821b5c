import ForebayCore

/// The daemon's rate limiter under events from a file.
struct LimiterReplay {
  private let limit: RateLimit
  private var time = ReplayTime()
  /// From the first event on, with a full bucket.
  private var limiter: RateLimiter?

  private enum Kind {
    case take, refund, tick
  }

  init(_ limit: RateLimit) { self.limit = limit }

  /// What is printed after an event.
  mutating func line(_ object: ReplayObject) throws(ReplayProblem) -> String {
    var object = object
    let milliseconds = try object.count("at_ms", "milliseconds")
    let nanoseconds = try object.count("at_ns", "nanoseconds")
    let name = try object.text("event")
    let kind = try Self.kind(name)
    let asked = kind == .tick ? 0 : try object.count("count", "messages") ?? 1
    try object.end(name ?? "take")
    if milliseconds != nil, nanoseconds != nil {
      throw ReplayProblem("give at_ms or at_ns, not both")
    }
    let now =
      if let nanoseconds {
        try time.advance(by: .nanoseconds(nanoseconds))
      } else {
        try time.advance(toMilliseconds: milliseconds)
      }
    let written =
      nanoseconds.map { "\"at_ns\":\($0)" } ?? "\"at_ms\":\(milliseconds ?? 0)"
    return apply(kind, Int(asked), written, now: now)
  }

  private static func kind(_ name: String?) throws(ReplayProblem) -> Kind {
    switch name {
    // What a dispatch is to the breaker.
    case "take", "dispatch", nil: return .take
    case "refund": return .refund
    case "tick": return .tick
    default: throw ReplayProblem("there is no such event; write one of: take, refund, tick")
    }
  }

  private mutating func apply(
    _ kind: Kind, _ count: Int, _ time: String, now: Instant
  ) -> String {
    var limiter = self.limiter ?? RateLimiter(limit, now: now)
    var admitted = "null"
    var wait = "0"
    switch kind {
    case .take:
      switch limiter.take(count, now: now) {
      case .none: admitted = "true"
      case .atLeast(let span): (admitted, wait) = ("false", String(span.nanoseconds))
      case .forever: (admitted, wait) = ("false", "null")
      }
    case .refund: limiter.refund(count)
    case .tick: break
    }
    self.limiter = limiter
    return "{\(time),\"admitted\":\(admitted),\"wait_ns\":\(wait),"
      + "\"available\":\(limiter.available(now: now))}"
  }
}
