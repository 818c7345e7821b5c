/// When to tell the daemon that the next frame doesn't fit: after 200 ms, then at doubling waits up
/// to 5 s. A lost wake-up on the daemon's side thus costs seconds, never for ever.
package struct BlockedProbe: Sendable {
  static let firstWait = Nanoseconds.milliseconds(200)
  static let longestWait = Nanoseconds.milliseconds(5_000)

  private enum State {
    /// The next frame fits, or there is none. Can transition to: waiting.
    case clear
    /// The next frame doesn't fit. Can transition to: clear.
    case waiting(since: Nanoseconds, wait: Nanoseconds, deadline: Nanoseconds)
  }
  private var state = State.clear
  private var blockedBefore: Nanoseconds = 0

  package init() {}

  package var deadline: Nanoseconds? {
    switch state {
    case .clear: return nil
    case .waiting(_, _, let deadline): return deadline
    }
  }

  package var isBlocked: Bool { deadline != nil }

  /// All time that a frame has waited for credit, up to `now`.
  package func blockedTime(now: Nanoseconds) -> Nanoseconds {
    switch state {
    case .clear: return blockedBefore
    case .waiting(let since, _, _): return blockedBefore + now.since(since)
    }
  }

  mutating func frameBlocked(now: Nanoseconds, jitter: inout Jitter) {
    guard !isBlocked else { return }
    state = .waiting(
      since: now, wait: Self.firstWait,
      deadline: now.after(Self.spread(Self.firstWait, &jitter)))
  }

  mutating func frameFits(now: Nanoseconds) {
    blockedBefore = blockedTime(now: now)
    state = .clear
  }

  /// Whether BLOCKED is due; if so, the next wait begins.
  mutating func timePassed(now: Nanoseconds, jitter: inout Jitter) -> Bool {
    guard case .waiting(let since, let wait, let deadline) = state, now >= deadline else {
      return false
    }
    let longer = min(wait * 2, Self.longestWait)
    state = .waiting(
      since: since, wait: longer, deadline: now.after(Self.spread(longer, &jitter)))
    return true
  }

  private static func spread(_ wait: Nanoseconds, _ jitter: inout Jitter) -> Nanoseconds {
    // Always later: the daemon counts what comes more often than these times.
    wait + jitter.below(wait / 8)
  }
}
