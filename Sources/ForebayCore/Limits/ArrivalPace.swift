/// Makes users wait who come and go too often.
///
/// A connection costs as much as hundreds of messages, and whoever is ended for an offence can come again at
/// once. So connections that last less than a second, or end by an offence, are counted; once a user has had a
/// burst of them, its next ones wait for their turn, unread, and who would wait for long is refused. A fleet
/// that connects and stays never waits.
///
/// A generic cell rate, in time: each of those connections moves its user's due time on, and the burst is how
/// far that may lie ahead.
package struct ArrivalPace {
  package enum OnArrival: Equatable {
    /// Serve it.
    case admit
    /// Leave it unread until then, and serve it.
    case wait(until: Instant)
    /// Tell it to come again later.
    case refuse
  }

  package struct Rate: Equatable {
    var burst: UInt64
    var perSecond: UInt64
    var each: TimeSpan { .seconds(1) / perSecond }
    var most: TimeSpan { each * burst }
  }

  /// What is over sooner was no use to anybody.
  static let shortLife = TimeSpan.seconds(1)
  /// 125 at a time at 500 a second: each has a descriptor, and nobody's connect should hang for longer.
  static let waitMax = TimeSpan.milliseconds(250)

  /// By user. Never walked.
  private var due: [PrincipalKey: Instant] = [:]
  /// Everybody that is in `due`, once. With each event two are looked at, and forgotten when they are due
  /// nothing: so it shrinks sooner than it grows.
  private var known: [PrincipalKey] = []
  private var next = 0

  var count: Int { due.count }

  mutating func arrived(_ key: PrincipalKey, _ rate: Rate, now: Instant) -> OnArrival {
    forgetSome(now)
    guard let ahead = due[key]?.since(now), ahead > rate.most else { return .admit }
    let wait = TimeSpan(nanoseconds: ahead.nanoseconds - rate.most.nanoseconds)
    guard wait < Self.waitMax else { return .refuse }
    due[key] = now + ahead + rate.each
    return .wait(until: now + wait)
  }

  /// A connection is over that didn't last, or gave offence; one that has waited is counted already.
  mutating func ended(_ key: PrincipalKey, _ rate: Rate, now: Instant) {
    forgetSome(now)
    let before = due[key]
    if before == nil { known.append(key) }
    // Many may end at once; whoever comes afterwards is kept no longer for it.
    due[key] = min(max(before ?? now, now) + rate.each, now + rate.most + Self.waitMax)
  }

  private mutating func forgetSome(_ now: Instant) {
    for _ in 0..<min(2, known.count) {
      if next >= known.count { next = 0 }
      let key = known[next]
      if let at = due[key], at > now {
        next += 1
      } else {
        due[key] = nil
        known.swapAt(next, known.count - 1)
        known.removeLast()
      }
    }
  }
}
