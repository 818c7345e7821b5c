// What a client sends, in the order of its life. Byte diagrams: proto/WIRE.md.

package struct Hello: ControlFrame {
  package static let type = FrameType.hello
  package static let fixedBytes = 44
  /// Judged in `init(fixed:flags:)`, after the version: who speaks another version must hear that.
  package static let flagsAllowed: UInt8 = 0xff

  package var versionMin: UInt16
  package var versionMax: UInt16
  package var session: ID128
  /// The lowest sequence for which the client has no final receipt: what is below is forgotten.
  package var floor: UInt64
  package var level: ReceiptLevel
  /// The client is a Forebay and will send ORIGIN before each run.
  package var isPeer: Bool

  package init(
    session: ID128, floor: UInt64 = 1, level: ReceiptLevel = .delivered, isPeer: Bool = false,
    versionMin: UInt16 = WireLimits.version, versionMax: UInt16 = WireLimits.version
  ) {
    self.session = session
    self.floor = floor
    self.level = level
    self.isPeer = isPeer
    self.versionMin = versionMin
    self.versionMax = versionMax
  }

  package var flags: UInt8 { isPeer ? FrameFlags.helloPeer : 0 }

  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    guard base.big32(8) == WireLimits.magic else { throw WireError(.badMagic) }
    versionMin = base.big16(12)
    versionMax = base.big16(14)
    guard versionMin <= WireLimits.version, versionMax >= WireLimits.version else {
      throw WireError(.unsupportedVersion)
    }
    try requireZero(flags & ~FrameFlags.helloPeer == 0 && base.byte(41) == 0 && base.big16(42) == 0)
    session = ID128(high: base.big64(16), low: base.big64(24))
    floor = base.big64(32)
    // An id of zero is one that nobody drew: two such clients would take each other's session.
    guard let level = ReceiptLevel(rawValue: base.byte(40)), floor >= 1,
      session.high | session.low != 0
    else { throw WireError(.badField) }
    self.level = level == .default ? .delivered : level
    isPeer = flags & FrameFlags.helloPeer != 0
  }

  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put32(WireLimits.magic, at: 8)
    base.put16(versionMin, at: 12)
    base.put16(versionMax, at: 14)
    base.put64(session.high, at: 16)
    base.put64(session.low, at: 24)
    base.put64(floor, at: 32)
    base.put8(level.rawValue, at: 40)
    base.put8(0, at: 41)
    base.put16(0, at: 42)
  }
}

/// "I have final receipts for everything below `floor`": the daemon forgets them.
package struct Seen: ControlFrame {
  package static let type = FrameType.seen
  package static let fixedBytes = 16
  package var floor: UInt64
  package init(floor: UInt64) { self.floor = floor }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    floor = base.big64(8)
    guard floor >= 1 else { throw WireError(.badField) }
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) { base.put64(floor, at: 8) }
}

/// "My next frame costs `cost` and doesn't fit."
package struct Blocked: ControlFrame {
  package static let type = FrameType.blocked
  package static let fixedBytes = 24
  package var cost: UInt32
  package var floor: UInt64
  package init(cost: UInt32, floor: UInt64) {
    self.cost = cost
    self.floor = floor
  }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    cost = base.big32(8)
    floor = base.big64(16)
    try requireZero(base.big32(12) == 0)
    guard floor >= 1 else { throw WireError(.badField) }
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put32(cost, at: 8)
    base.put32(0, at: 12)
    base.put64(floor, at: 16)
  }
}

/// "I want no limit above this": absolute, like the limits themselves. It can only lower a grant.
package struct Backlog: ControlFrame {
  package static let type = FrameType.backlog
  package static let fixedBytes = 24
  package var bytes: UInt64
  package var messages: UInt64
  package init(bytes: UInt64, messages: UInt64) {
    self.bytes = bytes
    self.messages = messages
  }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    bytes = base.big64(8)
    messages = base.big64(16)
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put64(bytes, at: 8)
    base.put64(messages, at: 16)
  }
}

/// "From here on I keep to RECLAIM `number`."
package struct Reclaimed: ControlFrame {
  package static let type = FrameType.reclaimed
  package static let fixedBytes = 16
  package var number: UInt32
  package init(number: UInt32) { self.number = number }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    number = base.big32(8)
    try requireZero(base.big32(12) == 0)
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put32(number, at: 8)
    base.put32(0, at: 12)
  }
}

package struct Pong: ControlFrame {
  package static let type = FrameType.pong
  package static let fixedBytes = 16
  package var token: UInt64
  package init(token: UInt64) { self.token = token }
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    token = base.big64(8)
  }
  package func writeFixed(to base: UnsafeMutableRawPointer) { base.put64(token, at: 8) }
}

package struct Bye: ControlFrame {
  package static let type = FrameType.bye
  package static let fixedBytes = 8
  package init() {}
  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {}
  package func writeFixed(to base: UnsafeMutableRawPointer) {}
}

/// Between Forebays: whose messages the next `count` DATA frames are. It counts against credit.
package struct Origin: ControlFrame {
  package static let type = FrameType.origin
  package static let fixedBytes = 64
  /// The first of `count` consecutive link sequences, by which receipts refer to the messages.
  package var linkSequence: UInt64
  /// A one-way tag of the client's principal and session.
  package var tag: ID128
  /// The client's own sequence of the first message.
  package var sequence: UInt64
  package var count: UInt32
  /// What is left of the messages' time to live, in milliseconds; 0 means no limit.
  package var ttlMilliseconds: UInt32
  /// The client's floor: outcomes below it may be forgotten.
  package var floor: UInt64
  package var lane: UInt8

  package init(
    linkSequence: UInt64, tag: ID128, sequence: UInt64, count: UInt32, ttlMilliseconds: UInt32,
    floor: UInt64, lane: UInt8
  ) {
    self.linkSequence = linkSequence
    self.tag = tag
    self.sequence = sequence
    self.count = count
    self.ttlMilliseconds = ttlMilliseconds
    self.floor = floor
    self.lane = lane
  }

  package init(fixed base: UnsafeRawPointer, flags: UInt8) throws(WireError) {
    linkSequence = base.big64(8)
    tag = ID128(high: base.big64(16), low: base.big64(24))
    sequence = base.big64(32)
    count = base.big32(40)
    ttlMilliseconds = base.big32(44)
    floor = base.big64(48)
    lane = base.byte(56)
    try requireZero(base.byte(57) == 0 && base.big16(58) == 0 && base.big32(60) == 0)
    guard count >= 1, count <= WireLimits.runMessagesMax, Int(lane) < WireLimits.lanesMax,
      isSequenceRange(first: sequence, count: count),
      isSequenceRange(first: linkSequence, count: count), floor >= 1
    else { throw WireError(.badField) }
  }

  package func writeFixed(to base: UnsafeMutableRawPointer) {
    base.put64(linkSequence, at: 8)
    base.put64(tag.high, at: 16)
    base.put64(tag.low, at: 24)
    base.put64(sequence, at: 32)
    base.put32(count, at: 40)
    base.put32(ttlMilliseconds, at: 44)
    base.put64(floor, at: 48)
    base.put8(lane, at: 56)
    base.put8(0, at: 57)
    base.put16(0, at: 58)
    base.put32(0, at: 60)
  }
}
