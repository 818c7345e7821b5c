import ForebayCore
import ForebayWire
import Glibc

/// Puts messages into the body of a request, straight from the frames: one copy.
///
/// What can't stand in the format is kept out, by itself: a line feed would make two lines of a message,
/// and anything but one JSON value would break an array for all that are in it.
struct HTTPEncoder {
  private let format: HTTPOptions.Format
  private let hasEnvelope: Bool
  private let hasID: Bool
  private let hasKeyInPath: Bool
  private let hasContentType: Bool

  init(_ options: HTTPOptions, _ target: HTTPTarget) {
    format = options.format
    hasEnvelope = options.hasEnvelope
    hasID = options.idHeader != nil
    hasKeyInPath = target.hasKey
    hasContentType = options.contentType != nil
  }

  /// What a body is, if nobody says anything else.
  static func contentType(of format: HTTPOptions.Format) -> String {
    switch format {
    case .message: "application/octet-stream"
    case .lines: "application/x-ndjson"
    case .array: "application/json"
    case .lengthPrefixed: "application/octet-stream"
    }
  }

  // MARK: Messages

  /// Appends the messages of a stretch, of which the first is the call's message `place`.
  func encode(_ stretch: Sidecar.Stretch, at place: Int, to request: HTTPRequest) {
    request.lane = Int(stretch.lane)
    if format == .message {
      invariant(stretch.count == 1, "a request has one message where it has no format for more")
      let view = DataFrameView(stretch.bytes.baseAddress!)
      guard let code = single(view, to: request) else {
        return request.identity.add(stretch.tag, stretch.firstSequence)
      }
      return request.unfit.append(HTTPRequest.Unfit(message: place, code: code))
    }
    // Reached once a stretch: each access to a class is checked.
    withUnsafeMutablePointer(to: &request.body) { body in
      withUnsafeMutablePointer(to: &request.identity) { identity in
        var offset = 0
        for index in 0..<stretch.count {
          let view = DataFrameView(stretch.bytes.baseAddress! + offset)
          offset += view.byteCount
          let sequence = stretch.firstSequence + UInt64(index)
          let code = encode(
            view, stretch.tag, sequence, isFirst: identity.pointee.count == 0, to: &body.pointee)
          if let code {
            request.unfit.append(HTTPRequest.Unfit(message: place + index, code: code))
          } else {
            identity.pointee.add(stretch.tag, sequence)
          }
        }
      }
    }
  }

  /// Nil if the message is in the body, else why it can't be.
  private func encode(
    _ view: DataFrameView, _ tag: ID128, _ sequence: UInt64, isFirst: Bool,
    to body: inout OutputQueue
  ) -> MessageCode? {
    let payload = view.payload
    switch format {
    case .message, .lengthPrefixed: break
    case .lines:
      guard !payload.isEmpty, let start = payload.baseAddress,
        memchr(start, 0x0a, payload.count) == nil
      else { return HTTPStatusTable.formatUnfit }
      if hasEnvelope, !JSONScan.isValue(payload) { return HTTPStatusTable.formatUnfit }
    case .array:
      if !JSONScan.isValue(payload) { return HTTPStatusTable.formatUnfit }
    }
    let key = hasEnvelope ? Self.key(of: view) : nil
    if let key, !UTF8Text.isValid(key) { return HTTPStatusTable.formatUnfit }
    var writer = ByteWriter(body.room(Self.roomBytes(payload.count, key?.count ?? 0)))
    begin(isFirst: isFirst, length: payload.count, &writer)
    if hasEnvelope { Self.putEnvelope(tag, sequence, key, &writer) }
    writer.put(payload)
    if hasEnvelope { writer.put(UInt8(ascii: "}")) }
    if format == .lines { writer.put(0x0a) }
    body.wrote(writer.count)
    return nil
  }

  private func begin(isFirst: Bool, length: Int, _ writer: inout ByteWriter) {
    switch format {
    case .message, .lines: break
    case .array: writer.put(isFirst ? UInt8(ascii: "[") : UInt8(ascii: ","))
    case .lengthPrefixed: writer.put(big32: UInt32(length))
    }
  }

  /// After the last message.
  func end(_ request: HTTPRequest) {
    guard format == .array, request.fit > 0 else { return }
    var writer = ByteWriter(request.body.room(1))
    writer.put(UInt8(ascii: "]"))
    request.body.wrote(1)
  }

  // MARK: One message a request

  private func single(_ view: DataFrameView, to request: HTTPRequest) -> MessageCode? {
    var walk = ExtensionWalk(view.extensions)
    while let entry = walk.next() {
      let value = UnsafeRawBufferPointer(rebasing: view.extensions[entry.value])
      switch entry.type {
      case .key where hasKeyInPath: request.key.append(contentsOf: value.prefix(keyRoom))
      case .contentType where !hasContentType && HTTPHeaderList.isValue(value):
        request.setHeader(.contentType, value)
      case .traceparent where HTTPHeaderList.isValue(value):
        request.setHeader(.traceparent, value)
      default: break
      }
    }
    if hasKeyInPath, !request.key.withUnsafeBytes(HTTPTarget.isFit) {
      return HTTPStatusTable.keyUnfit
    }
    request.body.append(view.payload)
    return nil
  }

  /// One byte more than is allowed says that it is too long.
  private var keyRoom: Int { HTTPTarget.keyBytesMax + 1 }

  // MARK: Envelopes

  /// `{"id":"…","key":"…","data":`, and each byte of a key as `\u00XX` at most.
  private static let envelopeBytes = 64 + RedisEncoder.idBytesMax
  private static func roomBytes(_ payload: Int, _ key: Int) -> Int {
    envelopeBytes + payload + 6 * key
  }

  private static func putEnvelope(
    _ tag: ID128, _ sequence: UInt64, _ key: UnsafeRawBufferPointer?, _ writer: inout ByteWriter
  ) {
    writer.put("{\"id\":\"")
    writer.put(HexTag(tag))
    writer.put(UInt8(ascii: "-"))
    writer.put(decimal: sequence)
    if let key {
      writer.put("\",\"key\":\"")
      putEscaped(key, &writer)
    }
    writer.put("\",\"data\":")
  }

  private static func putEscaped(_ bytes: UnsafeRawBufferPointer, _ writer: inout ByteWriter) {
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        writer.put(UInt8(ascii: "\\"))
        writer.put(byte)
      case 0..<0x20:
        writer.put("\\u00")
        writer.put(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
        let digit = byte & 15
        writer.put(digit < 10 ? 48 + digit : 87 + digit)
      default: writer.put(byte)
      }
    }
  }

  private static func key(of view: DataFrameView) -> UnsafeRawBufferPointer? {
    guard !view.extensions.isEmpty else { return nil }
    var walk = ExtensionWalk(view.extensions)
    while let entry = walk.next() {
      if entry.type == .key {
        return UnsafeRawBufferPointer(rebasing: view.extensions[entry.value])
      }
    }
    return nil
  }
}
