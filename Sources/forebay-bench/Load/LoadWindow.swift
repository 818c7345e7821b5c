import ForebayCore

/// What one client may still send on its connection: absolute limits against absolute counts.
struct LoadWindow: Equatable, Sendable {
  private var limitMessages: UInt64 = 0
  private var limitBytes: UInt64 = 0
  private var sentMessages: UInt64 = 0
  private var sentBytes: UInt64 = 0
  /// The largest window seen, in messages.
  private var widest: UInt64 = 0

  var messagesLeft: UInt64 { limitMessages - sentMessages }
  var bytesLeft: UInt64 { limitBytes - sentBytes }
  /// After so many new final outcomes the daemon is told what it may forget.
  var quarter: UInt64 { max(1, widest / 4) }

  mutating func use(messages: Int, bytes: Int) {
    sentMessages += UInt64(messages)
    sentBytes += UInt64(bytes)
  }

  /// A smaller limit than the last is a late one and changes nothing.
  mutating func raise(messages: UInt64, bytes: UInt64) {
    limitMessages = max(limitMessages, messages)
    limitBytes = max(limitBytes, bytes)
    widest = max(widest, messagesLeft)
  }

  /// Only RECLAIM lowers a limit, and never below what is sent.
  mutating func reclaim(messages: UInt64, bytes: UInt64) {
    limitMessages = max(sentMessages, min(limitMessages, messages))
    limitBytes = max(sentBytes, min(limitBytes, bytes))
  }
}

/// When a client whose next frame doesn't fit asks for its window: after 200 ms, then after twice
/// the last wait, up to 5 s.
struct BlockedProbe: Equatable, Sendable {
  static let firstWait = TimeSpan.milliseconds(200)
  static let longestWait = TimeSpan.seconds(5)

  private var since: Instant?
  private var due = Instant.distantFuture
  private var wait = firstWait

  mutating func isShut(now: Instant) {
    guard since == nil else { return }
    since = now
    wait = Self.firstWait
    due = now + wait
  }

  /// For how long it hasn't fitted.
  func waited(now: Instant) -> TimeSpan { since.map { now.since($0) } ?? .zero }

  mutating func fits() {
    since = nil
    due = .distantFuture
  }

  mutating func isDue(now: Instant) -> Bool {
    guard now >= due else { return false }
    wait = min(wait * 2, Self.longestWait)
    due = now + wait
    return true
  }
}
