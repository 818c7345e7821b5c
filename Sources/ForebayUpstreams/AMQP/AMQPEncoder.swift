import ForebayCore
import ForebayWire

/// Writes messages as `basic.publish`, straight from the frames to where the socket takes them: one copy.
///
///     method frame: exchange, routing key, mandatory      the same bytes for all of a lane, but for {key}
///     header frame: size, properties                      content type, headers, delivery mode, message-id
///     body frames                                         as many as `frame_max` makes of it
///
/// Every message is mandatory: without that, one that no queue is bound for would be confirmed and gone.
struct AMQPEncoder: ~Copyable {
  enum Result: Equatable {
    case written
    /// It can't be said in AMQP, and nothing of it was written.
    case impossible(MessageCode)
  }

  /// The channel that all is published on.
  static let channel: UInt16 = 1
  private static let shortTextMax = 255
  /// Head and end of two frames, the fixed fields of both, the properties' lengths, and the id.
  private static let fixedBytes = 2 * 8 + 40 + 96 + RedisEncoder.idBytesMax
  /// Of the header frame's payload, without what extensions bring.
  private static let headerFixedBytes = 16 + 2 + 2 + RedisEncoder.idBytesMax

  /// By lane: what stands before, between and after keys.
  private let routingKeys: [[[UInt8]]]
  private let exchange: [UInt8]
  private let deliveryMode: UInt8?
  private let usesKey: Bool
  /// What was agreed with the server, with head and end.
  var frameBytesMax = AMQPSession.frameBytesMax

  init(_ options: AMQPOptions, route: String) {
    let template = options.routingKey.replacing("{route}", with: route)
    routingKeys = (0..<WireLimits.lanesMax).map { lane in
      Self.pieces(template.replacing("{lane}", with: "\(lane)"))
    }
    usesKey = template.contains("{key}")
    exchange = Array((options.exchange ?? "").utf8)
    deliveryMode = options.isPersistent ? 2 : nil
    invariant(exchange.count <= Self.shortTextMax, "names are checked when they are read")
  }

  private static func pieces(_ template: String) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var rest = template[...]
    while let place = rest.firstRange(of: "{key}") {
      pieces.append(Array(rest[..<place.lowerBound].utf8))
      rest = rest[place.upperBound...]
    }
    return pieces + [Array(rest.utf8)]
  }

  /// Appends a message.
  func encode(
    _ view: DataFrameView, _ tag: HexTag, _ sequence: UInt64, lane: Int,
    to output: inout OutputQueue
  ) -> Result {
    let extras = view.extensions.isEmpty ? Extras() : Extras(view.extensions)
    let key = usesKey ? extras.key : UnsafeRawBufferPointer(start: nil, count: 0)
    let pieces = routingKeys[lane]
    var keyBytes = (pieces.count - 1) * key.count
    for piece in pieces { keyBytes += piece.count }
    guard keyBytes <= Self.shortTextMax else { return .impossible(AMQPComplaint.keyTooLong) }
    let bodyMax = frameBytesMax - AMQPFrames.overheadBytes
    guard extras.bytes + Self.headerFixedBytes <= bodyMax else {
      return .impossible(AMQPComplaint.headersTooLarge)
    }
    let body = view.payload
    let frames = (body.count + bodyMax - 1) / bodyMax
    let room =
      Self.fixedBytes + exchange.count + keyBytes + extras.bytes + body.count
      + frames * AMQPFrames.overheadBytes
    var writer = ByteWriter(output.room(room))
    putMethod(pieces, key, keyBytes, &writer)
    putHeader(body.count, extras, view.extensions, tag, sequence, &writer)
    var place = 0
    while place < body.count {
      let count = min(bodyMax, body.count - place)
      writer.putFrameHead(.body, payload: count)
      writer.put(UnsafeRawBufferPointer(rebasing: body[place..<(place + count)]))
      writer.put(AMQPFrames.end)
      place += count
    }
    output.wrote(writer.count)
    return .written
  }

  private func putMethod(
    _ pieces: [[UInt8]], _ key: UnsafeRawBufferPointer, _ keyBytes: Int, _ writer: inout ByteWriter
  ) {
    writer.putFrameHead(.method, payload: 4 + 2 + 1 + exchange.count + 1 + keyBytes + 1)
    // basic.publish, and a field that is reserved.
    writer.put(big32: 0x003c_0028)
    writer.put(big16: 0)
    writer.put(UInt8(exchange.count))
    writer.put(exchange)
    writer.put(UInt8(keyBytes))
    for index in pieces.indices {
      if index > 0 { writer.put(key) }
      writer.put(pieces[index])
    }
    // Mandatory, and not immediate, which RabbitMQ doesn't know.
    writer.put(1)
    writer.put(AMQPFrames.end)
  }

  private func putHeader(
    _ bodyBytes: Int, _ extras: Extras, _ extensions: UnsafeRawBufferPointer,
    _ tag: HexTag, _ sequence: UInt64, _ writer: inout ByteWriter
  ) {
    let idBytes = 33 + ByteWriter.digits(of: sequence)
    var flags: UInt16 = 1 << 7
    var size = 14 + 1 + idBytes + extras.bytes
    if extras.contentType.count > 0 { flags |= 1 << 15 }
    if extras.headerBytes > 0 { flags |= 1 << 13 }
    if deliveryMode != nil {
      flags |= 1 << 12
      size += 1
    }
    writer.putFrameHead(.header, payload: size)
    writer.put(big32: 0x003c_0000)
    writer.put(big64: UInt64(bodyBytes))
    writer.put(big16: flags)
    if extras.contentType.count > 0 {
      writer.put(UInt8(extras.contentType.count))
      writer.put(extras.contentType)
    }
    if extras.headerBytes > 0 {
      writer.put(big32: UInt32(extras.headerBytes))
      Extras.eachHeader(extensions) { name, value in
        writer.put(UInt8(name.count))
        writer.put(name)
        writer.put(UInt8(ascii: "S"))
        writer.put(big32: UInt32(value.count))
        writer.put(value)
      }
    }
    if let deliveryMode { writer.put(deliveryMode) }
    writer.put(UInt8(idBytes))
    writer.put(tag)
    writer.put(UInt8(ascii: "-"))
    writer.put(decimal: sequence)
    writer.put(AMQPFrames.end)
  }

  /// Whose message has this `message-id`; nil if it is none of ours.
  static func origin(of id: UnsafeRawBufferPointer) -> (tag: ID128, sequence: UInt64)? {
    guard (34...RedisEncoder.idBytesMax).contains(id.count), id[32] == UInt8(ascii: "-") else {
      return nil
    }
    let text = String(decoding: id, as: UTF8.self)
    guard let high = UInt64(text.prefix(16), radix: 16),
      let low = UInt64(text.dropFirst(16).prefix(16), radix: 16),
      let sequence = UInt64(text.dropFirst(33))
    else { return nil }
    return (ID128(high: high, low: low), sequence)
  }

  /// What a message's extensions bring, measured before anything is written.
  private struct Extras {
    var key = UnsafeRawBufferPointer(start: nil, count: 0)
    var contentType = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The table's entries, without its length.
    var headerBytes = 0

    init() {}

    init(_ extensions: UnsafeRawBufferPointer) {
      var hasKey = false
      var walk = ExtensionWalk(extensions)
      while let entry = walk.next() {
        let value = UnsafeRawBufferPointer(rebasing: extensions[entry.value])
        if entry.type == .key, !hasKey {
          key = value
          hasKey = true
        } else if entry.type == .contentType, contentType.isEmpty,
          value.count <= AMQPEncoder.shortTextMax
        {
          contentType = value
        }
      }
      var bytes = 0
      Self.eachHeader(extensions) { name, value in bytes += 6 + name.count + value.count }
      headerBytes = bytes
    }

    /// In the content header, with their lengths.
    var bytes: Int {
      (contentType.isEmpty ? 0 : 1 + contentType.count) + (headerBytes > 0 ? 4 + headerBytes : 0)
    }

    private static let traceparent: StaticString = "traceparent"

    /// Names and values of what becomes a header: those of the sender, and the trace's context. What
    /// isn't a header by its own length is left out.
    static func eachHeader(
      _ extensions: UnsafeRawBufferPointer,
      _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) {
      var isTraced = false
      var walk = ExtensionWalk(extensions)
      while let entry = walk.next() {
        let value = UnsafeRawBufferPointer(rebasing: extensions[entry.value])
        if entry.type == .traceparent, !isTraced {
          isTraced = true
          let name = UnsafeRawBufferPointer(
            start: traceparent.utf8Start, count: traceparent.utf8CodeUnitCount)
          body(name, value)
        } else if entry.type == .header, let first = value.first {
          let end = 1 + Int(first)
          guard first > 0, end <= value.count else { continue }
          body(
            UnsafeRawBufferPointer(rebasing: value[1..<end]),
            UnsafeRawBufferPointer(rebasing: value[end...]))
        }
      }
    }
  }
}

extension ByteWriter {
  /// Of the channel that messages go on.
  mutating func putFrameHead(_ kind: AMQPFrames.Kind, payload: Int) {
    put(kind.rawValue)
    put(big16: AMQPEncoder.channel)
    put(big32: UInt32(payload))
  }
}
