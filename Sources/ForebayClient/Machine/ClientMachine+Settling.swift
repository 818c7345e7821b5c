import ForebayWire

// How receipts become events: exactly one final event for each message.
extension ClientMachine {
  /// Settles what is unsettled in `range` and tells how many messages that were.
  @discardableResult
  mutating func settle(_ range: ReceiptRange) -> Int {
    var count = 0
    while let run = log.settleRun(from: range.first, to: range.end, sentEnd: link.cursor) {
      count += run.count
      settledOut(run)
      tellSettled(run, range)
    }
    return count
  }

  mutating func settledOut(_ run: FrameLog.SettledRun) {
    link.outCount -= run.outCount
    link.outBytes -= run.outBytes
    invariant(
      link.outCount >= 0 && link.outBytes >= 0,
      "\(link.outCount) messages of \(link.outBytes) bytes are out")
  }

  /// Marks what is unsettled in `range` as held by the daemon, so that it isn't sent again.
  mutating func hold(_ range: ReceiptRange) {
    var place = range.first
    while let piece = log.piece(from: place, to: range.end) {
      for index in piece.indexes where piece.block.isToSend(index) {
        // What is sent on this connection is out already.
        guard piece.sequence(index) >= link.cursor else { continue }
        piece.block.hold(index)
        link.outCount += 1
        link.outBytes += piece.block.frameBytes(index)
      }
      place = piece.end
    }
    answer(range)
  }

  /// Tells the senders of those messages in `range` that wanted to hear of this outcome.
  mutating func answer(_ range: ReceiptRange) {
    var place = range.first
    while let piece = log.piece(from: place, to: range.end) {
      for index in piece.indexes {
        guard isAnswer(range.outcome, to: piece.block.level(index)),
          log.answer(index, in: piece.block)
        else { continue }
        tellAnswered(piece.sequence(index), range.outcome)
      }
      place = piece.end
    }
  }

  private func isAnswer(_ outcome: Outcome, to level: ReceiptLevel) -> Bool {
    switch level == .default ? options.level : level {
    case .received: return true
    case .stored: return outcome != .received
    case .default, .delivered: return outcome.isFinal
    }
  }

  // MARK: Events, joined with the one before where they continue it

  private mutating func tellSettled(_ run: FrameLog.SettledRun, _ range: ReceiptRange) {
    if case .settled(let first, let count, let outcome, let code, let flags) = events.last,
      first + UInt64(count) == run.first, outcome == range.outcome, code == range.code,
      flags == range.flags
    {
      events[events.count - 1] = .settled(
        first: first, count: count + run.count, outcome: outcome, code: code, flags: flags)
    } else {
      events.append(
        .settled(
          first: run.first, count: run.count, outcome: range.outcome, code: range.code,
          flags: range.flags))
    }
  }

  private mutating func tellAnswered(_ sequence: UInt64, _ outcome: Outcome) {
    if case .answered(let first, let count, outcome) = events.last,
      first + UInt64(count) == sequence
    {
      events[events.count - 1] = .answered(first: first, count: count + 1, outcome: outcome)
    } else {
      events.append(.answered(first: sequence, count: 1, outcome: outcome))
    }
  }

  mutating func tellAbandoned(
    _ sequence: UInt64, _ added: Int, _ certainty: Certainty, _ cause: AbandonCause
  ) {
    if case .abandoned(let first, let count, certainty, cause) = events.last,
      first + UInt64(count) == sequence
    {
      events[events.count - 1] = .abandoned(
        first: first, count: count + added, certainty: certainty, cause: cause)
    } else {
      events.append(
        .abandoned(first: sequence, count: added, certainty: certainty, cause: cause))
    }
  }
}
