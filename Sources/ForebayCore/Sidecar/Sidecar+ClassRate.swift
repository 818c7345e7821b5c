import ForebayWire

/// What a class's rate limit has let through, over all routes, and what an operator set for it.
struct ClassRate {
  var limiter: RateLimiter?
  /// In place of the routes' window maximum.
  var windowMaximum: UInt64?

  init(_ settings: ClassSettings, now: Instant) {
    limiter = settings.rate.map { RateLimiter($0, now: now) }
  }

  /// How much may stand between grant and dispatch: the burst and a tenth of a second's worth. More
  /// would only wait in our memory instead of the producer's.
  var paced: UInt64? {
    guard let limit = limiter?.limit else { return nil }
    let tenth = TimeSpan.milliseconds(100).nanoseconds
    let (high, low) = limit.messages.multipliedFullWidth(by: tenth)
    let period = limit.period.nanoseconds
    let worth = high >= period ? .max : period.dividingFullWidth((high, low)).quotient
    let (sum, overflow) = limit.burst.addingReportingOverflow(worth)
    return overflow ? .max : sum
  }
}

// Rate limits of classes: charged once for each attempt, at dispatch, and felt as a shut window.
extension Sidecar {
  mutating func classIndex(ofOwner session: UInt32) -> Int {
    principals[sessions[session].principal].classIndex
  }

  /// How many of `count` messages the class may send now. Where it is none, the flow waits for the
  /// next token, and other classes go on.
  mutating func withinClassRate(
    _ count: Int, of flow: UInt32, _ route: UInt32, now: Instant
  ) -> Int {
    let index = classIndex(ofOwner: routes[route].queue.flows[flow].session)
    guard classRates[index].limiter != nil else { return count }
    let available = classRates[index].limiter!.available(now: now)
    if available == 0, case .atLeast(let wait) = classRates[index].limiter!.wait(for: 1, now: now) {
      routes[route].queue.pause(flow, until: now + wait)
    }
    return min(count, available)
  }

  /// Messages of an owner's class went to an upstream.
  mutating func classDispatched(_ owner: UInt32, _ count: Int, now: Instant) {
    let principal = sessions[owner].principal
    principals[principal].inFlight += UInt64(count)
    let index = principals[principal].classIndex
    if classRates[index].limiter != nil { _ = classRates[index].limiter!.take(count, now: now) }
  }

  /// Messages of an owner's class are no longer with an upstream.
  mutating func classLanded(_ owner: UInt32, _ count: Int) {
    principals[sessions[owner].principal].inFlight -= UInt64(count)
  }

  /// What pacing leaves the class to be granted; nil if it has no limit.
  mutating func pacedRoom(ofClass index: Int) -> UInt64? {
    guard let paced = classRates[index].paced else { return nil }
    var standing: UInt64 = 0
    for principal in 0..<UInt32(principals.end)
    where principals.contains(principal) && principals[principal].classIndex == index {
      // What is in flight has been charged already.
      standing += principals[principal].open.messages + principals[principal].held.messages
      standing -= min(standing, principals[principal].inFlight)
    }
    return paced > standing ? paced - standing : 0
  }
}
