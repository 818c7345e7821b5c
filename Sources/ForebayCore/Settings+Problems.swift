import ForebayWire

extension Settings {
  /// What can't work together, in words for the operator. Empty means that the core may be built.
  package func problems() -> [String] {
    var found = limits.problems()
    if routes.isEmpty { found.append("no route is configured") }
    if classes.isEmpty { found.append("no class is configured") }
    for (index, route) in routes.enumerated() {
      if routes[..<index].contains(where: { $0.name == route.name }) {
        found.append("two routes have the same name: \(route.name)")
      }
      found += route.problems(limits)
    }
    for (index, one) in classes.enumerated() {
      if classes[..<index].contains(where: { $0.name == one.name }) {
        found.append("two classes have the same name: \(one.name)")
      }
      found += one.problems(routes)
    }
    return found
  }

  /// What shares are compared by: a thousandth is the least that anybody can want of another's part.
  static var weightRange: ClosedRange<Int> { 1...1000 }
}

extension Limits {
  func problems() -> [String] {
    var found: [String] = []
    func require(_ isFine: Bool, _ text: String) { if !isFine { found.append(text) } }
    let frame = WireLimits.dataFixedBytes...WireLimits.frameBytesMax
    require(
      frame.contains(frameBytesMax),
      "the maximum frame must be \(frame.lowerBound) to \(frame.upperBound) bytes, "
        + "not \(frameBytesMax)")
    require(
      (0...WireLimits.overheadBytesMax).contains(overheadBytes),
      "the overhead must be 0 to \(WireLimits.overheadBytesMax) bytes, not \(overheadBytes)")
    require(nurserySegments >= 4, "the nursery needs at least 4 segments")
    require(
      connectionsMax >= 1 && connectionsPerPrincipalMax >= 1,
      "at least 1 connection must be allowed, in all and of one user")
    require(sessionsPerPrincipalMax >= 1, "a user must be allowed at least 1 session")
    require(
      (1...1_000_000).contains(controlFramesPerSecond) && controlFramesBurst >= 1,
      "1 to 1000000 control frames a second must be allowed, and 1 at once")
    let timeouts = [
      ("hello", helloTimeout), ("frame", frameTimeout), ("reclaim", reclaimTimeout),
      ("slow reader", slowReaderTimeout), ("heartbeat", heartbeat),
    ]
    for (name, timeout) in timeouts {
      require(
        timeout >= .milliseconds(1) && timeout <= .seconds(86_400),
        "the \(name) timeout must be 1 ms to 1 d")
    }
    return found
  }
}

extension ClassSettings {
  func problems(_ known: [RouteSettings]) -> [String] {
    var found = (rate?.validate() ?? []).map { "class \(name): rate: \($0)" }
    let weights = Settings.weightRange
    if !weights.contains(Int(clamping: weight)) {
      found.append(
        "class \(name): the weight must be \(weights.lowerBound) to \(weights.upperBound)")
    }
    if !weights.contains(Int(clamping: poolShare)) {
      found.append(
        "class \(name): the pool share must be \(weights.lowerBound) to \(weights.upperBound)")
    }
    if lanes == 0 { found.append("class \(name): at least one lane must be allowed") }
    if routes?.isEmpty == true { found.append("class \(name): at least one route must be allowed") }
    for route in routes ?? [] where !known.contains(where: { $0.name == route }) {
      found.append("class \(name): there is no route \(route)")
    }
    return found
  }
}

extension RouteSettings {
  func problems(_ limits: Limits) -> [String] {
    var found: [String] = []
    let least = reserve(limits) * 2 + Cost(bytes: controlReserveBytes)
    if bufferBytes < least.bytes {
      found.append(
        "route \(name): a buffer of \(bufferBytes) bytes can't serve two clients with frames of "
          + "\(limits.frameBytesMax) bytes; give it at least \(least.bytes), or lower the maximum frame"
      )
    }
    if bufferMessages < least.messages || bufferMessages < 2 {
      found.append("route \(name): a buffer of \(bufferMessages) messages is too small; give it 2")
    }
    if windowMessagesMax < 1 {
      found.append("route \(name): the window must be at least 1 message")
    }
    if upstream.batchMessagesMax < 1 || upstream.inFlightMessagesMax < 1 {
      found.append("route \(name): at least one message must be allowed in flight")
    }
    let weights = Settings.weightRange
    if laneWeights.count != WireLimits.lanesMax || !laneWeights.allSatisfy(weights.contains) {
      found.append(
        "route \(name): \(WireLimits.lanesMax) lane weights are needed, each "
          + "\(weights.lowerBound) to \(weights.upperBound)")
    }
    found += breaker.validate().map { "route \(name): breaker: \($0)" }
    found += backoff.validate().map { "route \(name): backoff: \($0)" }
    found += retryBudget.validate().map { "route \(name): retry budget: \($0)" }
    found += recovery.validate().map { "route \(name): recovery: \($0)" }
    found += (rate?.validate() ?? []).map { "route \(name): rate: \($0)" }
    return found
  }
}
