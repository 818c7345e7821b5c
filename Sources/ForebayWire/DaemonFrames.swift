// What the daemon sends. Byte diagrams: proto/WIRE.md.

package struct Welcome: ControlFrame {
  package static let type = FrameType.welcome
  package static let fixedBytes = 40
  package static let flagsAllowed = FrameFlags.welcomeResumed

  package var version: UInt16
  /// The largest DATA frame, whole, in bytes.
  package var frameBytesMax: UInt32
  /// What a message costs beyond its frame, in bytes.
  package var overhead: UInt32
  /// How often PING comes, in milliseconds; 0 means never.
  package var heartbeatMilliseconds: UInt32
  /// How many receipt ranges follow to describe the session, before the first WINDOW.
  package var ranges: UInt32
  /// The highest sequence that the session ever received; 0 for a new one.
  package var known: UInt64
  package var isResumed: Bool

  package init(
    frameBytesMax: UInt32, overhead: UInt32, heartbeatMilliseconds: UInt32 = 0, ranges: UInt32 = 0,
    known: UInt64 = 0, isResumed: Bool = false, version: UInt16 = WireLimits.version
  ) {
    self.version = version
    self.frameBytesMax = frameBytesMax
    self.overhead = overhead
    self.heartbeatMilliseconds = heartbeatMilliseconds
    self.ranges = ranges
    self.known = known
    self.isResumed = isResumed
  }

  package var flags: UInt8 { isResumed ? FrameFlags.welcomeResumed : 0 }

  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    version = base.big16(8)
    frameBytesMax = base.big32(12)
    overhead = base.big32(16)
    heartbeatMilliseconds = base.big32(20)
    ranges = base.big32(24)
    known = base.big64(32)
    isResumed = flags & FrameFlags.welcomeResumed != 0
    guard version == WireLimits.version else { throw WireError(.unsupportedVersion) }
    try requireZero(base.big16(10) == 0 && base.big32(28) == 0)
    guard frameBytesMax >= WireLimits.dataFixedBytes, frameBytesMax <= WireLimits.frameBytesMax,
      overhead <= WireLimits.overheadBytesMax
    else { throw WireError(.badField) }
  }

  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put16(version, at: 8)
    base.put16(0, at: 10)
    base.put32(frameBytesMax, at: 12)
    base.put32(overhead, at: 16)
    base.put32(heartbeatMilliseconds, at: 20)
    base.put32(ranges, at: 24)
    base.put32(0, at: 28)
    base.put64(known, at: 32)
  }
}

/// Absolute limits for this connection, never increments: a late or repeated one does no harm.
package struct Window: ControlFrame {
  package static let type = FrameType.window
  package static let fixedBytes = 48

  /// All cost bytes that the client may ever send on this connection.
  package var limitBytes: UInt64
  package var limitMessages: UInt64
  /// What the daemon has counted, for the client to compare.
  package var receivedBytes: UInt64
  package var receivedMessages: UInt64
  /// When the window is expected to open, in milliseconds from now; 0 means unknown.
  package var retryAfterMilliseconds: UInt32
  package var state: WindowState
  package var reason: WindowReason

  package init(
    limitBytes: UInt64, limitMessages: UInt64, receivedBytes: UInt64 = 0,
    receivedMessages: UInt64 = 0, retryAfterMilliseconds: UInt32 = 0, state: WindowState = .open,
    reason: WindowReason = .none
  ) {
    self.limitBytes = limitBytes
    self.limitMessages = limitMessages
    self.receivedBytes = receivedBytes
    self.receivedMessages = receivedMessages
    self.retryAfterMilliseconds = retryAfterMilliseconds
    self.state = state
    self.reason = reason
  }

  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    limitBytes = base.big64(8)
    limitMessages = base.big64(16)
    receivedBytes = base.big64(24)
    receivedMessages = base.big64(32)
    retryAfterMilliseconds = base.big32(40)
    // A newer daemon may have more states and reasons; neither changes what the limits allow.
    state = WindowState(rawValue: base.byte(44)) ?? .open
    reason = WindowReason(rawValue: base.byte(45)) ?? .none
    try requireZero(base.big16(46) == 0)
  }

  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put64(limitBytes, at: 8)
    base.put64(limitMessages, at: 16)
    base.put64(receivedBytes, at: 24)
    base.put64(receivedMessages, at: 32)
    base.put32(retryAfterMilliseconds, at: 40)
    base.put8(state.rawValue, at: 44)
    base.put8(reason.rawValue, at: 45)
    base.put16(0, at: 46)
  }
}

/// "Give back what lies above these limits." Answered by RECLAIMED with the same number.
package struct Reclaim: ControlFrame {
  package static let type = FrameType.reclaim
  package static let fixedBytes = 32
  package var number: UInt32
  package var limitBytes: UInt64
  package var limitMessages: UInt64
  package init(number: UInt32, limitBytes: UInt64, limitMessages: UInt64) {
    self.number = number
    self.limitBytes = limitBytes
    self.limitMessages = limitMessages
  }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    number = base.big32(8)
    limitBytes = base.big64(16)
    limitMessages = base.big64(24)
    try requireZero(base.big32(12) == 0)
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put32(number, at: 8)
    base.put32(0, at: 12)
    base.put64(limitBytes, at: 16)
    base.put64(limitMessages, at: 24)
  }
}

package struct Ping: ControlFrame {
  package static let type = FrameType.ping
  package static let fixedBytes = 16
  package var token: UInt64
  package init(token: UInt64) { self.token = token }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    token = base.big64(8)
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) { base.put64(token, at: 8) }
}

/// "Send nothing new; what you are owed still comes." The connection closes at the deadline.
package struct GoAway: ControlFrame {
  package static let type = FrameType.goaway
  package static let fixedBytes = 16
  package var code: UInt16
  package var deadlineMilliseconds: UInt32
  package init(_ code: ErrorCode, deadlineMilliseconds: UInt32) {
    self.code = code.rawValue
    self.deadlineMilliseconds = deadlineMilliseconds
  }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    code = base.big16(8)
    deadlineMilliseconds = base.big32(12)
    try requireZero(base.big16(10) == 0)
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put16(code, at: 8)
    base.put16(0, at: 10)
    base.put32(deadlineMilliseconds, at: 12)
  }
}

/// The last frame of a connection that the daemon ends: a code and when to try again, no internals.
package struct ErrorFrame: ControlFrame {
  package static let type = FrameType.error
  package static let fixedBytes = 16
  package var code: UInt16
  package var retryAfterMilliseconds: UInt32
  package init(_ code: ErrorCode, retryAfterMilliseconds: UInt32 = 0) {
    self.code = code.rawValue
    self.retryAfterMilliseconds = retryAfterMilliseconds
  }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    code = base.big16(8)
    retryAfterMilliseconds = base.big32(12)
    try requireZero(base.big16(10) == 0)
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put16(code, at: 8)
    base.put16(0, at: 10)
    base.put32(retryAfterMilliseconds, at: 12)
  }
}
