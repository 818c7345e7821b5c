import ForebayClient

/// What `send` says at its end, for people or for machines.
struct SendSummary {
  var status: ExitStatus
  var messages: Int
  var bytes: Int
  var elapsed: Duration
  var tally: OutcomeTally
  /// Messages that are where their receipt level wanted them, without a final outcome yet.
  var atLevel: (level: ReceiptStage, count: Int)?
  var statistics: ClientStatistics
  var session: String
  /// The first line without a final outcome.
  var firstUnsettled: UInt64
  var problem: String?

  private var unsettled: Int { tally.unsettled - (atLevel?.count ?? 0) }

  // MARK: For people

  var text: String {
    let rate = Double(messages) / max(elapsed / Duration.seconds(1), 0.001)
    var lines = [
      "\(messages) messages, \(bytes) bytes in \(TimeText.seconds(elapsed)) s"
        + " (\(ProgressLine.short(rate))/s)"
    ]
    for outcome in MessageOutcome.allCases where outcome.isFinal && tally[outcome] > 0 {
      if outcome == .notSent || outcome == .unknown { continue }
      lines.append("\(outcome.rawValue): \(tally[outcome])" + whichLines(outcome))
    }
    if let atLevel, atLevel.count > 0 {
      lines.append("\(atLevel.level.rawValue): \(atLevel.count) (no final outcome yet)")
    }
    if tally.maybeDelivered > 0 {
      lines.append("maybe delivered all the same: \(tally.maybeDelivered)")
    }
    if unsettled > 0 {
      lines.append(
        "unsettled: \(unsettled) (not sent: \(tally[.notSent]), unknown: \(tally[.unknown]))")
    }
    switch status {
    case .interrupted, .terminated, .timeout,
      .unavailable where messages > 0:
      // As long as a daemon remembers a session that nobody is connected to.
      lines.append(
        "to go on, send the same input within 15 minutes"
          + " with --session \(session) --from-line \(firstUnsettled)")
    default: break
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func whichLines(_ outcome: MessageOutcome) -> String {
    let reports = tally.exceptions.filter { $0.outcome == outcome }
    guard let first = reports.first else { return "" }
    let shown = reports.prefix(8).map { report in
      let last = report.messages.upperBound - 1
      return report.messages.count == 1
        ? "\(last)" : "\(report.messages.lowerBound)-\(last)"
    }
    let more = reports.count > shown.count || tally.isTruncated ? ", …" : ""
    let reason = first.reason.map { "\($0), " } ?? ""
    return " (\(reason)lines \(shown.joined(separator: ", "))\(more))"
  }

  // MARK: For machines

  var json: String {
    var outcomes: [(String, JSONText)] = MessageOutcome.allCases
      .filter { $0.isFinal && $0 != .notSent && $0 != .unknown }
      .map { ($0.rawValue, .count(tally[$0])) }
    if let atLevel { outcomes.append((atLevel.level.rawValue, .count(atLevel.count))) }
    let value = JSONText.object([
      ("schema_version", .number("1")),
      ("exit_code", .count(status.rawValue)),
      ("messages", .count(messages)),
      ("bytes", .count(bytes)),
      ("seconds", .number(TimeText.seconds(elapsed))),
      ("outcomes", .object(outcomes)),
      ("maybe_delivered", .count(tally.maybeDelivered)),
      ("unsettled", .count(unsettled)),
      ("not_sent", .count(tally[.notSent])),
      ("exceptions", .list(tally.exceptions.map(exception))),
      ("exceptions_truncated", .flag(tally.isTruncated)),
      ("session", .string(session)),
      ("first_unsettled_line", .count(firstUnsettled)),
      ("reconnects", .count(statistics.reconnects)),
      ("blocked_seconds", .number(TimeText.seconds(statistics.blockedTime))),
      ("problem", problem.map(JSONText.string) ?? .null),
    ])
    return value.text + "\n"
  }

  private func exception(_ report: OutcomeReport) -> JSONText {
    .object([
      ("first_line", .count(report.messages.lowerBound)),
      ("last_line", .count(report.messages.upperBound - 1)),
      ("outcome", .string(report.outcome.rawValue)),
      ("code", .count(report.code)),
      ("reason", report.reason.map(JSONText.string) ?? .null),
      ("maybe_delivered", .flag(report.isMaybeDelivered)),
    ])
  }
}
