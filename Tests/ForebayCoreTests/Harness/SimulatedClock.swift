import ForebayCore

/// Something of the simulation that wants to act at an instant.
protocol TimedPart: AnyObject {
  var nextDeadline: Instant? { get }
  /// Does what is due.
  func fire()
}

/// The only clock of a simulation. Time passes when a test says so, from deadline to deadline, so that
/// equal seeds give equal histories.
final class SimulatedClock {
  private(set) var now: Instant
  private var parts: [any TimedPart] = []
  /// Deadlines that fired, for the test that nothing spins.
  private(set) var fired = 0
  var spins: [String] = []

  /// An odd hour, so that nothing works only because time starts at zero.
  static let start = Instant(nanoseconds: 1_234_567_890_123)
  /// More than this many deadlines in a second is a timer that busies itself.
  private static let firedASecondMax = 400

  init() { now = Self.start }

  func join(_ part: any TimedPart) {
    if !parts.contains(where: { $0 === part }) { parts.append(part) }
  }
  /// Lets go of everybody, who would hold on to each other for ever.
  func end() { parts = [] }
  func leave(_ part: any TimedPart) { parts.removeAll { $0 === part } }

  func pass(_ span: TimeSpan) {
    let end = now + span
    var second = now
    var firedInSecond = 0
    while let (part, at) = earliest(), at <= end {
      if now.since(second) >= .seconds(1) {
        second = now
        firedInSecond = 0
      }
      now = max(now, at)
      part.fire()
      fired += 1
      firedInSecond += 1
      if firedInSecond == Self.firedASecondMax * parts.count {
        spins.append("\(type(of: part)) wakes up all the time, at \(now)")
        break
      }
    }
    now = max(now, end)
  }

  /// Passes time until the condition holds; false if it still doesn't after `limit`.
  func pass(atMost limit: TimeSpan, until isMet: () -> Bool) -> Bool {
    let end = now + limit
    while !isMet() {
      guard now < end else { return false }
      let step = earliest().map { max($0.1, now + .milliseconds(1)) } ?? end
      pass(min(step, end).since(now))
    }
    return true
  }

  private func earliest() -> (any TimedPart, Instant)? {
    var found: (any TimedPart, Instant)?
    for part in parts {
      if let at = part.nextDeadline, at < found?.1 ?? .distantFuture { found = (part, at) }
    }
    return found
  }
}
