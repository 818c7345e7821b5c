import ForebayWire

/// The space of one route: how much is granted or held, and what is left to grant.
///
///     free = B − K − Σ(open + held) ≥ 0, in bytes and in messages
///
/// This is the no-overflow rule: credit is carved out of `free` before it is told to anybody, so what
/// clients may send always fits. Who gets how much is `Sidecar+Granting`'s business. When B is made
/// smaller, what is promised beyond it stays good: it is `excess` until it has come back.
package struct CreditPool {
  /// B: the route's share of memory and messages.
  package private(set) var capacity: Cost
  /// K: kept back for control; never granted.
  package private(set) var controlReserve: Cost
  /// What was promised when B was larger and is still out. It only shrinks, until B changes again:
  ///
  ///     open + held + K ≤ B + excess
  package private(set) var excess = Cost.zero
  /// Credit issued and not yet used.
  package private(set) var open = Cost.zero
  /// Messages accepted and not yet settled.
  package private(set) var held = Cost.zero
  package private(set) var heldPeak = Cost.zero

  package init(capacity: Cost, controlReserve: Cost) {
    invariant(controlReserve.fits(in: capacity), "the control reserve lies within the capacity")
    self.capacity = capacity
    self.controlReserve = controlReserve
  }

  /// B changes. A larger one is there at once, a smaller one as space returns.
  package mutating func resize(to capacity: Cost, controlReserve: Cost) {
    invariant(controlReserve.fits(in: capacity), "the control reserve lies within the capacity")
    self.capacity = capacity
    self.controlReserve = controlReserve
    excess = (open + held + controlReserve).above(capacity)
  }

  /// What may still be granted.
  package var free: Cost { (capacity - controlReserve).above(open + held) }

  package mutating func grant(_ cost: Cost) {
    invariant(cost.fits(in: free), "no more is granted than is free")
    open += cost
  }

  /// Credit came back unused: a connection ended or a reclaim was answered.
  package mutating func revoke(_ cost: Cost) {
    open -= cost
    if !excess.isZero { lowerExcess() }
  }

  /// Messages arrived within credit.
  package mutating func hold(_ cost: Cost) {
    open -= cost
    held += cost
    heldPeak = heldPeak.greater(held)
  }

  /// Messages were settled.
  package mutating func release(_ cost: Cost) {
    held -= cost
    if !excess.isZero { lowerExcess() }
  }

  @inline(never)
  private mutating func lowerExcess() {
    excess = excess.lesser((open + held + controlReserve).above(capacity))
  }
}
