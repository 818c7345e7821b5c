import ForebayWire

// New settings for the running core. Nothing that was promised is taken back:
//
//     granted credit stays      what is held stays      what a timer has begun ends as it began
extension Sidecar {
  /// What differs between two configurations and needs a restart, in words for the operator: routes
  /// that come or go, their order and kind of upstream, the largest frame, the overhead, the nursery.
  /// Empty when `reconfigure` can do all of it. Upstreams' addresses are the shell's to compare.
  package static func needsRestart(from old: Settings, to new: Settings) -> [String] {
    old.needsRestart(for: new)
  }

  /// Goes on under `new`, which is complete, with upstream traits as the shell gives them. What needs a
  /// restart stays as it was, and everything else takes effect at once, as far as it can without
  /// revoking anything:
  ///
  /// - A smaller buffer or window takes effect as space returns. A larger one, a share, a weight or a
  ///   rate counts from the next grant or dispatch on. Idle credit may be asked back, by the handshake.
  /// - A breaker keeps its state, its waits and what it has counted, under the new thresholds. A
  ///   recovery under way ends as it began.
  /// - Timeouts count from the same beginnings; a heartbeat binds new connections, since it was told.
  /// - Classes are known by name, and `clientConnected` takes indices of `new.classes` from here on. A
  ///   class that is gone is kept, as it was, for those of its users who are still here. A user who
  ///   connects in another class than before moves there with all that is held.
  ///
  /// Returns what forbids it, by the places in `new`; then nothing has changed. Call `turnEnded`
  /// afterwards.
  package mutating func reconfigure(_ new: Settings, now: Instant) -> [SettingProblem] {
    let problems = new.problems()
    guard problems.isEmpty else { return problems }
    var next = settings.reloaded(with: new)
    let conflicts = next.conflicts(from: new)
    guard conflicts.isEmpty else { return conflicts }
    next.classes = replaceClasses(with: new.classes, now: now)
    // What an operator has commanded stays until the setting itself changes.
    if next.limits.connectionsMax != limits.connectionsMax { connectionsMaxSet = nil }
    settings = next
    limits = next.limits
    store.blocks.keepRecycled(atMost: Self.recycledBytesMax(next))
    for route in 0..<UInt32(routes.end) { reconfigure(route, now: now) }
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      reconsider(client, now: now)
    }
    return []
  }

  private mutating func reconfigure(_ route: UInt32, now: Instant) {
    routes[route].reconfigure(settings.routes[Int(route)], limits, now: now)
    links[route].attemptTimeout = routes[route].attemptTimeout
    for member in 0..<UInt32(routes[route].queue.members.end)
    where routes[route].queue.members.contains(member) {
      reweigh(member, route)
    }
    // Idle credit is the part of a shrunken buffer that nothing else brings back.
    if !routes[route].pool.excess.isZero { press(route, now: now) }
    stir(route)
  }

  private mutating func reweigh(_ member: UInt32, _ route: UInt32) {
    let principal = routes[route].queue.members[member].principal
    let weight = settings.classes[principals[principal].classIndex].weight
    routes[route].queue.setWeight(Int(weight), ofMember: member)
  }

  /// What it may have now, and when it has to be looked at next.
  private mutating func reconsider(_ client: UInt32, now: Instant) {
    if clients[client].isClosing { return }
    if clients[client].isOpen {
      clients[client].target = min(clients[client].target, windowMaximum(of: client))
      markDirty(client)
    }
    scheduleClient(client, now: now)
  }

  // MARK: Classes

  /// Puts the new classes in place of the old, with the tokens that are left, and moves everybody of a
  /// class to its new index. Returns the new ones, and behind them those that are gone and in use.
  private mutating func replaceClasses(
    with new: [ClassSettings], now: Instant
  ) -> [ClassSettings] {
    var classes = new
    var rates = new.map { ClassRate($0, now: now) }
    var places: [Int] = []
    for (index, old) in settings.classes.enumerated() {
      if let place = new.firstIndex(where: { $0.name == old.name }) {
        rates[place] = classRates[index]
        rates[place].limiter.limitChanged(new[place].rate, now: now)
        places.append(place)
      } else if isInUse(class: index) {
        places.append(classes.count)
        classes.append(old)
        rates.append(classRates[index])
      } else {
        // Nobody will look.
        places.append(0)
      }
    }
    for principal in 0..<UInt32(principals.end) where principals.contains(principal) {
      principals[principal].classIndex = places[principals[principal].classIndex]
    }
    for client in 0..<UInt32(clients.end) where clients.contains(client) {
      clients[client].classIndex = places[clients[client].classIndex]
    }
    classRates = rates
    return classes
  }

  private mutating func isInUse(class index: Int) -> Bool {
    for principal in 0..<UInt32(principals.end)
    where principals.contains(principal) && principals[principal].classIndex == index {
      return true
    }
    for client in 0..<UInt32(clients.end)
    where clients.contains(client) && clients[client].classIndex == index {
      return true
    }
    return false
  }

  /// The principal's latest connection came in another class: its share, weight and rate are that
  /// one's from now on. What its earlier connections may use stays what it was when they came.
  mutating func moveToClass(_ index: Int, _ principal: UInt32) {
    guard principals[principal].classIndex != index else { return }
    principals[principal].classIndex = index
    let route = principals[principal].route
    for member in 0..<UInt32(routes[route].queue.members.end)
    where routes[route].queue.members.contains(member)
      && routes[route].queue.members[member].principal == principal
    {
      reweigh(member, route)
    }
  }
}
