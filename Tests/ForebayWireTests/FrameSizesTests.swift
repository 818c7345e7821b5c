import ForebayWire
import Testing

@Suite struct FrameSizesTests {
  static let types = (UInt8.min...UInt8.max).compactMap(FrameType.init)

  @Test(arguments: types) func boundsEveryType(_ type: FrameType) {
    let most = type.bytesMax(frameBytesMax: 4096)
    #expect(type.bytesMin >= WireLimits.headerBytes)
    #expect(most >= type.bytesMin)
    if type == .data {
      #expect(most == 4096)
    } else {
      #expect(most <= WireLimits.controlFrameBytesMax)
      #expect(most == type.bytesMax(frameBytesMax: 24), "WELCOME's maximum bounds DATA alone")
    }
  }

  @Test func acceptsBothEndsOfEveryType() {
    for type in Self.types {
      let most = type.bytesMax(frameBytesMax: 4096)
      for (count, expected) in [
        (type.bytesMin - 1, ErrorCode.frameTooShort), (type.bytesMin, nil), (most, nil),
        (most + 1, .frameTooLarge),
      ] {
        var bytes = [UInt8](repeating: 0, count: 8)
        bytes.withUnsafeMutableBytes { $0.baseAddress!.put32(UInt32(count - 4), at: 0) }
        bytes[4] = type.rawValue
        let reading = bytes.withUnsafeBytes {
          FrameHeader.read($0, at: 0, frameBytesMax: 4096)
        }
        let header = FrameHeader(type: type, flags: 0, byteCount: count)
        #expect(reading == expected.map(FrameHeader.Reading.malformed) ?? .header(header))
      }
    }
  }
}
