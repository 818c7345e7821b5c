import ForebayWire
import Testing

/// proto/check_codes.py compares the numbers; these are the rules between them.
@Suite struct CodesTests {
  @Test func tellsTheSenderByTheHighBit() {
    for raw in UInt8.min...UInt8.max {
      guard let type = FrameType(rawValue: raw) else { continue }
      #expect(type.isFromDaemon == (raw >= 128))
    }
  }

  @Test func callsOutcomesFinalFromSixteenOn() {
    let final = (UInt8.min...UInt8.max).compactMap(Outcome.init).filter(\.isFinal)
    #expect(
      final == [.delivered, .deadLettered, .rejected, .expired, .dropped, .duplicate])
    #expect(!Outcome.received.isFinal && !Outcome.stored.isFinal)
  }

  @Test func hasALevelForEveryValueOfTheFlags() {
    for raw in 0...FrameFlags.dataLevelMask { #expect(ReceiptLevel(rawValue: raw) != nil) }
    #expect(ReceiptLevel.received < .stored)
    #expect(ReceiptLevel.stored < .delivered)
  }

  @Test func callsExtensionsCriticalFrom128On() {
    #expect(!ExtensionType(rawValue: 127).isCritical)
    #expect(ExtensionType(rawValue: 128).isCritical)
  }
}
