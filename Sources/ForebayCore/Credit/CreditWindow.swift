import ForebayWire

/// One connection's window: absolute limits, what has arrived, and what the client was told.
///
///     received ≤ limit, advertised ≤ limit, in both quantities
///
/// Only the daemon counts. Nothing that a client says can raise a limit.
package struct CreditWindow {
  /// L: all that the client may ever send on this connection.
  package private(set) var limit = Cost.zero
  /// R: all that it has sent.
  package private(set) var received = Cost.zero
  /// The limit in the last WINDOW that was written.
  package private(set) var advertised = Cost.zero
  /// A RECLAIM that isn't answered yet.
  package private(set) var reclaim: Reclaiming?
  private var reclaims: UInt32 = 0

  package struct Reclaiming: Equatable {
    package let number: UInt32
    /// L′: what the client is asked to keep to.
    package let limit: Cost
    /// When the connection is closed if no answer came.
    package let deadline: Instant
  }

  package init() {}

  /// Credit not yet used.
  package var open: Cost { limit - received }

  /// The limits to put into a WINDOW: while a reclaim is out, its lower ones.
  package var announced: Cost { reclaim?.limit ?? limit }

  /// How far the client's knowledge lags behind.
  package var unannounced: Cost { announced.above(advertised) }

  package mutating func grant(_ cost: Cost) {
    invariant(reclaim == nil, "nothing is granted while a reclaim is out")
    limit += cost
  }

  package enum OnReceived: Equatable {
    case withinCredit
    /// Don't store it; close the connection.
    case overCredit
  }

  package mutating func received(_ cost: Cost) -> OnReceived {
    guard cost.fits(in: open) || planted(.creditIsNotPoliced) else { return .overCredit }
    received += cost
    return .withinCredit
  }

  package mutating func announced(_ limit: Cost) { advertised = limit }

  /// Asks for what lies above `keep` of unused credit. Returns nil when there is nothing to ask for.
  package mutating func startReclaim(keeping keep: Cost, deadline: Instant) -> Reclaiming? {
    guard reclaim == nil, !open.above(keep).isZero else { return nil }
    reclaims += 1
    reclaim = Reclaiming(
      number: reclaims, limit: received + open.lesser(keep), deadline: deadline)
    return reclaim
  }

  package enum OnReclaimed: Equatable {
    /// This much unused credit is back.
    case returned(Cost)
    /// An answer to nothing that is asked.
    case unexpected
  }

  /// The client keeps to L′ from here on. What it sent before is counted already, since bytes arrive
  /// in order: L = max(L′, R).
  package mutating func reclaimed(number: UInt32) -> OnReclaimed {
    guard let asked = reclaim, asked.number == number else { return .unexpected }
    let sent = planted(.reclaimIgnoresInFlight) ? .zero : received
    let lowered = asked.limit.greater(sent).lesser(limit)
    let returned = limit - lowered
    limit = lowered
    reclaim = nil
    advertised = advertised.lesser(lowered)
    return .returned(returned)
  }
}
