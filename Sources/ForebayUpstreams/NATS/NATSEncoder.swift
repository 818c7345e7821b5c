import ForebayCore
import ForebayWire

/// Writes messages as HPUB commands, straight from the frames to where the socket takes them: one copy.
///
///     HPUB subject inbox.NNNNNNNNIIII HEADER-BYTES BYTES
///     NATS/1.0
///     Nats-Msg-Id: TAG-SEQUENCE
///     [Nats-Expected-Last-Msg-Id: TAG-SEQUENCE of the message before]
///     [Forebay-Key: KEY] [traceparent: …] [Content-Type: …] [headers of the sender]
///
///     PAYLOAD
struct NATSEncoder: ~Copyable {
  /// `HPUB subject inbox.`, by lane.
  private let heads: [[UInt8]]
  private let keyHead: [UInt8]?
  /// What a message takes beyond its payload and its extensions, at most.
  private let fixedBytes: Int
  /// Headers of the message that is being written; reused.
  private var extra: [UInt8] = []

  private static let idHead = Array("NATS/1.0\r\nNats-Msg-Id: ".utf8)
  private static let lastHead = Array("Nats-Expected-Last-Msg-Id: ".utf8)

  init(_ options: NATSOptions, route: String, inbox: String) {
    heads = (0..<WireLimits.lanesMax).map {
      Array("HPUB \(NATSOptions.subject(options.subject, route: route, lane: $0)) \(inbox).".utf8)
    }
    keyHead = options.keyHeader.map { Array("\($0): ".utf8) }
    fixedBytes =
      (heads.map(\.count).max() ?? 0) + Self.idHead.count + Self.lastHead.count
      // Two ids, what follows the inbox, two lengths, and the ends of six lines.
      + 2 * RedisEncoder.idBytesMax + 12 + 2 * 21 + 12
  }

  /// What is published besides the payload of a message without extensions, at most: so much of the
  /// server's limit isn't for payloads.
  static var headerBytesMax: Int {
    idHead.count + lastHead.count + 2 * RedisEncoder.idBytesMax + 6
  }

  /// Where a message's answer goes: its call's number and its place there.
  struct Address {
    let serial: UInt32
    let index: Int
  }

  /// Appends a message; false if with its headers it has more than `bytesMax`, and isn't written.
  /// `previous`: the sequence of the one that must be the stream's last when this one comes.
  mutating func encode(
    _ view: DataFrameView, _ tag: HexTag, _ sequence: UInt64, lane: Int, previous: UInt64?,
    to address: Address, bytesMax: Int, _ output: inout OutputQueue
  ) -> Bool {
    if !view.extensions.isEmpty { collect(view.extensions) }
    defer { extra.removeAll(keepingCapacity: true) }
    let headerBytes =
      Self.idHead.count + 35 + ByteWriter.digits(of: sequence)
      + (previous.map { Self.lastHead.count + 35 + ByteWriter.digits(of: $0) } ?? 0)
      + extra.count + 2
    let bytes = headerBytes + view.payload.count
    guard bytes <= bytesMax else { return false }
    var writer = ByteWriter(output.room(fixedBytes + extra.count + view.payload.count))
    writer.put(heads[lane])
    writer.put(hex: UInt64(address.serial), digits: 8)
    writer.put(hex: UInt64(address.index), digits: 4)
    writer.put(UInt8(ascii: " "))
    writer.put(decimal: UInt64(headerBytes))
    writer.put(UInt8(ascii: " "))
    writer.put(decimal: UInt64(bytes))
    writer.putLineEnd()
    writer.put(Self.idHead)
    writer.put(tag, sequence)
    if let previous {
      writer.put(Self.lastHead)
      writer.put(tag, previous)
    }
    writer.put(extra)
    writer.putLineEnd()
    writer.put(view.payload)
    writer.putLineEnd()
    output.wrote(writer.count)
    return true
  }

  // MARK: Headers

  /// What the sender gave besides the payload, as header lines.
  private mutating func collect(_ extensions: UnsafeRawBufferPointer) {
    var walk = ExtensionWalk(extensions)
    var once: UInt8 = 0
    while let entry = walk.next() {
      let value = UnsafeRawBufferPointer(rebasing: extensions[entry.value])
      if entry.type == .header {
        header(value)
        continue
      }
      let mark: UInt8 = entry.type == .key ? 1 : entry.type == .traceparent ? 2 : 4
      // Where a type that is meant once is there several times, the first counts.
      guard once & mark == 0 else { continue }
      switch entry.type {
      case .key:
        if let keyHead { put(keyHead, escaping: value) }
      case .traceparent: put(Self.traceHead, ifPrintable: value)
      case .contentType: put(Self.typeHead, ifPrintable: value)
      default: continue
      }
      once |= mark
    }
  }

  private static let traceHead = Array("traceparent: ".utf8)
  private static let typeHead = Array("Content-Type: ".utf8)

  private mutating func put(_ head: [UInt8], ifPrintable value: UnsafeRawBufferPointer) {
    guard Self.isPrintable(value) else { return }
    extra += head
    extra += value
    extra += [13, 10]
  }

  /// A key is any bytes: what can't stand in a header, and `%`, is written `%XX`.
  private mutating func put(_ head: [UInt8], escaping value: UnsafeRawBufferPointer) {
    extra += head
    for byte in value {
      if byte > 32, byte != 0x7f, byte != UInt8(ascii: "%") {
        extra.append(byte)
      } else {
        extra.append(UInt8(ascii: "%"))
        extra.append(Self.digit(byte >> 4))
        extra.append(Self.digit(byte & 15))
      }
    }
    extra += [13, 10]
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 55 + value }

  /// One of the sender's own: `u8 length, name, value`. Names of the server's own headers would let it
  /// steer the stream, and what can't stand in a header is left out.
  private mutating func header(_ value: UnsafeRawBufferPointer) {
    guard let count = value.first.map(Int.init), count > 0, value.count > count else { return }
    let name = value[1...count]
    let text = UnsafeRawBufferPointer(rebasing: value[(count + 1)...])
    guard name.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: ":") }),
      !Self.isServers(name), Self.isPrintable(text)
    else { return }
    extra += name
    extra += [UInt8(ascii: ":"), UInt8(ascii: " ")]
    extra += text
    extra += [13, 10]
  }

  private static func isServers(_ name: Slice<UnsafeRawBufferPointer>) -> Bool {
    name.count >= 5
      && zip(name, "nats-".utf8).allSatisfy { $0 | 0x20 == $1 || $0 == $1 }
  }

  private static func isPrintable(_ text: UnsafeRawBufferPointer) -> Bool {
    text.allSatisfy { $0 >= 32 && $0 != 0x7f }
  }
}

extension ByteWriter {
  /// A message's id and the line's end.
  fileprivate mutating func put(_ tag: HexTag, _ sequence: UInt64) {
    put(tag)
    put(UInt8(ascii: "-"))
    put(decimal: sequence)
    putLineEnd()
  }

  fileprivate mutating func put(hex value: UInt64, digits: Int) {
    for shift in stride(from: (digits - 1) * 4, through: 0, by: -4) {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(shift) & 15)
      put(nibble < 10 ? 48 + nibble : 87 + nibble)
    }
  }
}
