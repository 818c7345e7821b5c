// What of the settings can change while the core runs.
extension Settings {
  /// `new` as far as a running core can follow it; this where it can't.
  func reloaded(with new: Settings) -> Settings {
    var next = new
    next.limits = limits.reloaded(with: new.limits)
    next.routes = routes.map { route in
      let found = new.routes.first { $0.name == route.name }
      return found.map(route.reloaded(with:)) ?? route
    }
    return next
  }

  /// What of `new` doesn't fit into this, which came of it: its values may fit each other, and not what
  /// only a restart can change.
  func conflicts(from new: Settings) -> [SettingProblem] {
    var found: [SettingProblem] = []
    for (index, route) in new.routes.enumerated() {
      let merged = routes.first { $0.name == route.name }
      found += (merged?.validate(limits) ?? []).map { $0.within("routes[\(index)]") }
    }
    return found
  }

  /// What differs in `new` and binds only from the next start on, in words for the operator.
  func needsRestart(for new: Settings) -> [String] {
    var found = limits.needsRestart(for: new.limits)
    for route in routes {
      if let next = new.routes.first(where: { $0.name == route.name }) {
        found += route.needsRestart(for: next)
      } else {
        found.append("route \(route.name) is gone")
      }
    }
    for route in new.routes where !routes.contains(where: { $0.name == route.name }) {
      found.append("route \(route.name) is new")
    }
    if let first = new.routes.first?.name, let known = routes.first?.name, first != known {
      found.append("the first route, for clients that name none, is \(first) instead of \(known)")
    }
    return found
  }
}

extension Limits {
  fileprivate func reloaded(with new: Limits) -> Limits {
    var next = new
    next.frameBytesMax = frameBytesMax
    next.overheadBytes = overheadBytes
    next.nurserySegments = nurserySegments
    return next
  }

  fileprivate func needsRestart(for new: Limits) -> [String] {
    [
      ("the maximum frame", frameBytesMax, new.frameBytesMax),
      ("the overhead of a message", overheadBytes, new.overheadBytes),
      ("the number of nursery segments", nurserySegments, new.nurserySegments),
    ].filter { $0.1 != $0.2 }.map { "\($0.0) is \($0.2) instead of \($0.1)" }
  }
}

extension RouteSettings {
  fileprivate func reloaded(with new: RouteSettings) -> RouteSettings {
    var next = new
    next.isOrdered = isOrdered
    next.upstream.kind = upstream.kind
    next.upstream.failsInOrder = upstream.failsInOrder
    next.upstream.deduplicates = upstream.deduplicates
    next.upstream.connects = upstream.connects
    return next
  }

  fileprivate func needsRestart(for new: RouteSettings) -> [String] {
    var found: [String] = []
    if isOrdered != new.isOrdered {
      found.append("route \(name) is to be \(new.isOrdered ? "ordered" : "unordered")")
    }
    let isAnother =
      upstream.kind != new.upstream.kind || upstream.failsInOrder != new.upstream.failsInOrder
      || upstream.deduplicates != new.upstream.deduplicates
      || upstream.connects != new.upstream.connects
    if isAnother { found.append("route \(name) has another kind of upstream") }
    return found
  }
}
