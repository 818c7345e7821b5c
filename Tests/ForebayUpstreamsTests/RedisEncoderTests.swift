import ForebayCore
import ForebayWire
import Testing

@testable import ForebayUpstreams

@Suite struct RedisEncoderTests {
  @Test(arguments: [
    0, 1, 9, 10, 99, 100, 12_345, 4_294_967_296, UInt64.max / 10, UInt64.max / 10 + 1, UInt64.max,
  ])
  func numbersAreWrittenInDigits(_ number: UInt64) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 1)
    defer { memory.deallocate() }
    var writer = ByteWriter(memory)
    writer.put(decimal: number)
    let written = UnsafeRawBufferPointer(start: memory, count: writer.count)
    #expect(String(decoding: written, as: UTF8.self) == "\(number)")
  }

  @Test func aTagIsWrittenInHexadecimal() {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 1)
    defer { memory.deallocate() }
    var writer = ByteWriter(memory)
    writer.put(HexTag(ID128(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)))
    let written = UnsafeRawBufferPointer(start: memory, count: writer.count)
    #expect(String(decoding: written, as: UTF8.self) == "0123456789abcdeffedcba9876543210")
  }

  @Test func streamsAreNamedByRouteAndLane() {
    #expect(RedisEncoder.stream("a:{route}:{lane}", route: "main", lane: 3) == "a:main:3")
    #expect(RedisEncoder.stream("{x}", route: "main", lane: 3) == "{x}")
  }
}
