/// When the connection of an upstream is made, and when it is given up. The shell performs.
///
/// A connect is part of a call: it takes the breaker's leave, and an open breaker suspends it.
package struct UpstreamConnection: Sendable {
  enum Phase: Equatable {
    /// Can transition to: connecting, when something waits and `retryAt` has come.
    case disconnected
    /// The shell connects and greets. Can transition to: open, closing, disconnected.
    case connecting
    /// Calls may go. Can transition to: closing, disconnected.
    case open
    /// We gave it up, and wait for the shell to say that it is closed. Can transition to: disconnected.
    case closing
  }

  private(set) var phase = Phase.disconnected
  private(set) var retryAt = Instant(nanoseconds: 0)
  private(set) var startedAt = Instant(nanoseconds: 0)
  /// Connections in a row on which nothing was ever accepted.
  private(set) var failures: UInt32 = 0
  /// The breaker's leave for the connect, kept for the first call when it is a probe.
  var token: BreakerToken?
  /// So much is written and not out that nothing more should come.
  var isBusy = false
  /// The upstream says that it takes nothing for now. It lives: what is out has no timeout meanwhile.
  var isPaused = false
  /// Nothing more may go.
  var isHeldUp: Bool { isBusy || isPaused }
  private var jitter: SplitMix64

  /// From the start of a connect to the end of the greeting, over all addresses.
  package static let connectTimeout = TimeSpan.seconds(10)
  /// The first retry comes soon, since most lost connections are restarts; later ones spread out.
  static let backoff: Backoff = {
    var backoff = Backoff()
    backoff.base = .milliseconds(50)
    backoff.maximum = .seconds(5)
    return backoff
  }()

  init(seed: UInt64) { jitter = SplitMix64(seed: seed) }

  mutating func began(_ token: BreakerToken, now: Instant) {
    phase = .connecting
    startedAt = now
    self.token = token
    isBusy = false
    isPaused = false
  }

  mutating func opened() { phase = .open }

  mutating func givenUp() { phase = .closing }

  /// Full jitter: whoever lost the same server doesn't come back at the same instant.
  mutating func closed(retryAfter: TimeSpan?, now: Instant) {
    phase = .disconnected
    isBusy = false
    isPaused = false
    failures += failures < .max ? 1 : 0
    retryAt = now + Self.backoff.wait(failures: failures, retryAfter: retryAfter, &jitter)
  }

  /// Something was accepted on it.
  mutating func proved() { failures = 0 }

  /// The next instant that matters to it by itself.
  var deadline: Instant? {
    switch phase {
    case .connecting: startedAt + Self.connectTimeout
    case .disconnected, .open, .closing: nil
    }
  }
}
