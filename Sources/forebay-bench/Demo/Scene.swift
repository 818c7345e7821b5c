import ForebayCore

/// All that the live view shows at one moment.
struct Scene: Equatable, Sendable {
  struct Producer: Equatable, Sendable {
    var number: Int
    /// Sent and not settled.
    var inUse: UInt64
    /// What may be unsettled in all, now.
    var window: UInt64
    /// How much of the last second something waited for the window: 0 to 1.
    var blockedShare: Double
    /// What the window's being shut is put down to; nil where nobody said.
    var reason: String?
  }

  struct Buffer: Equatable, Sendable {
    var held: UInt64
    var bound: UInt64
  }

  struct Note: Equatable, Sendable {
    var at: TimeSpan
    var text: String
  }

  var elapsed = TimeSpan.zero
  var act = ""
  /// Messages a second, over about the last second.
  var offered = 0.0
  var admitted = 0.0
  var delivered = 0.0
  var sentTotal: UInt64 = 0
  var deliveredTotal: UInt64 = 0
  /// Due at the producers and not handed in.
  var waitingTotal: UInt64 = 0
  var producers: [Producer] = []
  var buffer = Buffer(held: 0, bound: 0)
  /// Nil while there is no hub.
  var hub: Buffer?
  var breaker = DaemonSight.Breaker()
  /// The last is the newest.
  var notes: [Note] = []
}
