import ForebayWire
import Testing

@Suite struct WireNameTests {
  @Test func writesCodesAsTheWireDoes() {
    #expect(ErrorCode.flowControl.wireName == "FLOW_CONTROL")
    #expect(FrameType.goaway.wireName == "GOAWAY")
    #expect(Outcome.deadLettered.wireName == "DEAD_LETTERED")
    #expect(ReceiptLevel.delivered.wireName == "DELIVERED")
    #expect(WindowReason.receiptsUnseen.wireName == "RECEIPTS_UNSEEN")
    #expect(WindowState.shut.wireName == "SHUT")
  }

  @Test func givesEachReasonAndCodeANameOfItsOwn() {
    let codes = ErrorCode.allCases.map(\.wireName)
    let reasons = WindowReason.allCases.map(\.wireName)
    #expect(Set(codes).count == codes.count)
    #expect(Set(reasons).count == reasons.count)
    for name in codes + reasons {
      #expect(name.allSatisfy { $0 == "_" || $0.isUppercase }, "\(name)")
    }
  }
}
