import Testing

@testable import ForebayCore

@Suite struct Bits256Tests {
  @Test func everyBitStandsForItself() {
    var bits = Bits256()
    #expect(bits.isEmpty)
    for index in 0..<256 {
      bits[index] = true
      for other in 0..<256 { #expect(bits[other] == (other == index)) }
      bits[index] = false
    }
    #expect(bits.isEmpty)
  }
}
