import ForebayClient

/// Counts what became of the messages, and remembers those that weren't delivered, up to a bound.
struct OutcomeTally {
  /// Enough to see what is wrong; a million of them help nobody.
  static let exceptionsMax = 100

  private var counts = [Int](repeating: 0, count: MessageOutcome.allCases.count)
  private(set) var maybeDelivered = 0
  private(set) var exceptions: [OutcomeReport] = []
  private(set) var isTruncated = false

  mutating func count(_ report: OutcomeReport) {
    counts[Self.place(report.outcome)] += report.messages.count
    if report.isMaybeDelivered { maybeDelivered += report.messages.count }
    guard report.outcome.isFinal, !Self.isGood(report.outcome) else { return }
    if let last = exceptions.indices.last, exceptions[last].extend(with: report) { return }
    if exceptions.count < Self.exceptionsMax {
      exceptions.append(report)
    } else {
      isTruncated = true
    }
  }

  subscript(outcome: MessageOutcome) -> Int { counts[Self.place(outcome)] }

  /// Messages with a final outcome from the daemon.
  var settled: Int { good + bad }
  var good: Int { sum { $0.isFinal && Self.isGood($0) } }
  var bad: Int {
    sum { $0.isFinal && !Self.isGood($0) && $0 != .notSent && $0 != .unknown }
  }
  var unsettled: Int { self[.notSent] + self[.unknown] }

  /// A duplicate's earlier copy was accepted.
  static func isGood(_ outcome: MessageOutcome) -> Bool {
    outcome == .delivered || outcome == .duplicate
  }

  private func sum(_ isMeant: (MessageOutcome) -> Bool) -> Int {
    MessageOutcome.allCases.filter(isMeant).reduce(0) { $0 + self[$1] }
  }

  private static func place(_ outcome: MessageOutcome) -> Int {
    MessageOutcome.allCases.firstIndex(of: outcome) ?? 0
  }
}
