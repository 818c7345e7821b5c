import ForebayCore

/// Connections that came too soon after others of their user. The core bounds how many of each user wait, by
/// the time for which they may, and how many in all.
struct WaitingRoom {
  struct Arrival {
    let due: Instant
    let enter: (Daemon, _ hasWaited: Bool) -> Void
  }

  /// Whoever is due first stands last.
  private var arrivals: [Arrival] = []

  var count: Int { arrivals.count }

  /// Each user's come in order, so of one user's the place is found at once.
  mutating func add(_ arrival: Arrival) {
    let place = arrivals.firstIndex { $0.due <= arrival.due } ?? arrivals.endIndex
    arrivals.insert(arrival, at: place)
  }

  mutating func takeDue(_ now: Instant) -> Arrival? {
    guard let first = arrivals.last, first.due <= now else { return nil }
    return arrivals.removeLast()
  }

  /// Never in the past: what is due and not taken has the next turn.
  func nextDue(_ now: Instant) -> Instant {
    max(arrivals.last?.due ?? .distantFuture, now + .milliseconds(1))
  }
}
