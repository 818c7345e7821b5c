import ForebayWire
import Testing

@Suite struct DataFrameTests {
  @Test func readsWhatItWrites() {
    let list = extensionList((.key, Array("k1".utf8)), (.traceparent, []))
    let bytes = dataFrame(
      0x0102_0304_0506_0708, payload: [9, 8, 7], ttl: 0x1112_1314, lane: 5, level: .stored,
      extensions: list)
    GuardedMemory(byteCount: bytes.count).holding(bytes) {
      let view = DataFrameView($0.baseAddress!)
      #expect(
        view.header
          == DataHeader(
            sequence: 0x0102_0304_0506_0708, ttlMilliseconds: 0x1112_1314, lane: 5,
            level: .stored, extensionBytes: list.count))
      #expect(view.byteCount == bytes.count)
      #expect(Array(view.extensions) == list)
      #expect(Array(view.payload) == [9, 8, 7])
    }
  }

  @Test func hasPartsOfNoBytes() {
    let bytes = dataFrame(1)
    #expect(bytes.count == WireLimits.dataFixedBytes)
    bytes.withUnsafeBytes {
      let view = DataFrameView($0.baseAddress!)
      #expect(view.extensions.isEmpty && view.payload.isEmpty)
      #expect(view.byteCount == bytes.count)
    }
  }

  @Test func countsItsBytes() {
    #expect(DataHeader(sequence: 1).frameBytes(payloadBytes: 0) == 24)
    #expect(DataHeader(sequence: 1, extensionBytes: 8).frameBytes(payloadBytes: 100) == 132)
  }
}
