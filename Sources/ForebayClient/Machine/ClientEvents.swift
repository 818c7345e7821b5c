package import ForebayWire

/// What the machine has to tell. The shell takes all events after each call.
package enum ClientEvent: Equatable, Sendable {
  /// The daemon answered HELLO; messages wait only for the first WINDOW now.
  case welcomed(isResumed: Bool, frameBytesMax: Int)
  /// The messages have come as far as their sender wanted to hear of first, but aren't settled.
  case answered(first: UInt64, count: Int, outcome: Outcome)
  /// The messages' one final outcome.
  case settled(first: UInt64, count: Int, outcome: Outcome, code: MessageCode, flags: ReceiptFlags)
  /// The machine let go of messages without the daemon's word. Final too.
  case abandoned(first: UInt64, count: Int, certainty: Certainty, cause: AbandonCause)
  /// What the window looks like now: its state or reason is another one, or it opened or shut.
  case windowChanged(WindowView)
  /// Close the socket, then call `connectionLost`. After `saidBye` write what is produced first.
  case ended(ConnectionEnd)
}

/// What is known of a message that the daemon has given no final outcome.
package enum Certainty: Equatable, Sendable {
  /// No byte of it was ever sent.
  case notSent
  /// It was sent, in whole or in part; the daemon may have forwarded it.
  case unknown
}

package enum AbandonCause: Equatable, Sendable {
  /// The client was closed first.
  case closed
  /// A new connection came with a smaller maximum frame than the one that the message was made for.
  case frameTooLarge
}

/// The window as it is shown to people.
package struct WindowView: Equatable, Sendable {
  /// Whether the next message fits.
  package var isShut = true
  package var state = WindowState.shut
  package var reason = WindowReason.none
  package var retryAfterMilliseconds: UInt32 = 0
  package var openMessages: UInt64 = 0
  package var openBytes: UInt64 = 0

  package init() {}
}

/// Every way in which a connection ends.
package enum ConnectionEnd: Equatable, Sendable {
  /// The daemon broke the protocol.
  case mistake(DaemonMistake)
  /// The daemon sent ERROR. The code is nil where this version doesn't know it.
  case refused(ErrorCode?, retryAfterMilliseconds: UInt32)
  /// After GOAWAY, with everything settled that the daemon owed, or at its deadline.
  case drained(ErrorCode?)
  case welcomeTimeout
  case heartbeatMissed
  /// BYE is produced.
  case saidBye

  /// What to do next.
  package var remedy: Remedy {
    switch self {
    case .mistake, .saidBye: return .stop
    case .refused(let code, _): return code?.remedy ?? .again
    case .drained(let code): return code?.remedy == .stop ? .stop : .again
    case .welcomeTimeout, .heartbeatMissed: return .again
    }
  }
}

/// What a client does after its connection ended: the column "then" of `proto/WIRE.md` §5.8.
package enum Remedy: Equatable, Sendable {
  /// Connect again after the backoff, or after what the daemon said.
  case again
  /// It is this client's own mistake: connect again, but no sooner than in 5 s.
  case bug
  /// Connecting again would change nothing, or only fight for the session.
  case stop
}

/// What the daemon did against the protocol. None of it may be answered by anything but hanging up.
package enum DaemonMistake: Equatable, Sendable {
  /// A frame that can't be read; the code says what is wrong with it.
  case malformedFrame(ErrorCode)
  /// A frame of a type that doesn't belong here.
  case unexpectedFrame(FrameType)
  /// The first WINDOW came while WELCOME's ranges were still missing.
  case rangesMissing(UInt32)
  /// More ranges came than WELCOME announced, or than a client can be expected to remember.
  case tooManyRanges
  /// The daemon knows, or has counted, what was never sent.
  case countsUnsent
  /// It asks for answers faster than it reads them.
  case controlFlood
}

extension ErrorCode {
  var remedy: Remedy {
    switch self {
    case .tooManyConnections, .helloTimeout, .frameTimeout, .reclaimTimeout, .slowReader,
      .shuttingDown,
      .heartbeatTimeout, .internal, .killed, .tooManySessions:
      return .again
    case .frameTooShort, .frameTooLarge, .unknownFrameType, .reservedBits, .helloExpected,
      .sequenceNotIncreasing, .flowControl, .badExtension, .badField, .helloRepeated,
      .controlFlood, .originMismatch, .wrongDirection:
      return .bug
    case .badMagic, .unsupportedVersion, .unknownRoute, .notPermitted, .sessionTaken:
      return .stop
    }
  }
}
