import ForebayWire

/// Everything that decides how the core behaves. Values come from ForebayConfig; every default is
/// justified here, beside its number.
package struct Settings: Equatable, Sendable {
  package var routes: [RouteSettings]
  package var classes: [ClassSettings]
  package var limits = Limits()

  package init(routes: [RouteSettings], classes: [ClassSettings] = [ClassSettings(name: "default")])
  {
    self.routes = routes
    self.classes = classes
  }
}

/// Limits of the process as a whole.
package struct Limits: Equatable, Sendable {
  /// The largest DATA frame, whole. 256 KiB: messages, not files.
  package var frameBytesMax = 262_144
  /// What a message costs beyond its bytes: at least what its run, its receipt ranges and its places
  /// in queues take when it shares none of them.
  package var overheadBytes = 320
  /// Nursery: 8 MiB, small enough for a last-level cache and more than one turn's reads.
  package var nurserySegments = 128
  /// Connections of one principal. A reconnect loop or a leak can't take all descriptors.
  package var connectionsPerPrincipalMax = 1024
  /// Connections in all; the shell lowers it to what descriptors allow.
  package var connectionsMax = 16_384
  /// Sessions remembered for one principal, connected or not.
  package var sessionsPerPrincipalMax = 2048
  /// A session with outcomes that its client hasn't seen is remembered this long.
  package var sessionMemory = TimeSpan.seconds(900)
  /// From accept to HELLO.
  package var helloTimeout = TimeSpan.seconds(2)
  /// From a frame's first byte to its last: absolute, since a byte now and then defeats idle timers.
  package var frameTimeout = TimeSpan.seconds(5)
  package var reclaimTimeout = TimeSpan.seconds(5)
  /// A client that takes nothing of what is written to it for this long is disconnected.
  package var slowReaderTimeout = TimeSpan.seconds(10)
  /// PING interval on TCP. On a Unix socket the kernel tells when the other end is gone.
  package var heartbeat = TimeSpan.seconds(10)
  /// Control frames a connection may send: a burst, half a second's worth, and per second after that.
  /// BLOCKED, SEEN and RECLAIMED of a busy client stay far below. Two thousand at once took 0.3 ms, which
  /// others felt when one connection after the other did that.
  package var controlFramesBurst: UInt64 = 500
  package var controlFramesPerSecond: UInt64 = 1_000

  package init() {}
}

/// One path to one upstream, with its own share of everything.
package struct RouteSettings: Equatable, Sendable {
  package var name: String
  /// B in messages and bytes.
  package var bufferMessages: UInt64 = 10_000
  package var bufferBytes: UInt64 = 64 << 20
  /// K: kept back for frames that cost nothing and for stashes of partial frames.
  package var controlReserveBytes: UInt64 = 1 << 20
  /// The most that one client may have unacknowledged.
  package var windowMessagesMax: UInt64 = 1000
  /// A message with no verdict after this long counts as a failed attempt.
  package var attemptTimeout = TimeSpan.seconds(30)
  package var isOrdered = true
  package var breaker = BreakerSettings()
  package var backoff = Backoff()
  package var retryBudget = RetryBudgetSettings()
  package var recovery = RecoverySettings()
  /// Messages towards the upstream; nil means no limit.
  package var rate: RateLimit?
  /// Each lane's share of the upstream relative to the others that have something to send. Equal: a
  /// lane is a queue of its own before it is a priority.
  package var laneWeights = Array(repeating: 1, count: WireLimits.lanesMax)
  package var upstream = UpstreamTraits()

  package init(name: String) { self.name = name }

  /// The bytes of the buffer that go with one of its messages.
  var bytesPerMessage: UInt64 { max(1, bufferBytes / bufferMessages) }

  package var capacity: Cost { Cost(bytes: bufferBytes, messages: bufferMessages) }

  /// r: what a client is owed. The largest frame, so that none can deadlock, on a peer link with the
  /// ORIGIN before it, and the same share of the messages.
  package func reserve(_ limits: Limits) -> Cost {
    let bytes = UInt64(limits.frameBytesMax + Origin.fixedBytes + 2 * limits.overheadBytes)
    let (high, low) = bufferMessages.multipliedFullWidth(by: bytes)
    let messages = high >= bufferBytes ? 1 : bufferBytes.dividingFullWidth((high, low)).quotient
    return Cost(bytes: bytes, messages: max(1, messages))
  }
}

/// What an upstream can do, as it declares it.
package struct UpstreamTraits: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    /// Another Forebay: whole runs on a link with credit of its own.
    case peer
    /// Anything that takes batches and answers for each.
    case batch
  }
  package var kind = Kind.batch
  /// A failed call fails all later ones, so that many calls may be out and order still holds.
  package var failsInOrder = true
  package var deduplicates = false
  /// It is reached over a connection that the core decides about: no call before it is open, and all
  /// calls fail with it. Else whoever takes the calls sees to that.
  package var connects = false
  /// Less than a full batch waits so long for more while other calls are out; zero: it never waits.
  package var flushInterval = TimeSpan.zero
  /// Messages in one call.
  package var batchMessagesMax = 100
  package var batchBytesMax = 1 << 20
  /// Calls that may be out at once.
  package var callsMax = 64
  /// Messages and bytes in all calls. Libraries and threads hold copies, so bytes count twice.
  package var inFlightMessagesMax = 4096
  package var inFlightBytesMax = 16 << 20

  package init() {}
}

/// A group of principals that are treated alike.
package struct ClassSettings: Equatable, Sendable {
  package var name: String
  /// α: a principal may have this multiple of what is left of the pool. With 4, one busy principal
  /// gets four fifths of a buffer and a newcomer still finds room at once.
  package var poolShare: UInt64 = 4
  /// Share of the upstream relative to other principals.
  package var weight: UInt64 = 1
  /// Messages of all its clients together towards upstreams; nil means no limit.
  package var rate: RateLimit?
  /// Lanes that its clients may use: one bit each.
  package var lanes: UInt8 = 0xff
  /// Routes that its clients may use, by name; nil for all. The first is for those who name none.
  package var routes: [String]?

  package init(name: String) { self.name = name }

  package func mayUse(route: String) -> Bool { routes?.contains(route) ?? true }
}
