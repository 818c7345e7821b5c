import ForebayCore

/// How many messages may be settled now, at a steady rate.
struct TokenBucket: Sendable {
  /// What may be saved up: enough that a timer of a millisecond doesn't lower the rate.
  static let burstSeconds = 0.01

  private let perNanosecond: Double
  private let burst: Double
  private var tokens: Double
  private var refilled: Instant

  init(perSecond rate: Double, now: Instant) {
    perNanosecond = rate / 1e9
    burst = max(1, rate * Self.burstSeconds)
    tokens = 0
    refilled = now
  }

  /// When a message may be settled again.
  var nextToken: Instant {
    tokens >= 1 ? refilled : refilled + .nanoseconds(UInt64((1 - tokens) / perNanosecond) + 1)
  }

  mutating func take(upTo wanted: Int, now: Instant) -> Int {
    tokens = min(burst, tokens + Double(now.since(refilled).nanoseconds) * perNanosecond)
    refilled = now
    let taken = min(wanted, Int(tokens))
    tokens -= Double(taken)
    return taken
  }
}
