import ForebayCore

/// What was counted in a run: at the producers, at the daemons, in the journal.
struct DemoFacts: Equatable, Sendable {
  var elapsed = TimeSpan.zero
  var offered: UInt64 = 0
  /// By producer.
  var sent: [UInt64] = []
  /// Messages whose receipt said delivered, and those with any final receipt.
  var delivered: UInt64 = 0
  var settled: UInt64 = 0
  /// Receipts that came twice or for nothing, and frames that broke the protocol.
  var wrongFrames: UInt64 = 0
  var blocked: [TimeSpan] = []
  /// The last that the first daemon said of itself.
  var daemon = DaemonSight()
  /// Of both lives of the hub.
  var hubPeak = DaemonSight.Amount()
  var hubCapacity = DaemonSight.Amount()
  var daemonMemory: UInt64 = 0
  var hubMemory: UInt64 = 0
  var journal = JournalTally()
  /// Delivered a second in act 1.
  var slowedRate = 0.0
  /// By producer: what had no final receipt when the hub was killed.
  var unsettledAtKill: [[Range<UInt64>]] = []
  /// Failures in a row when the breaker opened; successes in a row before it closed.
  var failuresAtOpening: UInt64 = 0
  var successesAtClosing: UInt64 = 0
  /// Producers that heard `BREAKER_OPEN` from their daemon and might send nothing more.
  var shutByBreaker = 0
  /// Delivered after the hub had been started again.
  var deliveredAfterRevival: UInt64 = 0
}

/// What must hold of them. Nothing is measured here.
struct Verdict: Equatable, Sendable {
  struct Row: Equatable, Sendable {
    var name: String
    var value: String
    /// Nil for what is told and not judged.
    var isRight: Bool?
  }

  let rows: [Row]

  var isRight: Bool { rows.allSatisfy { $0.isRight != false } }

  init(_ facts: DemoFacts, _ settings: DemoSettings) {
    rows =
      Self.messages(facts, settings) + Self.journal(facts) + Self.bounds(facts, settings)
      + Self.breaker(facts, settings)
  }

  private static func messages(_ facts: DemoFacts, _ settings: DemoSettings) -> [Row] {
    let sent = facts.sent.reduce(0, +)
    let offeredLeft = facts.offered - min(facts.offered, sent)
    return [
      Row(name: "offered by the producers", value: grouped(facts.offered)),
      Row(name: "kept at their source by shut windows", value: grouped(offeredLeft)),
      Row(name: "sent", value: grouped(sent), isRight: sent > 0),
      Row(
        name: "accepted by forebayd", value: grouped(facts.daemon.received),
        isRight: facts.daemon.received == sent),
      Row(
        name: "delivered, say the receipts", value: grouped(facts.delivered),
        isRight: facts.delivered == sent && facts.settled == sent && facts.wrongFrames == 0),
      Row(
        name: "delivered a second in act 1, at most \(grouped(settings.rate))",
        value: grouped(Int(facts.slowedRate.rounded())),
        // More than that by what a stall before held back, and as much less by one at the end.
        isRight: facts.slowedRate > 0 && facts.slowedRate <= Double(settings.rate) * 1.1),
    ]
  }

  private static func journal(_ facts: DemoFacts) -> [Row] {
    let journal = facts.journal
    let missing = facts.sent.enumerated().reduce(0 as UInt64) {
      $0 + journal.missing(producer: $1.offset + 1, sent: $1.element)
    }
    let expected = journal.repeats.filter { facts.wasUnsettledAtKill($0) }.count
    return [
      Row(
        name: "in the journal", value: grouped(journal.distinct),
        isRight: journal.distinct == facts.sent.reduce(0, +) && journal.strange == 0),
      Row(name: "missing from it", value: grouped(missing), isRight: missing == 0),
      Row(
        name: "out of their producer's order", value: grouped(journal.disordered),
        isRight: journal.disordered == 0),
      Row(
        name: "there twice, by the kill", value: grouped(journal.repeats.count),
        isRight: UInt64(journal.total) == journal.distinct + UInt64(journal.repeats.count)),
      Row(
        name: "of those, unsettled when it happened", value: grouped(expected),
        isRight: expected == journal.repeats.count),
    ]
  }

  private static func bounds(_ facts: DemoFacts, _ settings: DemoSettings) -> [Row] {
    func peak(_ name: String, _ peak: DaemonSight.Amount, _ bound: DaemonSight.Amount) -> Row {
      let isHeld = peak.messages > 0 && peak.bytes > 0
      return Row(
        name: "held by \(name) at most, of \(amount(bound))", value: amount(peak),
        isRight: isHeld && peak.messages <= bound.messages && peak.bytes <= bound.bytes)
    }
    let times = facts.blocked.sorted()
    let range = times.isEmpty ? "-" : "\(seconds(times[0])) - \(seconds(times[times.count - 1])) s"
    return [
      peak("forebayd", facts.daemon.heldPeak, facts.daemon.capacity),
      peak("the hub", facts.hubPeak, facts.hubCapacity),
      Row(
        name: "a producer waited for its window", value: range,
        isRight: times.first.map { $0 > .zero } ?? false),
      Row(
        name: "memory of forebayd and hub at most",
        value: "\(mebibytes(facts.daemonMemory)) + \(mebibytes(facts.hubMemory)) MiB"),
    ]
  }

  private static func amount(_ amount: DaemonSight.Amount) -> String {
    "\(grouped(amount.messages)), \(grouped((amount.bytes + 1023) >> 10)) KiB"
  }

  private static func breaker(_ facts: DemoFacts, _ settings: DemoSettings) -> [Row] {
    [
      Row(
        name: "breaker openings", value: "\(facts.daemon.breaker.openings)",
        isRight: facts.daemon.breaker.openings == 1),
      Row(
        // Seen at the next look: a probe may have failed by then.
        name: "failures in a row when it opened, at least 5", value: "\(facts.failuresAtOpening)",
        isRight: facts.failuresAtOpening >= 5),
      Row(
        name: "producers told BREAKER_OPEN", value: "\(facts.shutByBreaker)",
        isRight: facts.shutByBreaker == settings.producers),
      Row(
        name: "successes in a row when it closed, at least 5", value: "\(facts.successesAtClosing)",
        isRight: facts.successesAtClosing >= 5),
      Row(
        name: "delivered after the revival", value: grouped(facts.deliveredAfterRevival),
        isRight: facts.deliveredAfterRevival > 0),
      Row(
        name: "seconds in all, at most 60", value: seconds(facts.elapsed),
        isRight: facts.elapsed <= .seconds(60)),
    ]
  }

  var lines: [StyledLine] {
    rows.map { row in
      var line = StyledLine("  " + row.name)
      line.pad(to: 50)
      line.add(row.value.leftPadded(18))
      if let isRight = row.isRight {
        line.add(isRight ? "   ok" : "   WRONG", isRight ? .green : .red)
      }
      return line
    }
  }
}

extension DemoFacts {
  func wasUnsettledAtKill(_ message: JournalTally.Repeat) -> Bool {
    unsettledAtKill.indices.contains(message.producer - 1)
      && unsettledAtKill[message.producer - 1].contains { $0.contains(message.sequence) }
  }
}

private func mebibytes(_ bytes: UInt64) -> String {
  decimal(Double(bytes) / 1_048_576, places: 1)
}
