import ForebayWire

/// What frames mean, in the words of proto/vectors/schema.json.
enum VectorEvents {
  static func run(_ run: DataRun, name: String, messages: [JSON]?) -> JSON {
    var fields: [String: JSON] = [
      "event": .text(name), "first": u64(run.firstSequence), "count": .number(run.count),
      "bytes": .number(run.byteCount), "lane": .number(Int(run.lane)),
      "ttl": .number(Int(run.ttlMilliseconds)), "level": .text(snake("\(run.level)")),
    ]
    if let messages { fields["messages"] = .list(messages) }
    return .object(fields)
  }

  static func messages(of run: DataRun, in bytes: UnsafeRawBufferPointer) -> [JSON] {
    var place = run.offset
    return (0..<run.count).map { _ in
      let frame = DataFrameView(bytes.baseAddress! + place)
      place += frame.byteCount
      return .object([
        "sequence": u64(frame.header.sequence), "payload": hex(frame.payload),
        "extensions": .list(extensions(frame.extensions)),
      ])
    }
  }

  static func control(
    _ type: FrameType, _ frame: UnsafeRawBufferPointer
  ) throws(WireError) -> JSON {
    if type == .receipt { return try receipt(frame) }
    var (fields, listed) = try fields(type, frame)
    fields["event"] = .text("\(type)")
    let entries = extensions(listed)
    if !entries.isEmpty { fields["extensions"] = .list(entries) }
    return .object(fields)
  }

  private typealias Parts = ([String: JSON], UnsafeRawBufferPointer)

  private static func fields(
    _ type: FrameType, _ bytes: UnsafeRawBufferPointer
  ) throws(WireError) -> Parts {
    switch type {
    case .hello, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin:
      try clientFields(type, bytes)
    case .welcome, .window, .reclaim, .ping, .goaway, .error:
      try daemonFields(type, bytes)
    case .data, .receipt: brokenInvariant("\(type) has no fields of this kind")
    }
  }

  private static func parts<Frame: ControlFrame>(
    _ bytes: UnsafeRawBufferPointer, _ fields: (Frame) -> [String: JSON]
  ) throws(WireError) -> Parts {
    (fields(try Frame(frame: bytes)), Frame.extensions(of: bytes))
  }

  private static func clientFields(
    _ type: FrameType, _ bytes: UnsafeRawBufferPointer
  ) throws(WireError) -> Parts {
    switch type {
    case .hello:
      try parts(bytes) { (frame: Hello) in
        [
          "version_min": number(frame.versionMin), "version_max": number(frame.versionMax),
          "session": id(frame.session), "floor": u64(frame.floor),
          "level": .text(snake("\(frame.level)")), "peer": .bool(frame.isPeer),
        ]
      }
    case .seen: try parts(bytes) { (frame: Seen) in ["floor": u64(frame.floor)] }
    case .blocked:
      try parts(bytes) { (frame: Blocked) in
        ["cost": number(frame.cost), "floor": u64(frame.floor)]
      }
    case .backlog:
      try parts(bytes) { (frame: Backlog) in
        ["bytes": u64(frame.bytes), "messages": u64(frame.messages)]
      }
    case .reclaimed: try parts(bytes) { (frame: Reclaimed) in ["number": number(frame.number)] }
    case .pong: try parts(bytes) { (frame: Pong) in ["token": u64(frame.token)] }
    case .bye: try parts(bytes) { (_: Bye) in [:] }
    case .origin:
      try parts(bytes) { (frame: Origin) in
        [
          "link_sequence": u64(frame.linkSequence), "tag": id(frame.tag),
          "sequence": u64(frame.sequence), "count": number(frame.count),
          "ttl": number(frame.ttlMilliseconds), "floor": u64(frame.floor),
          "lane": number(frame.lane),
        ]
      }
    default: brokenInvariant("\(type) isn't a client's frame")
    }
  }

  private static func daemonFields(
    _ type: FrameType, _ bytes: UnsafeRawBufferPointer
  ) throws(WireError) -> Parts {
    switch type {
    case .welcome:
      try parts(bytes) { (frame: Welcome) in
        [
          "version": number(frame.version), "frame_bytes_max": number(frame.frameBytesMax),
          "overhead": number(frame.overhead), "heartbeat": number(frame.heartbeatMilliseconds),
          "ranges": number(frame.ranges), "known": u64(frame.known),
          "resumed": .bool(frame.isResumed),
        ]
      }
    case .window:
      try parts(bytes) { (frame: Window) in
        [
          "limit_bytes": u64(frame.limitBytes), "limit_messages": u64(frame.limitMessages),
          "received_bytes": u64(frame.receivedBytes),
          "received_messages": u64(frame.receivedMessages),
          "retry_after": number(frame.retryAfterMilliseconds),
          "state": .text(snake("\(frame.state)")), "reason": .text(snake("\(frame.reason)")),
        ]
      }
    case .reclaim:
      try parts(bytes) { (frame: Reclaim) in
        [
          "number": number(frame.number), "limit_bytes": u64(frame.limitBytes),
          "limit_messages": u64(frame.limitMessages),
        ]
      }
    case .ping: try parts(bytes) { (frame: Ping) in ["token": u64(frame.token)] }
    case .goaway:
      try parts(bytes) { (frame: GoAway) in
        ["code": number(frame.code), "deadline": number(frame.deadlineMilliseconds)]
      }
    case .error:
      try parts(bytes) { (frame: ErrorFrame) in
        ["code": number(frame.code), "retry_after": number(frame.retryAfterMilliseconds)]
      }
    default: brokenInvariant("\(type) isn't a daemon's frame")
    }
  }

  private static func receipt(_ frame: UnsafeRawBufferPointer) throws(WireError) -> JSON {
    var ranges: [JSON] = []
    for index in 0..<(try Receipt.count(frame: frame)) {
      let range = try Receipt.range(at: index, frame: frame)
      ranges.append(
        .object([
          "first": u64(range.first), "count": number(range.count),
          "outcome": .text(snake("\(range.outcome)")), "flags": number(range.flags.rawValue),
          "code": number(range.code.rawValue),
        ]))
    }
    return .object(["event": .text("receipt"), "ranges": .list(ranges)])
  }

  private static func extensions(_ bytes: UnsafeRawBufferPointer) -> [JSON] {
    var walk = ExtensionWalk(bytes)
    var entries: [JSON] = []
    while let entry = walk.next() {
      entries.append(
        .object([
          "type": number(entry.type.rawValue),
          "value": hex(UnsafeRawBufferPointer(rebasing: bytes[entry.value])),
        ]))
    }
    return entries
  }

  private static func u64(_ value: UInt64) -> JSON { .text(String(value)) }
  private static func number(_ value: some BinaryInteger) -> JSON { .number(Int(value)) }
  private static func id(_ value: ID128) -> JSON {
    .text(padded(value.high, 16) + padded(value.low, 16))
  }
  private static func hex(_ bytes: UnsafeRawBufferPointer) -> JSON {
    .text(bytes.map { padded(UInt64($0), 2) }.joined())
  }
  private static func padded(_ value: UInt64, _ digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
  }
}

/// deadLettered as DEAD_LETTERED: how the vectors and codes.json write names.
func snake(_ name: String) -> String {
  var out = ""
  var previous: Character = "A"
  for character in name {
    if character.isUppercase, previous.isLowercase { out += "_" }
    out += character.uppercased()
    previous = character
  }
  return out
}
