// What operators command.
extension Sidecar {
  /// The operator's hand on a route's breaker.
  package mutating func breakerCommanded(
    _ command: Breaker.OperatorCommand, route index: Int, now: Instant
  ) {
    let route = UInt32(index)
    switch routes[route].breaker.operatorCommanded(command, now: now) {
    case .none, .halfOpened, .probeDue: break
    case .opened: breakerOpened(route)
    case .closed: breakerClosed(route, now: now)
    }
    stir(route)
  }
}
