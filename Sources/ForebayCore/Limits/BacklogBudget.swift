/// Spreads what waited during an outage over time, so that it doesn't come down on the upstream at
/// once with the live traffic on top.
///
/// One inequality, counted from the breaker's closing:
///
///     dispatched ≤ start + arrived + k · max(arrived, live rate before · time)
///
/// New messages are always within it; what comes on top, be it the backlog, a retry or a replayed
/// dead letter, gets at most k times the live rate. That rate is the greater of what arrives now and
/// what arrived before the outage: while the buffer is full little can arrive, and were that all
/// that counts, the backlog would hold up itself. Which messages are the backlog needn't be known,
/// so the order of a queue needn't change for it.
struct BacklogBudget: Sendable {
  private let since: Instant
  private let start: UInt64
  private let backlog: UInt64
  private let percent: UInt64
  private let rate: OfferedRate
  private var arrived: UInt64 = 0
  private var dispatched: UInt64 = 0

  init(_ settings: RecoverySettings, waiting: Int, rateBefore: OfferedRate, now: Instant) {
    since = now
    start = UInt64(settings.startLimit)
    backlog = UInt64(max(0, waiting))
    percent = settings.backlogPercent
    rate = max(rateBefore, OfferedRate(messages: settings.liveRateMinimum, span: .seconds(1)))
  }

  /// As many have been sent as waited and came. (Or more of them twice; then the rest is few.)
  var isDrained: Bool { dispatched >= backlog + arrived }

  mutating func messagesArrived(_ count: Int) { arrived += UInt64(max(0, count)) }
  mutating func messagesDispatched(_ count: Int) { dispatched += UInt64(max(0, count)) }

  /// How many may be dispatched now.
  func allowance(now: Instant) -> Int {
    let live = max(arrived, rate.messages(in: now.since(since)))
    let (product, overflow) = live.multipliedReportingOverflow(by: percent)
    let extra = (overflow ? .max : product) / 100
    // Four terms far below 2^62 each, but for `extra`, which saturates near 2^58.
    let allowed = start + arrived + extra
    return allowed <= dispatched ? 0 : Int(clamping: allowed - dispatched)
  }

  /// When time alone allows the next message, whatever arrives.
  var nextAllowanceAt: Instant {
    let free = start + arrived
    guard dispatched >= free else { return since }
    let live = ((dispatched + 1 - free) * 100 + percent - 1) / percent
    return since + rate.time(for: live)
  }
}
