// The line of those that wait for space: principals first come first served, and in each its clients.
extension Sidecar {
  /// To the back of its principal's line; a principal that didn't wait, to the back of the route's.
  mutating func joinWaiting(_ client: UInt32, _ route: UInt32) {
    guard !clients[client].isWaiting else { return }
    let principal = clients[client].principal
    clients[client].isWaiting = true
    clients[client].nextWaiter = none
    let last = principals[principal].lastWaiter
    clients[client].previousWaiter = last
    if last == none {
      principals[principal].firstWaiter = client
    } else {
      clients[last].nextWaiter = client
    }
    principals[principal].lastWaiter = client
    if !principals[principal].isWaiting { chainWaiting(principal, route) }
  }

  mutating func leaveWaiting(_ client: UInt32) {
    guard clients[client].isWaiting else { return }
    clients[client].isWaiting = false
    let principal = clients[client].principal
    let before = clients[client].previousWaiter
    let after = clients[client].nextWaiter
    if before == none {
      principals[principal].firstWaiter = after
    } else {
      clients[before].nextWaiter = after
    }
    if after == none {
      principals[principal].lastWaiter = before
    } else {
      clients[after].previousWaiter = before
    }
    if principals[principal].firstWaiter == none {
      unchainWaiting(principal, clients[client].route)
    }
  }

  mutating func chainWaiting(_ principal: UInt32, _ route: UInt32) {
    principals[principal].isWaiting = true
    let last = routes[route].lastWaiting
    principals[principal].previousWaiting = last
    principals[principal].nextWaiting = none
    if last == none {
      routes[route].firstWaiting = principal
    } else {
      principals[last].nextWaiting = principal
    }
    routes[route].lastWaiting = principal
  }

  mutating func unchainWaiting(_ principal: UInt32, _ route: UInt32) {
    principals[principal].isWaiting = false
    let before = principals[principal].previousWaiting
    let after = principals[principal].nextWaiting
    if before == none {
      routes[route].firstWaiting = after
    } else {
      principals[before].nextWaiting = after
    }
    if after == none {
      routes[route].lastWaiting = before
    } else {
      principals[after].previousWaiting = before
    }
  }
}
