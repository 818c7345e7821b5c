/// What the daemon allows on this connection and how much of it is used, in cost bytes and in
/// messages. The limits are absolute, so a repeated or late update does no harm.
///
/// Invariant: what is sent never exceeds the limit, in either dimension.
package struct Credit: Equatable, Sendable {
  package private(set) var limitBytes: UInt64 = 0
  package private(set) var limitMessages: UInt64 = 0
  package private(set) var sentBytes: UInt64 = 0
  package private(set) var sentMessages: UInt64 = 0

  package init() {}

  package var openBytes: UInt64 { limitBytes - sentBytes }
  package var openMessages: UInt64 { limitMessages - sentMessages }

  /// Whether a message of this cost may be sent.
  package func admits(cost: UInt64) -> Bool {
    openMessages >= 1 && openBytes >= cost
  }

  package mutating func spend(cost: UInt64) {
    sentBytes += cost
    sentMessages += 1
  }

  /// A WINDOW came. A limit below ours is one that we know to be superseded: only RECLAIM lowers.
  package mutating func raise(toBytes bytes: UInt64, messages: UInt64) {
    limitBytes = max(limitBytes, bytes)
    limitMessages = max(limitMessages, messages)
  }

  /// A RECLAIM came: give back what lies above, but not what is already sent.
  package mutating func lower(toBytes bytes: UInt64, messages: UInt64) {
    limitBytes = max(sentBytes, min(limitBytes, bytes))
    limitMessages = max(sentMessages, min(limitMessages, messages))
  }
}
