import ForebayCore

/// An open loop's plan: the messages of all clients are due one after the other at an even pace,
/// the clients taking turns, whatever happens to the messages before.
///
/// Latency is measured from the moment that this plan names, so that a stall counts for every
/// message that it delayed and not just for the one that met it ("coordinated omission").
struct LoadSchedule: Equatable, Sendable {
  let start: Instant
  let clients: Int
  /// Between two messages, in nanoseconds.
  let gap: Double

  init(start: Instant, clients: Int, perSecond rate: Double) {
    self.start = start
    self.clients = clients
    gap = 1e9 / rate
  }

  /// How many messages of all clients are due.
  func due(now: Instant) -> UInt64 { UInt64(Double(now.since(start).nanoseconds) / gap) }

  /// How many messages of one client are due.
  func due(client: Int, now: Instant) -> UInt64 {
    let total = due(now: now)
    return total > UInt64(client) ? (total - UInt64(client) - 1) / UInt64(clients) + 1 : 0
  }

  func instant(of sequence: UInt64, client: Int) -> Instant {
    let turn = (sequence - 1) * UInt64(clients) + UInt64(client) + 1
    return start + .nanoseconds(UInt64(Double(turn) * gap))
  }
}
