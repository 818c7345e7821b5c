import CKafka
import ForebayCore
import ForebayWire

/// Hands messages to the library: payload and key are copied once, by it.
///
///     key KEY, or none   value PAYLOAD   headers: forebay-id TAG-SEQUENCE, the message's own,
///                                                 traceparent, content-type
struct KafkaSender {
  let producer: OpaquePointer
  /// By lane.
  let topics: [OpaquePointer]
  /// Partitions by lane; 0 where the topic isn't known.
  let partitions: [Int]
  let keepsSessionsTogether: Bool
  /// As a C string, or empty.
  let idHeader: [CChar]

  static let traceparent = Array("traceparent".utf8CString)
  static let contentType = Array("content-type".utf8CString)

  /// Sends the messages of a stretch, the first of which is `message` in its call. `result` is asked
  /// after each; it says whether to go on.
  func send(
    _ stretch: Sidecar.Stretch, slot: Int, message first: Int,
    _ result: (_ message: Int, rd_kafka_resp_err_t) -> Bool
  ) {
    let lane = Int(stretch.lane)
    guard partitions[lane] > 0 else {
      _ = result(first, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
      return
    }
    // The tag is a hash already.
    let ofSession =
      keepsSessionsTogether
      ? Int32(stretch.tag.low % UInt64(partitions[lane])) : RD_KAFKA_PARTITION_UA
    var id = IDText(stretch.tag)
    var offset = 0
    for index in 0..<stretch.count {
      let view = DataFrameView(stretch.bytes.baseAddress! + offset)
      offset += view.byteCount
      let code = send(
        view, stretch.firstSequence + UInt64(index), &id, topics[lane], ofSession,
        KafkaReports.mark(slot, first + index))
      guard result(first + index, code) else { return }
    }
  }

  private func send(
    _ view: DataFrameView, _ sequence: UInt64, _ id: inout IDText, _ topic: OpaquePointer,
    _ ofSession: Int32, _ mark: UnsafeMutableRawPointer?
  ) -> rd_kafka_resp_err_t {
    var key: UnsafeRawBufferPointer?
    var headers: OpaquePointer?
    if !idHeader.isEmpty {
      headers = rd_kafka_headers_new(4)
      id.withText(sequence) { add(idHeader, $0, to: headers) }
    }
    if !view.extensions.isEmpty { read(view.extensions, &key, &headers) }
    let code = forebay_kafka_produce(
      producer, topic, key == nil ? ofSession : RD_KAFKA_PARTITION_UA, view.payload.baseAddress,
      view.payload.count, key?.baseAddress, key?.count ?? 0, headers, mark)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR, let headers { rd_kafka_headers_destroy(headers) }
    return code
  }

  private func read(
    _ extensions: UnsafeRawBufferPointer, _ key: inout UnsafeRawBufferPointer?,
    _ headers: inout OpaquePointer?
  ) {
    var walk = ExtensionWalk(extensions)
    while let entry = walk.next() {
      let value = UnsafeRawBufferPointer(rebasing: extensions[entry.value])
      switch entry.type {
      case .key: if key == nil { key = value }
      case .traceparent: add(Self.traceparent, value, to: &headers)
      case .contentType: add(Self.contentType, value, to: &headers)
      case .header: addOwn(value, to: &headers)
      default: break
      }
    }
  }

  /// Of the message: a byte with the length of the name, the name, the value.
  private func addOwn(_ entry: UnsafeRawBufferPointer, to headers: inout OpaquePointer?) {
    guard let length = entry.first.map(Int.init), length > 0, entry.count > length else { return }
    if headers == nil { headers = rd_kafka_headers_new(4) }
    let value = UnsafeRawBufferPointer(rebasing: entry[(1 + length)...])
    rd_kafka_header_add(
      headers, (entry.baseAddress! + 1).assumingMemoryBound(to: CChar.self), length,
      value.baseAddress, value.count)
  }

  private func add(
    _ name: [CChar], _ value: UnsafeRawBufferPointer, to headers: inout OpaquePointer?
  ) {
    if headers == nil { headers = rd_kafka_headers_new(4) }
    add(name, value, to: headers)
  }

  private func add(_ name: [CChar], _ value: UnsafeRawBufferPointer, to headers: OpaquePointer?) {
    rd_kafka_header_add(headers, name, name.count - 1, value.baseAddress, value.count)
  }
}

/// What tells repetitions apart, as text: 32 digits of the tag, a dash, the sequence.
struct IDText {
  /// 33 bytes that stay, and up to 20 digits, in words so that it needs no allocation.
  private var bytes: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
    0, 0, 0, 0, 0, 0, 0
  )
  private static let prefix = 33

  init(_ tag: ID128) {
    withUnsafeMutableBytes(of: &bytes) {
      var writer = ByteWriter($0.baseAddress!)
      writer.put(HexTag(tag))
      writer.put(UInt8(ascii: "-"))
    }
  }

  mutating func withText(_ sequence: UInt64, _ body: (UnsafeRawBufferPointer) -> Void) {
    withUnsafeMutableBytes(of: &bytes) {
      var writer = ByteWriter($0.baseAddress! + Self.prefix)
      writer.put(decimal: sequence)
      body(UnsafeRawBufferPointer(rebasing: $0[..<(Self.prefix + writer.count)]))
    }
  }
}
