/// Which of a name's addresses is tried next, and for how long: one that swallows packets doesn't take
/// the time of those behind it.
package struct ConnectAttempts: Equatable, Sendable {
  /// No address gets less, or a slow network would look like a dead one.
  static let shareMin = TimeSpan.seconds(1)

  private var next = 0
  private let count: Int
  private let deadline: Instant

  package init(addresses count: Int, deadline: Instant) {
    self.count = count
    self.deadline = deadline
  }

  package enum Step: Equatable, Sendable {
    case tryAddress(Int, until: Instant)
    /// None is left, or no time is.
    case giveUp
  }

  /// The first address, or the one after that which failed.
  package mutating func nextStep(now: Instant) -> Step {
    guard next < count, now < deadline else { return .giveUp }
    defer { next += 1 }
    let share = deadline.since(now) / UInt64(count - next)
    return .tryAddress(next, until: min(deadline, now + max(share, Self.shareMin)))
  }
}
