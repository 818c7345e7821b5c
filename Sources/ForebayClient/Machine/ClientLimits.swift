/// The client's own limits, each with its reason.
package enum ClientLimits {
  /// From HELLO to the first WINDOW. The daemon answers within a loop turn; a second or two more
  /// covers a busy machine, and what takes longer is a daemon that hangs.
  package static let welcomeTimeout = Nanoseconds.milliseconds(5_000)
  /// How many heartbeats may be missed: one can be late, two can be an unlucky pause.
  package static let heartbeatsMissed: UInt64 = 3
  /// What a daemon gets to close after its own GOAWAY deadline.
  package static let drainGrace = Nanoseconds.milliseconds(1_000)
  /// Answers that wait to be written. A daemon that makes us owe more doesn't read what it asks for.
  package static let controlBytesMax = 16_384
  /// Ranges about messages that aren't submitted yet, in a session that an earlier process began.
  /// The daemon keeps some thousands at most.
  package static let foreknownRangesMax = 16_384
  /// The least wait after a mistake of our own: whatever made it will make it again.
  package static let bugWait = Nanoseconds.milliseconds(5_000)
}
