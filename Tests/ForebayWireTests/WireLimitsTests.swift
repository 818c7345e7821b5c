import ForebayWire
import Testing

/// Limits that only make sense together.
@Suite struct WireLimitsTests {
  @Test func leavesRoomForEveryControlFrame() {
    #expect(
      WireLimits.controlFrameBytesMax >= Receipt.bytes(ranges: WireLimits.receiptRangesMax))
    #expect(
      WireLimits.controlFrameBytesMax >= Origin.fixedBytes + WireLimits.extensionsBytesMax)
  }

  @Test func letsEveryCostBeTold() {
    let most =
      WireLimits.frameBytesMax + Origin.fixedBytes + WireLimits.extensionsBytesMax
      + 2 * WireLimits.overheadBytesMax
    #expect(most <= Int(UInt32.max), "BLOCKED has 32 bits for a cost")
  }

  @Test func letsExtensionsBeMeasured() {
    #expect(WireLimits.extensionsBytesMax <= Int(UInt16.max), "DATA has 16 bits for their size")
    #expect(WireLimits.sequenceMax == UInt64.max - 1)
    #expect(WireLimits.runMessagesMax == 4 * UInt64.bitWidth, "a run's bitmap is four words")
  }
}
