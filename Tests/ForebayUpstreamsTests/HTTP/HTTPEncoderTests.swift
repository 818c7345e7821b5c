import ForebayWire
import Testing

@testable import ForebayCore
@testable import ForebayUpstreams

@Suite struct HTTPEncoderTests {
  private let tag = ID128(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)

  /// Frames side by side, as the core lends them.
  private func frames(_ payloads: [[UInt8]], _ extensions: [UInt8]) -> [UInt8] {
    var all: [UInt8] = []
    for (index, payload) in payloads.enumerated() {
      let header = DataHeader(sequence: UInt64(index + 7), extensionBytes: extensions.count)
      var fixed = [UInt8](repeating: 0, count: WireLimits.dataFixedBytes)
      fixed.withUnsafeMutableBytes {
        header.write(to: $0.baseAddress!, payloadBytes: payload.count)
      }
      all += fixed + extensions + payload
    }
    return all
  }

  private func encoded(
    _ payloads: [[UInt8]], _ format: HTTPOptions.Format, target: String = "/",
    extensions: [UInt8] = [], _ change: (inout HTTPOptions) -> Void = { _ in }
  ) -> HTTPRequest {
    var options = HTTPOptions()
    options.host = "localhost"
    options.format = format
    options.target = target
    change(&options)
    let encoder = HTTPEncoder(options, HTTPTarget(target, route: "r"))
    let request = HTTPRequest(HTTPSetUp(options, nil))
    request.begin(1, messages: payloads.count)
    frames(payloads, extensions).withUnsafeBytes { bytes in
      encoder.encode(
        Sidecar.Stretch(tag: tag, firstSequence: 7, count: payloads.count, lane: 2, bytes: bytes),
        at: 0, to: request)
    }
    encoder.end(request)
    return request
  }

  private func text(_ request: HTTPRequest) -> String {
    String(decoding: request.body.waiting, as: UTF8.self)
  }

  private func utf8(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  @Test func oneMessageIsTheBody() {
    #expect(text(encoded(utf8("a\nb"), .message)) == "a\nb")
    #expect(text(encoded([[]], .message)) == "")
  }

  @Test func linesEndWithALineFeed() {
    let request = encoded(utf8("{\"a\":1}", "two\nlines", "", "not json"), .lines)
    #expect(text(request) == "{\"a\":1}\nnot json\n")
    #expect(request.unfit.map(\.message) == [1, 2])
    #expect(request.fit == 2)
  }

  @Test func anArrayHasValuesOnly() {
    let request = encoded(utf8("1,2", "{\"a\":1}", "]", " \"é\" ", "", "null"), .array)
    #expect(text(request) == "[{\"a\":1}, \"é\" ,null]")
    #expect(request.unfit.map(\.message) == [0, 2, 4])
    #expect(request.unfit.allSatisfy { $0.code == MessageCode(rawValue: 690) })
  }

  @Test func nothingIsSentWhereNothingFits() {
    let request = encoded(utf8("x", "y"), .array)
    #expect(request.fit == 0 && text(request) == "")
  }

  @Test func lengthsComeBeforeMessages() {
    let request = encoded([[1, 2, 3], [], [9]], .lengthPrefixed)
    let bytes = Array(request.body.waiting)
    #expect(bytes == [0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1, 9])
  }

  @Test func anEnvelopeHasIDAndKey() {
    var extensions: [UInt8] = []
    appendExtension(.key, Array("k\"\\\u{1f}ä".utf8), to: &extensions)
    let request = encoded(utf8("1", "{}"), .array, extensions: extensions) {
      $0.hasEnvelope = true
    }
    let id = "0123456789abcdeffedcba9876543210"
    #expect(
      text(request) == "[{\"id\":\"\(id)-7\",\"key\":\"k\\\"\\\\\\u001fä\",\"data\":1},"
        + "{\"id\":\"\(id)-8\",\"key\":\"k\\\"\\\\\\u001fä\",\"data\":{}}]")
    let isValue = JSONScan.isValue(request.body.waiting)
    #expect(isValue)
    let lines = encoded(utf8("1", "x"), .lines) { $0.hasEnvelope = true }
    #expect(text(lines) == "{\"id\":\"\(id)-7\",\"data\":1}\n")
    #expect(lines.unfit.map(\.message) == [1])
  }

  @Test func aKeyThatIsNoTextIsInNoEnvelope() {
    var extensions: [UInt8] = []
    appendExtension(.key, [0xff], to: &extensions)
    #expect(encoded(utf8("1"), .array, extensions: extensions) { $0.hasEnvelope = true }.fit == 0)
  }

  @Test func keysThatCantStandInAPathRejectTheirMessage() {
    for (key, isFit) in [("a/b", true), ("..", false), ("", false)] {
      var extensions: [UInt8] = []
      appendExtension(.key, Array(key.utf8), to: &extensions)
      let request = encoded(utf8("x"), .message, target: "/{key}", extensions: extensions)
      #expect((request.fit == 1) == isFit)
      if isFit { #expect(request.key == Array(key.utf8)) }
    }
    let without = encoded(utf8("x"), .message, target: "/{key}")
    #expect(without.unfit == [.init(message: 0, code: MessageCode(rawValue: 691))])
  }
}

@Suite struct BatchIdentityTests {
  private let a = ID128(high: 1, low: 2)
  private let b = ID128(high: 3, low: 4)

  private func text(_ messages: [(ID128, UInt64)]) -> String {
    var identity = BatchIdentity()
    for (tag, sequence) in messages { identity.add(tag, sequence) }
    return withUnsafeTemporaryAllocation(byteCount: BatchIdentity.bytesMax, alignment: 8) {
      var writer = ByteWriter($0.baseAddress!)
      identity.write(to: &writer)
      return String(decoding: $0[..<writer.count], as: UTF8.self)
    }
  }

  @Test func oneMessageHasItsOwn() {
    #expect(text([(a, 7)]) == "00000000000000010000000000000002-7")
    #expect(text([(a, .max)]).utf8.count == BatchIdentity.bytesMax)
  }

  @Test func theSameMessagesHaveTheSame() {
    let id = text([(a, 7), (a, 8), (b, 1)])
    #expect(id == text([(a, 7), (a, 8), (b, 1)]))
    #expect(id.hasSuffix("-3") && id.utf8.count == 34)
  }

  /// In other company it is another request, though it begins with the same message and has as many.
  @Test func otherMessagesHaveAnother() {
    let id = text([(a, 7), (a, 8), (b, 1)])
    let others: [[(ID128, UInt64)]] = [
      [(a, 7), (a, 8), (b, 2)], [(a, 7), (a, 9), (b, 1)], [(b, 7), (a, 8), (b, 1)],
      [(a, 7), (b, 1), (a, 8)], [(a, 7), (a, 8)], [(a, 8), (a, 7), (b, 1)],
    ]
    for other in others { #expect(text(other) != id) }
  }
}
