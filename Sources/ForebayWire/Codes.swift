// What travels as a number. `proto/codes.json` is the one list; `make lint` compares this file with it.

/// The kind of a frame: byte 4 of every frame. The high bit says that the daemon sends it.
package enum FrameType: UInt8, Sendable {
  case hello = 1
  case data = 2
  case seen = 3
  case blocked = 4
  case backlog = 5
  case reclaimed = 6
  case pong = 7
  case bye = 8
  case origin = 9
  case welcome = 129
  case window = 130
  case receipt = 131
  case reclaim = 132
  case ping = 133
  case goaway = 134
  case error = 135

  package var isFromDaemon: Bool { rawValue & 0x80 != 0 }
}

/// How far a message must have come before its sender hears of it for the first time.
package enum ReceiptLevel: UInt8, Sendable, Comparable {
  /// In DATA only: the level that the connection's HELLO named.
  case `default` = 0
  /// Held in the daemon's memory.
  case received = 1
  /// On disk, fsynced, where the route has a spill.
  case stored = 2
  /// The upstream said so.
  case delivered = 3

  package static func < (a: ReceiptLevel, b: ReceiptLevel) -> Bool { a.rawValue < b.rawValue }
}

/// What became of a message. Exactly one final outcome is reported for each.
package enum Outcome: UInt8, Sendable {
  case received = 0
  case stored = 1
  case delivered = 16
  case deadLettered = 17
  case rejected = 18
  case expired = 19
  case dropped = 20
  case duplicate = 21

  package var isFinal: Bool { rawValue >= 16 }
}

package struct ReceiptFlags: OptionSet, Equatable, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }
  /// An attempt was still unanswered when the message was settled.
  package static let maybeDelivered = ReceiptFlags(rawValue: 1)
  /// The daemon had settled this message before; the outcome is the stored one.
  package static let duplicate = ReceiptFlags(rawValue: 2)
}

package enum WindowState: UInt8, Sendable {
  case open = 0
  /// The buffer is nearly full; a label, no change of any grant.
  case pressed = 1
  case shut = 2
}

/// Why a window is shut.
package enum WindowReason: UInt8, Sendable, CaseIterable {
  case none = 0
  case bufferFull = 1
  case fairShare = 2
  case breakerOpen = 3
  case rateLimited = 4
  case draining = 5
  case receiptsUnseen = 6
  case deadLettersBlocked = 7
  case windowMaximum = 8
  case reclaiming = 9
  case paused = 10
}

/// Why a single message ended as it did. An open set: upstreams add theirs above 255.
package struct MessageCode: RawRepresentable, Equatable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }
  package static let none = MessageCode(rawValue: 0)
  package static let ttlExpired = MessageCode(rawValue: 1)
  package static let unsupportedExtension = MessageCode(rawValue: 2)
  package static let upstreamRejected = MessageCode(rawValue: 3)
  package static let shuttingDown = MessageCode(rawValue: 4)
  package static let laneNotPermitted = MessageCode(rawValue: 5)
  package static let levelUnavailable = MessageCode(rawValue: 6)
  package static let attemptsExhausted = MessageCode(rawValue: 7)
}

/// Why the daemon ends a connection, in ERROR and GOAWAY, in logs and as a metric label.
package enum ErrorCode: UInt16, Sendable, CaseIterable {
  case badMagic = 1
  case unsupportedVersion = 2
  case frameTooShort = 3
  case frameTooLarge = 4
  case unknownFrameType = 5
  case reservedBits = 6
  case helloExpected = 7
  case sequenceNotIncreasing = 8
  case flowControl = 9
  case badExtension = 10
  case badField = 11
  case helloRepeated = 12
  case unknownRoute = 13
  case notPermitted = 14
  case sessionTaken = 15
  case tooManyConnections = 16
  case helloTimeout = 17
  case frameTimeout = 18
  case reclaimTimeout = 19
  case slowReader = 20
  case controlFlood = 21
  case originMismatch = 22
  case shuttingDown = 23
  case heartbeatTimeout = 24
  case `internal` = 25
  case wrongDirection = 26
  case killed = 27
  case tooManySessions = 28
}

/// The kind of a TLV extension. An open set: below 128 unknown ones are carried along, from 128 on
/// they are critical.
package struct ExtensionType: RawRepresentable, Equatable, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }
  package static let key = ExtensionType(rawValue: 1)
  package static let header = ExtensionType(rawValue: 2)
  package static let traceparent = ExtensionType(rawValue: 3)
  package static let idempotencyID = ExtensionType(rawValue: 4)
  package static let contentType = ExtensionType(rawValue: 5)
  package static let clientName = ExtensionType(rawValue: 16)
  package static let shimName = ExtensionType(rawValue: 17)
  package static let shimVersion = ExtensionType(rawValue: 18)
  package static let route = ExtensionType(rawValue: 19)
  package static let text = ExtensionType(rawValue: 20)

  package var isCritical: Bool { rawValue >= 128 }
}

/// Bits of a frame's byte 5; which of them a frame may have set depends on its type.
package enum FrameFlags {
  package static let dataLevelMask: UInt8 = 3
  package static let helloPeer: UInt8 = 1
  package static let welcomeResumed: UInt8 = 1
}
