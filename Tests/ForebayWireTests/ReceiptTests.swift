import ForebayWire
import Testing

@Suite struct ReceiptTests {
  @Test func readsWhatItWrites() throws {
    let ranges = [
      ReceiptRange(
        first: 0x0102_0304_0506_0708, count: 0x1112_1314, outcome: .deadLettered,
        flags: [.maybeDelivered, .duplicate], code: MessageCode(rawValue: 0x2122)),
      ReceiptRange(first: 1, count: 1, outcome: .received),
      ReceiptRange(first: WireLimits.sequenceMax, count: 1, outcome: .delivered),
      ReceiptRange(first: .max - UInt64(UInt32.max), count: .max, outcome: .duplicate),
    ]
    let bytes = Receipt.encoded(ranges)
    #expect(bytes.count == Receipt.bytes(ranges: 4))
    #expect(try decodeReceipt(bytes) == ranges)
  }

  @Test func holdsAsManyAsFit() throws {
    let ranges = (0..<WireLimits.receiptRangesMax).map {
      ReceiptRange(first: UInt64($0) * 2 + 1, count: 1, outcome: .delivered)
    }
    let bytes = Receipt.encoded(ranges)
    #expect(bytes.count == 65_528)
    #expect(try decodeReceipt(bytes) == ranges)
    #expect(
      Receipt.bytes(ranges: WireLimits.receiptRangesMax + 1) > WireLimits.controlFrameBytesMax)
  }

  @Test func refusesSizesThatAreNotWholeRanges() {
    let bytes = Receipt.encoded([ReceiptRange(first: 1, count: 1, outcome: .delivered)])
    for count in 0..<bytes.count { expectRefused(Array(bytes.prefix(count)), .frameTooShort) }
    for extra in 1..<16 {
      expectRefused(bytes + [UInt8](repeating: 0, count: extra), .badField)
    }
    expectRefused(patched(bytes, 5, 1), .reservedBits)
  }

  @Test func refusesRangesThatAreNone() {
    for (first, count) in [
      (0, 1), (1, 0), (UInt64.max, 1), (.max - 1, 2), (.max - 1, UInt32.max),
    ] {
      expectRefused(
        Receipt.encoded([ReceiptRange(first: first, count: count, outcome: .delivered)]), .badField)
    }
  }

  @Test func refusesOutcomesThatItDoesNotKnow() {
    let bytes = Receipt.encoded([ReceiptRange(first: 1, count: 1, outcome: .delivered)])
    for raw in UInt8.min...UInt8.max where Outcome(rawValue: raw) == nil {
      expectRefused(patched(bytes, 20, raw), .badField)
    }
  }

  @Test func comparesVerdictsWithoutTheirPlace() {
    let range = ReceiptRange(first: 1, count: 2, outcome: .dropped, code: .shuttingDown)
    #expect(range.end == 3)
    #expect(
      range.hasSameVerdict(
        as: ReceiptRange(first: 9, count: 9, outcome: .dropped, code: .shuttingDown)))
    #expect(
      !range.hasSameVerdict(
        as: ReceiptRange(
          first: 1, count: 2, outcome: .dropped, flags: .maybeDelivered, code: .shuttingDown)))
    #expect(
      !range.hasSameVerdict(as: ReceiptRange(first: 1, count: 2, outcome: .expired)))
    #expect(
      !range.hasSameVerdict(
        as: ReceiptRange(first: 1, count: 2, outcome: .dropped, code: .ttlExpired)))
  }

  private func expectRefused(
    _ bytes: [UInt8], _ code: ErrorCode, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: WireError(code), sourceLocation: sourceLocation) { () throws in
      try decodeReceipt(bytes)
    }
  }
}
