import ForebayCore
import ForebayWire

/// Writes messages as XADD commands, straight from the frames to where the socket takes them: one copy.
///
///     XADD stream [MAXLEN ~ n] * data PAYLOAD [id TAG-SEQUENCE] [key KEY]
struct RedisEncoder: ~Copyable {
  /// What comes before a payload's length, by lane, without and with a key.
  private let heads: [[UInt8]]
  private let headsWithKey: [[UInt8]]
  private let idHead: [UInt8]
  private let keyHead: [UInt8]
  /// What an entry takes beyond its payload and key, at most.
  private let fixedBytes: Int

  init(_ options: RedisOptions, route: String) {
    var heads: [[UInt8]] = []
    var headsWithKey: [[UInt8]] = []
    for lane in 0..<WireLimits.lanesMax {
      let stream = Self.stream(options.stream, route: route, lane: lane)
      heads.append(Self.head(options, stream, hasKey: false))
      headsWithKey.append(Self.head(options, stream, hasKey: true))
    }
    self.heads = heads
    self.headsWithKey = options.keyField == nil ? [] : headsWithKey
    idHead = options.idField.map { Self.bulk($0) } ?? []
    keyHead = options.keyField.map { Self.bulk($0) } ?? []
    fixedBytes =
      (headsWithKey.map(\.count).max() ?? 0) + idHead.count + keyHead.count
      // Three lengths with their ends, three ends, and the id.
      + 3 * 24 + Self.idBytesMax
  }

  static func stream(_ template: String, route: String, lane: Int) -> String {
    template.replacing("{route}", with: route).replacing("{lane}", with: "\(lane)")
  }

  private static func head(_ options: RedisOptions, _ stream: String, hasKey: Bool) -> [UInt8] {
    var words = ["XADD", stream]
    if let length = options.maxLength { words += ["MAXLEN", "~", "\(length)"] }
    words += ["*", options.payloadField]
    let more = 1 + (options.idField == nil ? 0 : 2) + (hasKey ? 2 : 0)
    return Array("*\(words.count + more)\r\n".utf8) + words.flatMap(bulk) + [UInt8(ascii: "$")]
  }

  static func bulk(_ text: String) -> [UInt8] {
    Array("$\(text.utf8.count)\r\n".utf8) + Array(text.utf8) + [13, 10]
  }

  /// A command of texts, for everything but messages.
  static func command(_ words: [String], to output: inout OutputQueue) {
    let bytes = Array("*\(words.count)\r\n".utf8) + words.flatMap(bulk)
    bytes.withUnsafeBytes { output.append($0) }
  }

  // MARK: Messages

  /// 32 digits of the tag, a dash, and up to 20 of the sequence.
  static let idBytesMax = 53

  /// Appends the messages of a stretch.
  func encode(_ stretch: Sidecar.Stretch, to output: inout OutputQueue) {
    let tag = HexTag(stretch.tag)
    var offset = 0
    for index in 0..<stretch.count {
      let view = DataFrameView(stretch.bytes.baseAddress! + offset)
      offset += view.byteCount
      encode(
        view, tag, stretch.firstSequence + UInt64(index), lane: Int(stretch.lane), to: &output)
    }
  }

  private func encode(
    _ view: DataFrameView, _ tag: HexTag, _ sequence: UInt64, lane: Int,
    to output: inout OutputQueue
  ) {
    let key = keyHead.isEmpty || view.extensions.isEmpty ? nil : Self.key(of: view)
    let room = fixedBytes + view.payload.count + (key?.count ?? 0)
    var writer = ByteWriter(output.room(room))
    writer.put(key == nil ? heads[lane] : headsWithKey[lane])
    writer.putCounted(view.payload)
    if !idHead.isEmpty {
      writer.put(idHead)
      writer.put(UInt8(ascii: "$"))
      writer.put(decimal: UInt64(33 + ByteWriter.digits(of: sequence)))
      writer.putLineEnd()
      writer.put(tag)
      writer.put(UInt8(ascii: "-"))
      writer.put(decimal: sequence)
      writer.putLineEnd()
    }
    if let key {
      writer.put(keyHead)
      writer.put(UInt8(ascii: "$"))
      writer.putCounted(key)
    }
    output.wrote(writer.count)
  }

  private static func key(of view: DataFrameView) -> UnsafeRawBufferPointer? {
    var walk = ExtensionWalk(view.extensions)
    while let entry = walk.next() {
      if entry.type == .key {
        return UnsafeRawBufferPointer(rebasing: view.extensions[entry.value])
      }
    }
    return nil
  }
}

/// A tag's 32 digits, made once a stretch.
struct HexTag {
  let high: (UInt64, UInt64)
  let low: (UInt64, UInt64)

  init(_ tag: ID128) {
    high = (Self.spread(tag.high >> 32), Self.spread(tag.high))
    low = (Self.spread(tag.low >> 32), Self.spread(tag.low))
  }

  /// The lower 32 bits as eight digits, in memory order on a little-endian machine.
  private static func spread(_ value: UInt64) -> UInt64 {
    var digits: UInt64 = 0
    for shift in 0..<8 {
      let nibble = value >> UInt64(28 - shift * 4) & 15
      digits |= (nibble < 10 ? 48 + nibble : 87 + nibble) << UInt64(shift * 8)
    }
    return digits
  }
}

/// Puts bytes into memory that is large enough.
struct ByteWriter {
  private let start: UnsafeMutableRawPointer
  private var place: UnsafeMutableRawPointer

  init(_ start: UnsafeMutableRawPointer) {
    self.start = start
    place = start
  }

  var count: Int { place - start }

  mutating func put(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { put($0) }
  }

  mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    place.copyMemory(from: source, byteCount: bytes.count)
    place += bytes.count
  }

  mutating func put(_ byte: UInt8) {
    place.storeBytes(of: byte, as: UInt8.self)
    place += 1
  }

  mutating func putLineEnd() {
    place.storeBytes(of: UInt16(littleEndian: 0x0a0d), as: UInt16.self)
    place += 2
  }

  mutating func put(_ tag: HexTag) {
    place.storeBytes(of: tag.high.0.littleEndian, as: UInt64.self)
    (place + 8).storeBytes(of: tag.high.1.littleEndian, as: UInt64.self)
    (place + 16).storeBytes(of: tag.low.0.littleEndian, as: UInt64.self)
    (place + 24).storeBytes(of: tag.low.1.littleEndian, as: UInt64.self)
    place += 32
  }

  /// Length, line end, bytes, line end: what follows a `$`.
  mutating func putCounted(_ bytes: UnsafeRawBufferPointer) {
    put(decimal: UInt64(bytes.count))
    putLineEnd()
    put(bytes)
    putLineEnd()
  }

  mutating func put(decimal value: UInt64) {
    let count = Self.digits(of: value)
    var rest = value
    var index = count
    while index > 0 {
      index &-= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      (place + index).storeBytes(of: UInt8(truncatingIfNeeded: 48 &+ digit), as: UInt8.self)
      rest = quotient
    }
    place += count
  }

  static func digits(of value: UInt64) -> Int {
    var count = 1
    var bound: UInt64 = 10
    while count < 20, value >= bound {
      count += 1
      let (next, isTooLarge) = bound.multipliedReportingOverflow(by: 10)
      if isTooLarge { return value >= bound ? 20 : count }
      bound = next
    }
    return count
  }
}
