import ForebayCore
import ForebayWire
import Testing

// What tests expect of a client, as verbs.
extension TestClient {
  func expectReady(_ at: SourceLocation = #_sourceLocation) {
    #expect(isReady, "no WINDOW yet: \(frames)", sourceLocation: at)
  }

  /// The daemon has ended this connection and said why.
  func expectClosed(_ code: ErrorCode?, _ at: SourceLocation = #_sourceLocation) {
    guard let ending else {
      Issue.record("the connection is open, not closed with \(named(code))", sourceLocation: at)
      return
    }
    #expect(ending == code, "closed with \(named(ending))", sourceLocation: at)
  }

  private func named(_ code: ErrorCode?) -> String { code.map { "\($0)" } ?? "no code" }

  func expectOpen(_ at: SourceLocation = #_sourceLocation) {
    #expect(isConnected, "closed with \(named(ending ?? nil))", sourceLocation: at)
  }

  func expectDelivered(
    _ sequences: ClosedRange<UInt64>, _ at: SourceLocation = #_sourceLocation
  ) {
    expectOutcome(.delivered, of: sequences, at)
  }

  func expectOutcome(
    _ outcome: Outcome, of sequences: ClosedRange<UInt64>, code: MessageCode? = nil,
    flags: ReceiptFlags? = nil, _ at: SourceLocation = #_sourceLocation
  ) {
    // The first that is wrong says enough.
    for sequence in sequences {
      let final = ledger.entry(sequence).final
      let isFine =
        final?.outcome == outcome && (code ?? final?.code) == final?.code
        && (flags ?? final?.flags) == final?.flags
      #expect(isFine, "message \(sequence): \(said(final))", sourceLocation: at)
      if !isFine { return }
    }
  }

  private func said(_ range: ReceiptRange?) -> String { range.map { "\($0)" } ?? "no receipt" }

  /// Sent, and without a final outcome.
  func expectUnsettled(_ sequences: ClosedRange<UInt64>, _ at: SourceLocation = #_sourceLocation) {
    for sequence in sequences {
      let final = ledger.entry(sequence).final
      #expect(final == nil, "message \(sequence): \(said(final))", sourceLocation: at)
    }
  }

  func expectHeld(_ sequences: ClosedRange<UInt64>, _ at: SourceLocation = #_sourceLocation) {
    for sequence in sequences {
      #expect(ledger.entry(sequence).isHeld, "message \(sequence) isn't held", sourceLocation: at)
    }
  }

  func expectShut(_ reason: WindowReason, _ at: SourceLocation = #_sourceLocation) {
    #expect(lastWindow?.state == .shut, "the window is open", sourceLocation: at)
    #expect(lastWindow?.reason == reason, sourceLocation: at)
  }
}
