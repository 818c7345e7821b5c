import ForebayWire

@testable import ForebayCore

/// What a breaker may do, by what the upstream saw: calls, answers, time. It believes nothing that the
/// breaker counts itself, so that a breaker that counts wrongly is found out.
final class BreakerOracle: CoreWatch {
  /// It owns this.
  private unowned(unsafe) let harness: SidecarHarness
  private var calls: [UInt32: Out] = [:]
  private var periods: [Period]
  private var before: [Glance]
  /// A stale result is about to be told: how the breaker stood before.
  private var stale: (route: UInt32, report: BreakerReport)?

  /// A call that is out.
  private struct Out {
    let route: UInt32
    let generation: UInt32
    let messages: Int
  }

  /// What has happened on a route since its breaker's last transition.
  private struct Period {
    var generation: UInt32 = 0
    var began: Instant
    var start = Glance()
    var demands: UInt64 = 0
    var successes: UInt32 = 0
    /// It began with a closing.
    var recovers = false
  }

  private struct Glance {
    var phase = BreakerReport.Phase.closed
    var sent: UInt64 = 0
    var received: UInt64 = 0
    var neutral: UInt64 = 0
  }

  init(_ harness: SidecarHarness) {
    self.harness = harness
    let count = harness.core.routes.end
    periods = Array(repeating: Period(began: harness.now), count: count)
    before = Array(repeating: Glance(), count: count)
  }

  private func glance(_ route: UInt32) -> Glance {
    let totals = harness.core.routes[route].totals
    return Glance(
      phase: harness.core.routes[route].breaker.phase, sent: totals.dispatched,
      received: totals.received,
      neutral: harness.core.routes[route].breaker.counters.neutralProbes)
  }

  private func generation(_ route: UInt32) -> UInt32 {
    harness.core.routes[route].breaker.generation
  }

  // MARK: Events

  func willAct() {
    for route in before.indices { before[route] = glance(UInt32(route)) }
  }

  func willProbe(_ route: UInt32) { periods[Int(route)].demands += 1 }

  func willSettle(_ call: UInt32, _ verdict: CallVerdict) {
    guard let out = calls.removeValue(forKey: call) else { return }
    if out.generation != generation(out.route) {
      stale = (out.route, report(out.route))
    } else if CallResult(verdict) == .success {
      periods[Int(out.route)].successes += 1
    }
  }

  func willLose(_ call: UInt32) { calls[call] = nil }

  func didDispatch(_ route: UInt32, _ call: UInt32) {
    let current = generation(route)
    calls[call] = Out(
      route: route, generation: current, messages: harness.core.calls[call].messages)
    let own = calls.values.filter { $0.route == route && $0.generation == current }
    if harness.core.routes[route].breaker.phase == .halfOpen, own.count > 1 {
      harness.problem("\(own.count) probes are out at once")
    }
    checkRecovery(route, messages: own.reduce(0) { $0 + $1.messages })
  }

  func didAct() {
    checkStale()
    for route in periods.indices {
      let after = glance(UInt32(route))
      let current = generation(UInt32(route))
      if periods[route].generation != current {
        let closes = before[route].phase == .halfOpen && after.phase == .closed
        if closes { checkClosing(UInt32(route), periods[route]) }
        periods[route] = Period(
          generation: current, began: harness.now, start: before[route], recovers: closes)
      }
      if after.phase == .halfOpen { checkProbes(UInt32(route), periods[route], after) }
    }
  }

  // MARK: Rules

  /// A result of an earlier generation settles its messages and moves nothing.
  private func checkStale() {
    guard let (route, before) = stale else { return }
    stale = nil
    if report(route) != before { harness.problem("a stale result has moved the breaker") }
  }

  private func report(_ route: UInt32) -> BreakerReport {
    var report = harness.core.routes[route].breaker.report(now: harness.now)
    report.counters.staleResults = 0
    return report
  }

  /// N successes and the minimum time close it, nothing less. Of a link's answers only the time is seen.
  private func checkClosing(_ route: UInt32, _ period: Period) {
    let settings = harness.core.settings.routes[Int(route)].breaker
    if harness.now.since(period.began) < settings.minimumHalfOpen {
      harness.problem("the breaker closed before the minimum time")
    }
    let isSeen = !harness.core.routes[route].isPeer
    if isSeen, period.successes < settings.successesToClose {
      harness.problem("the breaker closed after \(period.successes) successes")
    }
  }

  /// No more than the quota of what was offered, and a floor probe every so often.
  private func checkProbes(_ route: UInt32, _ period: Period, _ after: Glance) {
    let settings = harness.core.settings.routes[Int(route)].breaker
    let offered = after.received - period.start.received
    let floor =
      1 + harness.now.since(period.began).nanoseconds
      / BreakerSettings.probeIntervalMinimum.nanoseconds
    let allowed =
      offered * UInt64(settings.quotaPercent) / 100 + floor + period.demands
      + (after.neutral - period.start.neutral)
    let sent = after.sent - period.start.sent
    if sent > allowed { harness.problem("\(sent) messages probed, of \(allowed) allowed") }
  }

  /// After a closing, what is in flight starts low and doubles no faster than the settings say.
  private func checkRecovery(_ route: UInt32, messages: Int) {
    let period = periods[Int(route)]
    guard period.recovers, period.generation == generation(route) else { return }
    let settings = harness.core.settings.routes[Int(route)].recovery
    let doublings = harness.now.since(period.began).nanoseconds / settings.interval.nanoseconds
    let most = settings.startLimit << Int(min(doublings, 20))
    if messages > most {
      harness.problem("\(messages) messages are out just after the closing, \(most) may be")
    }
  }
}
