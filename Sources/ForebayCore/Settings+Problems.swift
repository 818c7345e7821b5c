import ForebayWire

extension Settings {
  /// What can't work, each with the place of the setting: `routes[1].breaker.baseWait`. Empty means
  /// that the core may be built.
  package func problems() -> [SettingProblem] {
    var found: [SettingProblem] = []
    found.require(!routes.isEmpty, "routes", "must be at least one")
    found.require(!classes.isEmpty, "classes", "must be at least one")
    found += limits.validate().map { $0.within("limits") }
    for (index, route) in routes.enumerated() {
      var problems: [SettingProblem] = []
      let isNew = !routes[..<index].contains { $0.name == route.name }
      problems.require(
        isNew, "name", "must be another than '\(route.name)', which a route has already")
      problems += route.validate(limits)
      found += problems.map { $0.within("routes[\(index)]") }
    }
    for (index, one) in classes.enumerated() {
      var problems: [SettingProblem] = []
      let isNew = !classes[..<index].contains { $0.name == one.name }
      problems.require(
        isNew, "name", "must be another than '\(one.name)', which a class has already")
      for route in one.routes ?? [] {
        let isKnown = routes.contains { $0.name == route }
        problems.require(isKnown, "routes", "must name routes; there is none called '\(route)'")
      }
      problems += one.validate()
      found += problems.map { $0.within("classes[\(index)]") }
    }
    return found
  }

  /// What shares are compared by: a thousandth is the least that anybody can want of another's part.
  package static let weightRange: ClosedRange<Int> = 1...1_000
}

extension Limits {
  /// Segments beyond this would be a heap, not a nursery: 4 GiB.
  package static let nurserySegmentsRange: ClosedRange<Int> = 4...65_536
  /// Within a day: longer would be no limit.
  package static let timeoutRange: ClosedRange<TimeSpan> = .milliseconds(1)...(.seconds(86_400))
  /// Control frames have a limit that no configuration can turn off, or into a trap.
  package static let controlFramesRange: ClosedRange<UInt64> = 10...1_000_000
  package static let frameBytesRange: ClosedRange<Int> =
    WireLimits.dataFixedBytes...WireLimits.frameBytesMax

  func validate() -> [SettingProblem] {
    var problems: [SettingProblem] = []
    let frame = Self.frameBytesRange
    problems.require(
      frame.contains(frameBytesMax), "frameBytesMax",
      "must be \(frame.lowerBound) to \(frame.upperBound) bytes, not \(frameBytesMax)")
    problems.require(
      (0...WireLimits.overheadBytesMax).contains(overheadBytes), "overheadBytes",
      "must be 0 to \(WireLimits.overheadBytesMax) bytes, not \(overheadBytes)")
    problems.require(
      Self.nurserySegmentsRange.contains(nurserySegments), "nurserySegments",
      "must be 4 to 65536 segments of 64 KiB, not \(nurserySegments)")
    problems.require(connectionsMax >= 1, "connectionsMax", "must be at least 1 connection")
    problems.require(
      connectionsPerPrincipalMax >= 1, "connectionsPerPrincipalMax", "must be at least 1 connection"
    )
    problems.require(
      sessionsPerPrincipalMax >= 1, "sessionsPerPrincipalMax", "must be at least 1 session")
    // A connection beyond the sessions would be accepted, and refused when it says HELLO. The sessions'
    // limit doesn't simply follow: it bounds memory, which nobody should get more of by the way.
    problems.require(
      connectionsPerPrincipalMax <= max(1, sessionsPerPrincipalMax), "connectionsPerPrincipalMax",
      "must be at most sessionsPerPrincipalMax, \(sessionsPerPrincipalMax), not "
        + "\(connectionsPerPrincipalMax), since each connection has a session; or raise that to "
        + "\(connectionsPerPrincipalMax)")
    for (name, time) in [
      ("helloTimeout", helloTimeout), ("frameTimeout", frameTimeout),
      ("reclaimTimeout", reclaimTimeout), ("slowReaderTimeout", slowReaderTimeout),
      ("heartbeat", heartbeat), ("sessionMemory", sessionMemory),
    ] {
      problems.require(Self.timeoutRange.contains(time), name, "must be 1 ms to 1 d")
    }
    problems.require(
      Self.controlFramesRange.contains(controlFramesBurst), "controlFramesBurst",
      "must be 10 to 1000000 frames")
    problems.require(
      Self.controlFramesRange.contains(controlFramesPerSecond), "controlFramesPerSecond",
      "must be 10 to 1000000 frames a second")
    return problems
  }
}

extension ClassSettings {
  func validate() -> [SettingProblem] {
    var problems: [SettingProblem] = []
    let weights = Settings.weightRange
    problems.require(weights.contains(Int(clamping: poolShare)), "poolShare", "must be 1 to 1000")
    problems.require(weights.contains(Int(clamping: weight)), "weight", "must be 1 to 1000")
    problems.require(lanes != 0, "lanes", "must be at least one")
    problems.require(routes?.isEmpty != true, "routes", "must be at least one, or none for all")
    problems += (rate?.validate() ?? []).map { $0.within("rate") }
    return problems
  }
}

extension RouteSettings {
  /// Sums over routes and clients stay far within 64 bits.
  package static let bufferBytesMax: UInt64 = 1 << 40
  package static let messagesMax: UInt64 = 1_000_000_000
  package static let attemptTimeoutRange = Limits.timeoutRange

  func validate(_ limits: Limits) -> [SettingProblem] {
    var problems: [SettingProblem] = []
    validateSpace(limits, &problems)
    problems.require(
      Self.attemptTimeoutRange.contains(attemptTimeout), "attemptTimeout", "must be 1 ms to 1 d")
    problems.require(
      laneWeights.count == WireLimits.lanesMax, "laneWeights",
      "must be \(WireLimits.lanesMax) numbers, one a lane")
    problems.require(
      laneWeights.allSatisfy(Settings.weightRange.contains), "laneWeights", "must be 1 to 1000 each"
    )
    problems.require(
      upstream.batchMessagesMax >= 1, "upstream.batchMessagesMax", "must be at least 1 message")
    problems.require(
      upstream.inFlightMessagesMax >= 1, "upstream.inFlightMessagesMax",
      "must be at least 1 message")
    problems += breaker.validate().map { $0.within("breaker") }
    problems += backoff.validate().map { $0.within("backoff") }
    problems += retryBudget.validate().map { $0.within("retryBudget") }
    problems += recovery.validate().map { $0.within("recovery") }
    problems += (rate?.validate() ?? []).map { $0.within("rate") }
    return problems
  }

  /// Two clients must be able to hold a largest frame each, or they can wait for each other for ever.
  private func validateSpace(_ limits: Limits, _ problems: inout [SettingProblem]) {
    problems.require(
      (1...Self.messagesMax).contains(windowMessagesMax), "windowMessagesMax",
      "must be 1 to \(Self.messagesMax) messages, not \(windowMessagesMax)")
    problems.require(
      (2...Self.messagesMax).contains(bufferMessages), "bufferMessages",
      "must be 2 to \(Self.messagesMax) messages, not \(bufferMessages)")
    problems.require(
      bufferBytes <= Self.bufferBytesMax, "bufferBytes",
      "must be at most \(Self.bufferBytesMax) bytes")
    problems.require(
      controlReserveBytes <= Self.bufferBytesMax, "controlReserveBytes",
      "must be at most \(Self.bufferBytesMax) bytes")
    guard problems.isEmpty, Limits.frameBytesRange.contains(limits.frameBytesMax) else { return }
    // Where the bytes suffice, so do the messages: they are owed in the same proportion.
    let least = reserve(limits).bytes * 2 + controlReserveBytes
    problems.require(
      bufferBytes >= least, "bufferBytes",
      "must be at least \(least) bytes, not \(bufferBytes), to serve two clients with frames of "
        + "\(limits.frameBytesMax) bytes; or lower the maximum frame")
  }
}
