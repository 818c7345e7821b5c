import ForebayWire

// One final outcome for each message, and its space back.
extension Sidecar {
  /// The verdict on messages: what their sender is told.
  struct Verdict {
    var outcome: Outcome
    var code = MessageCode.none
    var flags = ReceiptFlags()
  }

  /// Settles all of a run that isn't settled yet.
  mutating func settle(_ run: UInt32, _ verdict: Verdict, now: Instant) {
    settle(run, messages: 0..<Int(store.runs[run].count), verdict, now: now)
  }

  /// Settles the unsettled ones of `messages`. A run of which none is left leaves its queue, call or
  /// link and is gone. Queued runs are settled as a whole only.
  mutating func settle(
    _ run: UInt32, messages: Range<Int>, _ verdict: Verdict, now: Instant
  ) {
    let isAll = store.runs[run].isWhole && messages.count == Int(store.runs[run].count)
    if store.runs[run].stage != .inFlight {
      invariant(isAll, "a run that waits is settled as a whole")
      leaveLine(run)
    }
    let count: Int
    let bytes: Int
    if isAll {
      count = Int(store.runs[run].count)
      bytes = Int(store.runs[run].liveBytes)
      record(run, messages, verdict)
      store.runs[run].unsettled = 0
    } else {
      recordUnsettled(run, messages, verdict)
      (count, bytes) = store.settle(run, messages: messages)
    }
    guard count > 0 else { return }
    returnSpace(run, count: count, bytes: bytes, verdict.outcome)
    if store.runs[run].unsettled == 0 { discard(run, now: now) } else { store.compact(run) }
  }

  /// Takes a run that waits out of where it waits.
  private mutating func leaveLine(_ run: UInt32) {
    let route = UInt32(store.runs[run].route)
    switch store.runs[run].stage {
    case .queued:
      let flow = flow(of: store.runs[run].owner, lane: store.runs[run].lane)
      routes[route].queue.remove(run, from: flow, &store.runs)
    case .shelved:
      routes[route].shelf.remove(run)
    case .inFlight:
      brokenInvariant("a run in flight doesn't wait")
    }
  }

  private mutating func returnSpace(_ run: UInt32, count: Int, bytes: Int, _ outcome: Outcome) {
    let cost = Cost(
      bytes: UInt64(bytes + count * limits.overheadBytes), messages: UInt64(count))
    let receiver = store.runs[run].receiver
    let owner = store.runs[run].owner
    let route = UInt32(store.runs[run].route)
    sessions[receiver].held -= cost
    sessions[owner].ownedMessages -= UInt64(count)
    principals[sessions[receiver].principal].held -= cost
    if !planted(.refundMissingForExpired) || outcome != .expired {
      routes[route].pool.release(cost)
    }
    routes[route].totals.count(outcome, UInt64(count))
    if store.runs[run].stage == .inFlight {
      routes[route].inFlightMessages -= count
      routes[route].inFlightBytes -= bytes
      classLanded(owner, count)
      landed(run, count, route)
    }
    if sessions[receiver].client != none { markDirty(sessions[receiver].client) }
  }

  /// Records one verdict for consecutive messages, for the owner, the receiver and the connection.
  private mutating func record(_ run: UInt32, _ messages: Range<Int>, _ verdict: Verdict) {
    let owner = store.runs[run].owner
    let receiver = store.runs[run].receiver
    var flags = verdict.flags
    if store.runs[run].isUnanswered, verdict.outcome != .delivered,
      !planted(.maybeDeliveredUntold)
    {
      flags.insert(.maybeDelivered)
    }
    let range = ReceiptRange(
      first: store.runs[run].receiptSequence + UInt64(messages.lowerBound),
      count: UInt32(messages.count), outcome: verdict.outcome, flags: flags, code: verdict.code)
    keepOutcome(range, for: receiver)
    if owner != receiver {
      var own = range
      own.first = store.runs[run].firstSequence + UInt64(messages.lowerBound)
      sessions[owner].outcomes.record(own)
    }
    tell(receiver, range)
    if planted(.outcomeToldTwice) { tell(receiver, range) }
  }

  /// A peer that gives one link sequence to two messages, against the protocol, spoils its own
  /// receipts and nothing else: what was recorded first stands.
  mutating func keepOutcome(_ range: ReceiptRange, for receiver: UInt32) {
    switch sessions[receiver].kind {
    case .client, .origin: sessions[receiver].outcomes.record(range)
    case .link: sessions[receiver].outcomes.recordNew(range)
    }
  }

  private mutating func recordUnsettled(
    _ run: UInt32, _ messages: Range<Int>, _ verdict: Verdict
  ) {
    var start = messages.lowerBound
    while start < messages.upperBound {
      if store.runs[run].settled[start] {
        start += 1
        continue
      }
      var end = start + 1
      while end < messages.upperBound, !store.runs[run].settled[end] { end += 1 }
      record(run, start..<end, verdict)
      start = end
    }
  }

  /// Queues a receipt for the receiver's connection, if it has one.
  mutating func tell(_ receiver: UInt32, _ range: ReceiptRange) {
    let client = sessions[receiver].client
    guard client != none, !clients[client].isClosing else { return }
    clients[client].receipts.append(range)
    markOutput(client)
  }

  /// The last message of a run is settled: record and memory go.
  private mutating func discard(_ run: UInt32, now: Instant) {
    let owner = store.runs[run].owner
    let receiver = store.runs[run].receiver
    if store.runs[run].stage == .inFlight { leaveFlight(run) }
    if store.runs[run].deadline != .distantFuture { runDeadlines.set(run, nil) }
    unchainFromOwner(run)
    store.remove(run)
    sessionMayBeForgotten(owner, now: now)
    if receiver != owner { sessionMayBeForgotten(receiver, now: now) }
  }

  /// Messages that were charged but never stored are settled on the spot.
  mutating func settleUnstored(
    _ run: DataRun, _ place: Place, _ outcome: Outcome, code: MessageCode
  ) {
    let cost = cost(run)
    let route = sessions[place.receiver].route
    sessions[place.receiver].held -= cost
    principals[sessions[place.receiver].principal].held -= cost
    routes[route].pool.release(cost)
    routes[route].totals.count(outcome, UInt64(run.count))
    let range = ReceiptRange(
      first: place.receiptSequence, count: UInt32(run.count), outcome: outcome, code: code)
    keepOutcome(range, for: place.receiver)
    if place.owner != place.receiver {
      var own = range
      own.first = run.firstSequence
      sessions[place.owner].outcomes.record(own)
    }
    tell(place.receiver, range)
    markDirty(place.client)
  }

  // MARK: Cutting runs that stand in a chain

  /// Splits a run and puts the second part behind the first, in the owner's chain and in the queue,
  /// call or link that the first stands in. Returns the second.
  mutating func splitInChain(_ run: UInt32, before count: Int) -> UInt32 {
    let second = store.split(run, before: count)
    adoptSplit(second, behind: run)
    return second
  }

  private mutating func adoptSplit(_ second: UInt32, behind run: UInt32) {
    chainToOwner(second)
    // The attempt's answer counts once, with the first part.
    store.runs[second].token = nil
    if store.runs[second].deadline != .distantFuture {
      runDeadlines.set(second, store.runs[second].deadline)
    }
    let route = UInt32(store.runs[run].route)
    switch store.runs[run].stage {
    case .queued:
      let flow = flow(of: store.runs[run].owner, lane: store.runs[run].lane)
      routes[route].queue.insert(second, behind: run, in: flow, &store.runs)
    case .shelved:
      routes[route].shelf.add(second, behind: run)
    case .inFlight:
      insertInFlight(second, behind: run, route)
    }
  }

  /// Replaces a partly settled run by whole ones, one for each stretch of unsettled messages, in the
  /// same places: what is retried is always whole.
  mutating func separate(_ run: UInt32) {
    guard !store.runs[run].isWhole else { return }
    let parts = store.separate(run)
    var behind = run
    for part in parts {
      adoptSplit(part, behind: behind)
      behind = part
    }
  }
}
