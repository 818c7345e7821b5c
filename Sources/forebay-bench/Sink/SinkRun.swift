import ForebayWire

/// What the sink answers for a message.
struct SinkOutcome: Equatable, Sendable {
  var outcome: Outcome
  var code: MessageCode

  static let delivered = SinkOutcome(outcome: .delivered, code: .none)
  static let rejected = SinkOutcome(outcome: .rejected, code: .upstreamRejected)
  static let unsupported = SinkOutcome(outcome: .rejected, code: .unsupportedExtension)
}

/// Consecutive messages as they arrived on one connection.
struct SinkRun: Equatable, Sendable {
  /// The first of the sequences that receipts name: the client's own, or the link's.
  var first: UInt64
  var count: Int
  /// On a peer link: whose messages they are, and the client's own first sequence.
  var tag: ID128
  var originFirst: UInt64
  var lane: UInt8
  /// All bytes they cost, overhead included.
  var cost: Int
  /// What they get unless the script says otherwise.
  var outcome: SinkOutcome

  var range: Range<UInt64> { first..<(first + UInt64(count)) }
  var originRange: Range<UInt64> { originFirst..<(originFirst + UInt64(count)) }

  /// The part with the receipt sequences `part`, and a like share of the cost.
  func part(_ part: Range<UInt64>) -> SinkRun {
    let before = Int(part.lowerBound - first)
    var result = self
    result.first = part.lowerBound
    result.originFirst = originFirst + UInt64(before)
    result.count = part.count
    result.cost = cost * (before + part.count) / count - cost * before / count
    return result
  }
}
