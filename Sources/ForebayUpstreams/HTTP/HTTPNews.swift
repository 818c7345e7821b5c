import ForebayCore

/// Which of the things that an HTTP server says are told to the log: the first of a kind, and again after
/// a while, so that a thousand of them are a few lines.
struct HTTPNews {
  /// The same is told again after so long.
  static let repeatInterval = TimeSpan.seconds(30)
  /// Two that alternate are told no faster.
  static let interval = TimeSpan.seconds(1)

  private var kind: Int?
  private var toldAt: Instant?
  private var isTroubled = false

  /// Whether to tell of a problem of this kind.
  mutating func problem(_ kind: Int, now: Instant) -> Bool {
    isTroubled = true
    if let toldAt {
      let isSame = kind == self.kind
      guard now.since(toldAt) >= (isSame ? Self.repeatInterval : Self.interval) else {
        return false
      }
    }
    self.kind = kind
    toldAt = now
    return true
  }

  /// Whether to tell that it works (again). Its next problem is news.
  mutating func worked(now: Instant) -> Bool {
    guard isTroubled else { return false }
    isTroubled = false
    kind = nil
    return toldAt.map { now.since($0) >= Self.interval } ?? true
  }
}
