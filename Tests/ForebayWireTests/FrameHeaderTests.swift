import ForebayWire
import Testing

@Suite struct FrameHeaderTests {
  @Test func waitsForWhatCouldStillBecomeAHeader() {
    let bytes = Seen(floor: 1).encoded()
    for count in 0..<8 { #expect(read(Array(bytes.prefix(count))) == .partial) }
    #expect(
      read(Array(bytes.prefix(8)))
        == .header(FrameHeader(type: .seen, flags: 0, byteCount: 16)))
  }

  @Test func readsAtAnOffset() {
    let bytes = [1, 2, 3] + dataFrame(1, payload: [1], level: .stored)
    #expect(
      read(bytes, at: 3) == .header(FrameHeader(type: .data, flags: 2, byteCount: 25)))
    #expect(read(bytes, at: bytes.count) == .partial)
  }

  @Test(
    arguments: [0xffff_ffff, 0xffff_fffc, 0xffff_fffb, 0x8000_0000, 0x7fff_ffff, 65_533] as [UInt32]
  )
  func refusesLongFramesAtFourBytes(length: UInt32) {
    let bytes = withUnsafeBytes(of: length.bigEndian) { Array($0) }
    #expect(read(bytes, frameBytesMax: 4096) == .malformed(.frameTooLarge))
  }

  @Test func refusesShortFramesAtFourBytes() {
    for length in UInt8(0)..<4 { #expect(read([0, 0, 0, length]) == .malformed(.frameTooShort)) }
    #expect(read([0, 0, 0, 4]) == .partial)
  }

  @Test func boundsDataByItsOwnMaximum() {
    let bytes = dataFrame(1, payload: [1, 2, 3])
    #expect(read(bytes, frameBytesMax: 26) == .malformed(.frameTooLarge))
    #expect(
      read(bytes, frameBytesMax: 27)
        == .header(FrameHeader(type: .data, flags: 0, byteCount: 27)))
    #expect(
      read(Seen(floor: 1).encoded(), frameBytesMax: 24)
        == .header(FrameHeader(type: .seen, flags: 0, byteCount: 16)))
  }

  @Test func refusesUnknownTypesAndReservedBits() {
    for raw in UInt8.min...UInt8.max where FrameType(rawValue: raw) == nil {
      #expect(read([0, 0, 0, 60, raw, 0, 0, 0]) == .malformed(.unknownFrameType))
    }
    #expect(read([0, 0, 0, 12, 3, 0, 1, 0]) == .malformed(.reservedBits))
    #expect(read([0, 0, 0, 12, 3, 0, 0, 1]) == .malformed(.reservedBits))
  }

  private func read(
    _ bytes: [UInt8], at offset: Int = 0, frameBytesMax: Int = 262_144
  ) -> FrameHeader.Reading {
    GuardedMemory(byteCount: max(1, bytes.count)).holding(bytes) {
      FrameHeader.read($0, at: offset, frameBytesMax: frameBytesMax)
    }
  }
}
