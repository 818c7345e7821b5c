import ForebayCore
import ForebayWire
import Testing

@testable import ForebayUpstreams

/// Messages as they go over the wire, byte for byte.
@Suite struct AMQPEncoderTests {
  private let tag = ID128(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
  private let id = "0123456789abcdeffedcba9876543210-42"

  private func frame(_ payload: [UInt8], _ extensions: [UInt8] = []) -> [UInt8] {
    let header = DataHeader(sequence: 42, extensionBytes: extensions.count)
    var fixed = [UInt8](repeating: 0, count: WireLimits.dataFixedBytes)
    fixed.withUnsafeMutableBytes {
      header.write(to: $0.baseAddress!, payloadBytes: payload.count)
    }
    return fixed + extensions + payload
  }

  private func encoded(
    _ payload: [UInt8], _ extensions: [UInt8] = [], frameBytesMax: Int = 4_096,
    _ options: AMQPOptions = AMQPOptions(), lane: Int = 0
  ) -> (AMQPEncoder.Result, [UInt8]) {
    var encoder = AMQPEncoder(options, route: "main")
    encoder.frameBytesMax = frameBytesMax
    var output = OutputQueue()
    let result = frame(payload, extensions).withUnsafeBytes {
      encoder.encode(
        DataFrameView($0.baseAddress!), HexTag(tag), 42, lane: lane, to: &output)
    }
    return (result, Array(output.waiting))
  }

  private func list(_ entries: (ExtensionType, [UInt8])...) -> [UInt8] {
    var bytes: [UInt8] = []
    for (type, value) in entries { appendExtension(type, value, to: &bytes) }
    return bytes
  }

  private func publish(_ exchange: String, _ key: String) -> [UInt8] {
    RabbitBytes.method(
      0x003c_0028, [0, 0] + RabbitBytes.short(exchange) + RabbitBytes.short(key) + [1])
  }

  private func header(_ bodyBytes: Int, _ flags: UInt16, _ properties: [UInt8]) -> [UInt8] {
    RabbitBytes.frame(
      2,
      [0, 60, 0, 0] + RabbitBytes.big(UInt64(bodyBytes)) + RabbitBytes.big(flags) + properties)
  }

  @Test func aMessageIsThreeFrames() {
    let (result, bytes) = encoded(Array("hello".utf8))
    #expect(result == .written)
    #expect(
      bytes == publish("", "forebay") + header(5, 0x1080, [2] + RabbitBytes.short(id))
        + RabbitBytes.frame(3, Array("hello".utf8)))
  }

  @Test func anEmptyOneIsTwo() {
    let (_, bytes) = encoded([])
    #expect(bytes == publish("", "forebay") + header(0, 0x1080, [2] + RabbitBytes.short(id)))
  }

  @Test func aTransientOneHasNoDeliveryMode() {
    var options = AMQPOptions()
    options.isPersistent = false
    let (_, bytes) = encoded([], options)
    #expect(bytes == publish("", "forebay") + header(0, 0x0080, RabbitBytes.short(id)))
  }

  @Test(arguments: [4_088, 4_089, 8_176, 8_177, 100_000])
  func aLargeBodyIsCutToFrames(_ count: Int) {
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let (_, bytes) = encoded(payload, frameBytesMax: 4_096)
    var expected =
      publish("", "forebay") + header(count, 0x1080, [2] + RabbitBytes.short(id))
    var rest = payload[...]
    while !rest.isEmpty {
      expected += RabbitBytes.frame(3, Array(rest.prefix(4_088)))
      rest = rest.dropFirst(4_088)
    }
    #expect(bytes == expected)
  }

  @Test func whatTheSenderSaysOfItGoesAlong() {
    let extensions = list(
      (.header, [1] + Array("ab=".utf8)), (.contentType, Array("text/plain".utf8)),
      (.traceparent, Array("00-1-2-01".utf8)), (.header, [3] + Array("keyvalue".utf8)),
      // By their own length these are no headers.
      (.header, [9, 1]), (.header, []), (.header, [0, 1]), (.contentType, Array("other".utf8)))
    let (_, bytes) = encoded([1], extensions)
    func entry(_ name: String, _ value: String) -> [UInt8] {
      RabbitBytes.short(name) + [UInt8(ascii: "S")] + RabbitBytes.long(value)
    }
    let table = entry("a", "b=") + entry("traceparent", "00-1-2-01") + entry("key", "value")
    #expect(
      bytes == publish("", "forebay")
        + header(
          1, 0xb080,
          RabbitBytes.short("text/plain") + RabbitBytes.big(UInt32(table.count)) + table + [2]
            + RabbitBytes.short(id)) + RabbitBytes.frame(3, [1]))
  }

  @Test(arguments: [
    ("{key}", "k"), ("a.{key}.b", "a.k.b"), ("{key}{key}", "kk"), ("{route}.{lane}", "main.3"),
    ("{x}", "{x}"), ("{lane}-{key}", "3-k"),
  ])
  func routingKeysAreMadeOfTemplates(_ template: String, _ key: String) {
    var options = AMQPOptions()
    options.exchange = "in"
    options.routingKey = template
    let (_, bytes) = encoded([], list((.key, [UInt8(ascii: "k")])), options, lane: 3)
    #expect(bytes.starts(with: publish("in", key)))
  }

  @Test func aKeyThatIsNotThereIsEmpty() {
    var options = AMQPOptions()
    options.routingKey = "a.{key}"
    #expect(encoded([], options).1.starts(with: publish("", "a.")))
  }

  @Test func aRoutingKeyHasAtMost255Bytes() {
    var options = AMQPOptions()
    options.routingKey = "a.{key}"
    let longest = [UInt8](repeating: 0x6b, count: 253)
    #expect(encoded([], list((.key, longest)), options).0 == .written)
    let (result, bytes) = encoded([], list((.key, longest + [0x6b])), options)
    #expect(result == .impossible(AMQPComplaint.keyTooLong) && bytes.isEmpty)
  }

  @Test func headersFitIntoOneFrame() {
    let large = list((.header, [1] + [UInt8](repeating: 0x6b, count: 4_050)))
    #expect(encoded([], large, frameBytesMax: 8_192).0 == .written)
    let (result, bytes) = encoded([], large, frameBytesMax: 4_096)
    #expect(result == .impossible(AMQPComplaint.headersTooLarge) && bytes.isEmpty)
  }

  @Test func anIDLeadsBack() {
    func read(_ text: String) -> UInt64? {
      let found = Array(text.utf8).withUnsafeBytes { AMQPEncoder.origin(of: $0) }
      return found?.tag == tag ? found?.sequence : nil
    }
    #expect(read(id) == 42)
    #expect(read("0123456789abcdeffedcba9876543210-18446744073709551615") == .max)
    for other in ["", "x", "0123456789abcdeffedcba9876543210-", String(id.dropFirst()), id + "x"] {
      #expect(read(other) == nil, "\(other)")
    }
  }
}

extension AMQPEncoderTests {
  private func encoded(_ payload: [UInt8], _ options: AMQPOptions) -> (AMQPEncoder.Result, [UInt8])
  {
    encoded(payload, [], frameBytesMax: 4_096, options)
  }
  private func encoded(
    _ payload: [UInt8], _ extensions: [UInt8], _ options: AMQPOptions, lane: Int = 0
  ) -> (AMQPEncoder.Result, [UInt8]) {
    encoded(payload, extensions, frameBytesMax: 4_096, options, lane: lane)
  }
}
