import ForebayWire
import Testing

@Suite struct BigEndianTests {
  @Test func loadsAndStoresAtAnyAlignment() {
    for start in 0..<8 {
      var bytes = [UInt8](repeating: 0xee, count: 32)
      bytes.withUnsafeMutableBytes {
        let base = $0.baseAddress!
        base.put64(0x0102_0304_0506_0708, at: start)
        base.put32(0x1112_1314, at: start + 8)
        base.put16(0x2122, at: start + 12)
        base.put8(0x31, at: start + 14)
        #expect(UnsafeRawPointer(base).big64(start) == 0x0102_0304_0506_0708)
        #expect(UnsafeRawPointer(base).big32(start + 8) == 0x1112_1314)
        #expect(UnsafeRawPointer(base).big16(start + 12) == 0x2122)
        #expect(UnsafeRawPointer(base).byte(start + 14) == 0x31)
      }
      let written: [UInt8] = [
        1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x31,
      ]
      #expect(Array(bytes[start..<(start + 15)]) == written)
      #expect(bytes.count { $0 == 0xee } == 32 - 15)
    }
  }

  @Test func comparesIdsInFull() {
    #expect(ID128(high: 1, low: 2) == ID128(high: 1, low: 2))
    #expect(ID128(high: 1, low: 2) != ID128(high: 1, low: 3))
    #expect(ID128(high: 1, low: 2) != ID128(high: 2, low: 2))
  }
}
