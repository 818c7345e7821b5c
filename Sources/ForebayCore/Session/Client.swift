import ForebayWire

/// A connection by slot, safe against late events: a slot's next occupant has another generation.
package struct ClientID: Hashable, Sendable {
  package let slot: UInt32
  package let generation: UInt32
  package init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }
}

/// As operators read and write it: `12.7`.
extension ClientID: CustomStringConvertible {
  package var description: String { "\(slot).\(generation)" }

  package init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let slot = UInt32(parts[0]), let generation = UInt32(parts[1]) else {
      return nil
    }
    self.init(slot: slot, generation: generation)
  }
}

/// One connection on a client socket.
struct Client: ~Copyable {
  enum Phase: Equatable {
    /// Entered on accept. Can transition to: takingOver, open, closing.
    case awaitingHello
    /// Its session's old connection is being read out. Can transition to: open, closing.
    case takingOver
    /// Can transition to: closing.
    case open
    /// The last bytes are being written; whatever else arrives is ignored.
    case closing(ErrorCode?)
  }

  /// What has arrived of a frame that isn't whole.
  enum Partial {
    case none
    /// A small one, put in front of the next read.
    case stash(BlockPool.Block, byteCount: Int)
    /// A large one, read straight into its own block.
    case large(BlockPool.Block, byteCount: Int, frameBytes: Int)
  }

  /// On a peer link: whose messages the next frames are.
  struct Incoming {
    var session: UInt32
    var linkSequence: UInt64
    var nextSequence: UInt64
    var left: Int
    var deadline: Instant
    var lane: UInt8
  }

  var id: ClientID
  let key: PrincipalKey
  /// What it may use. Its shares are those of its principal's class.
  var classIndex: Int
  /// On TCP, where the kernel doesn't tell when the other end vanishes: the interval that it was told.
  let heartbeat: TimeSpan?
  var phase = Phase.awaitingHello
  var principal = none
  var session = none
  /// The session that it had, once it is detached from it.
  var leftSession = none
  var route = none
  var isPeer = false
  var lastSequence: UInt64 = 0
  var incoming: Incoming?
  var partial = Partial.none
  var partialSince: Instant?
  /// How long its frames are, if the last that came in pieces was a large one that a segment holds;
  /// else zero.
  var largeFrameBytes = 0
  let acceptedAt: Instant

  // Credit.
  var window = CreditWindow()
  /// The most that it may have unacknowledged now: grows with use, shrinks when idle.
  var target: UInt64 = 0
  var lastData: Instant
  var lastDemand: Instant?
  /// The cost of the frame that BLOCKED named; zero when nothing is said to be blocked.
  var blockedCost: UInt64 = 0
  /// What an operator set in place of its class's or route's window maximum.
  var windowMaximum: UInt64?
  /// That was lowered while another RECLAIM was out.
  var isTrimDue = false
  /// The limits that BACKLOG asked for.
  var wanted: Cost?
  var reason = WindowReason.none
  /// Control frames: the earliest instant by which all so far were due.
  var controlDue: Instant
  var isDemanding = false
  /// It gave credit back that it could have used, and has wanted none since.
  var isResting = false
  /// The granting pass that found it shut for want of space.
  var shortInPass: UInt64 = 0
  var isDirty = false
  var isWaiting = false
  var nextWaiter = none
  var previousWaiter = none
  var isLending = false
  var nextLent = none
  var previousLent = none

  // What operators are shown.
  /// Bytes that were read from it.
  var bytesRead: UInt64 = 0
  /// When a WINDOW first said that it is shut; nil while the last one didn't.
  var toldShutAt: Instant?
  var shutTotal = TimeSpan.zero
  var shutCount: UInt64 = 0
  var names: ClientNames?
  /// The bytes for which the connection was ended.
  var offence: Offence?

  // Output.
  var receipts = ReceiptQueue()
  var owesWelcome = false
  var owesFirstWindow = false
  var owesWindow = false
  var owesReclaim = false
  var owesPing = false
  var owesGoAway: ErrorCode?
  var owesError: ErrorCode?
  var hasOutputPending = false
  var stalledSince: Instant?
  var lastWindowAt: Instant
  var heartbeatInterval = TimeSpan.zero
  var pingedAt: Instant?
  var heardAt: Instant

  var isOpen: Bool { phase == .open }
  var isClosing: Bool {
    if case .closing = phase { return true }
    return false
  }
}
