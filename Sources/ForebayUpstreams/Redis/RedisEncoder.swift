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
