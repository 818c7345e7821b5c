import ForebayConfig
package import ForebayCore
import ForebayUV
package import ForebayUpstreams
import ForebayWire

// Upstreams that take batches: they are handed calls, and what they say goes to the core.
extension Daemon {
  func openUpstreams() throws {
    for (index, route) in settings.routes.enumerated() {
      let place = UpstreamPlace(
        route: UInt32(index), routeName: route.settings.name, isOrdered: route.settings.isOrdered,
        frameBytesMax: settings.limits.frameBytesMax, loop: loop, owner: self)
      upstreams[index] = try UpstreamFactory.make(route, place)
    }
  }

  func connect(_ route: UInt32) {
    guard let upstream = upstreams[Int(route)] else { return connectLink(route) }
    upstream.connect(until: now + UpstreamConnection.connectTimeout)
  }

  func disconnect(_ route: UInt32, _ ending: LinkEnding) {
    guard let upstream = upstreams[Int(route)] else { return closeLink(route, ending) }
    switch ending {
    case .unanswered: upstream.disconnect("no answer in time")
    case .peerLeaves: upstream.disconnect("it leaves")
    }
  }

  /// Encodes it; it is written when all calls of the turn are there.
  func dispatch(_ call: UInt32, _ route: UInt32) {
    guard let upstream = upstreams[Int(route)] else { return }
    upstream.dispatch(call, core)
    if unflushed.last != route { unflushed.append(route) }
  }

  func flushUpstreams() {
    guard !unflushed.isEmpty else { return }
    for index in unflushed.indices { upstreams[Int(unflushed[index])]?.flush() }
    unflushed.removeAll(keepingCapacity: true)
  }

  private func name(ofRoute route: UInt32) -> String { settings.routes[Int(route)].settings.name }
}

extension Daemon: UpstreamOwner {
  package func upstreamCallbackBegan() { _ = callbackBegan() }

  package func upstreamConnected(_ route: UInt32, _ security: String?) {
    event()
    log.event(
      "upstream connected", ["route": name(ofRoute: route), "security": security ?? "none"])
    core.upstreamConnected(route, now: now)
  }

  package func upstreamClosed(_ route: UInt32, _ loss: UpstreamLoss) {
    event()
    // At our own end it is no news.
    if core.lifecycle != .drained {
      log.problem(
        "upstream lost",
        ["route": name(ofRoute: route), "how": loss.label, "reason": loss.reason])
    }
    core.upstreamClosed(
      route, retryAfter: loss.retryAfter, isThrottle: loss.isThrottle, now: now)
  }

  package func upstreamBusy(_ route: UInt32, _ isBusy: Bool) {
    event()
    core.upstreamBusy(route, isBusy)
  }

  package func upstreamThrottled(_ route: UInt32, retryAfter: TimeSpan?) {
    event()
    core.upstreamThrottled(route, retryAfter: retryAfter, now: now)
  }

  package func upstreamPaused(_ route: UInt32, _ isPaused: Bool) {
    event()
    core.upstreamPaused(route, isPaused, now: now)
  }

  package func messagesSettled(
    _ call: UInt32, _ messages: Range<Int>, _ verdict: MessageVerdict
  ) {
    event()
    core.messagesSettled(call, messages, verdict, now: now)
  }

  package func callSettled(_ call: UInt32, _ verdict: CallVerdict) {
    event()
    core.callSettled(call, verdict, now: now)
  }

  package func upstreamNoticed(_ route: UInt32, _ text: String, isProblem: Bool) {
    let fields = ["route": name(ofRoute: route)]
    if isProblem { log.problem(text, fields) } else { log.event(text, fields) }
  }
}
