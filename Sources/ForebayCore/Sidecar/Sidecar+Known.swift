import ForebayWire

// Messages that were received before: what the daemon still knows is never forwarded twice.
extension Sidecar {
  private enum Knowledge: Equatable {
    case unknown
    /// Settled, by this verdict up to and without `end`.
    case settled(ReceiptRange, end: UInt64)
    /// Held in this run.
    case held(UInt32, end: UInt64)
    /// Below the floor: the client said that it had seen the receipt.
    case seen(end: UInt64)
  }

  /// Sorts a run that begins at or below the highest known sequence into what is new and what isn't.
  /// It is charged already; what isn't new gives its cost back here.
  mutating func acceptPartlyKnown(
    _ run: DataRun, _ place: Place, refusedFor refused: MessageCode?, at base: UnsafeRawPointer,
    now: Instant
  ) {
    let end = run.firstSequence + UInt64(run.count)
    var sequence = run.firstSequence
    var offset = 0
    while sequence < end {
      let knowledge = knowledge(of: sequence, place.owner)
      let stretchEnd = min(end, self.end(of: knowledge, sequence, limit: end, place.owner))
      var part = run
      part.firstSequence = sequence
      part.count = Int(stretchEnd - sequence)
      part.byteCount = byteCount(ofFrames: part.count, at: base + offset)
      let partPlace = place.advanced(by: sequence - run.firstSequence)
      switch knowledge {
      case .unknown:
        sessions[place.owner].highest = max(sessions[place.owner].highest, stretchEnd - 1)
        if let refused {
          settleUnstored(part, partPlace, .rejected, code: refused)
        } else {
          holdCopy(part, partPlace, at: base + offset, now: now)
        }
      case .settled(let verdict, _):
        repeatVerdict(verdict, part, partPlace)
      case .seen:
        let verdict = ReceiptRange(first: sequence, count: 1, outcome: .duplicate)
        repeatVerdict(verdict, part, partPlace)
      case .held(let known, _):
        release(part, place.receiver)
        readdress(known, part, partPlace, now: now)
      }
      sequence = stretchEnd
      offset += part.byteCount
    }
  }

  private mutating func knowledge(of sequence: UInt64, _ owner: UInt32) -> Knowledge {
    if sequence < sessions[owner].outcomes.floor {
      return .seen(end: sessions[owner].outcomes.floor)
    }
    if let range = sessions[owner].outcomes.range(holding: sequence) {
      return .settled(range, end: range.end)
    }
    let isNew = sequence > sessions[owner].highest
    if isNew || planted(.originDedupeForgotten) && sessions[owner].kind == .origin {
      return .unknown
    }
    var run = sessions[owner].heldRuns
    while run != none {
      let first = store.runs[run].firstSequence
      let end = first + UInt64(store.runs[run].count)
      if sequence >= first, sequence < end { return .held(run, end: end) }
      run = store.runs[run].nextOfSession
    }
    return .unknown
  }

  private mutating func end(
    of knowledge: Knowledge, _ sequence: UInt64, limit: UInt64, _ owner: UInt32
  ) -> UInt64 {
    switch knowledge {
    case .settled(_, let end), .seen(let end):
      return end
    case .held(_, let end):
      // A settled message inside a held run has its own verdict.
      return min(end, sessions[owner].outcomes.next(from: sequence) ?? end)
    case .unknown:
      if sequence > sessions[owner].highest { return limit }
      var next = sequence + 1
      while next < limit, self.knowledge(of: next, owner) == .unknown { next += 1 }
      return next
    }
  }

  private mutating func byteCount(ofFrames count: Int, at base: UnsafeRawPointer) -> Int {
    var offset = 0
    for _ in 0..<count { offset += Int((base + offset).big32(0)) + 4 }
    return offset
  }

  /// New messages amid known ones: rare enough to be copied to a block of their own.
  private mutating func holdCopy(
    _ part: DataRun, _ place: Place, at base: UnsafeRawPointer, now: Instant
  ) {
    let block = store.blocks.allocate(part.byteCount)
    block.base.copyMemory(from: base, byteCount: part.byteCount)
    hold(part, place, at: UnsafeRawPointer(block.base), in: block, now: now)
  }

  /// Answers a resend of settled messages with the stored verdict.
  private mutating func repeatVerdict(_ verdict: ReceiptRange, _ part: DataRun, _ place: Place) {
    release(part, place.receiver)
    let range = ReceiptRange(
      first: place.receiptSequence, count: UInt32(part.count), outcome: verdict.outcome,
      flags: verdict.flags.union(.duplicate), code: verdict.code)
    if place.receiver != place.owner { keepOutcome(range, for: place.receiver) }
    tell(place.receiver, range)
  }

  /// The cost of messages that aren't stored after all.
  private mutating func release(_ part: DataRun, _ receiver: UInt32) {
    let cost = cost(part)
    let route = sessions[receiver].route
    sessions[receiver].held -= cost
    principals[sessions[receiver].principal].held -= cost
    routes[route].pool.release(cost)
    routes[route].totals.count(.duplicate, UInt64(part.count))
  }

  /// A peer resends what is still held under new link sequences, after it lost its own state: from
  /// now on the receipts go there.
  private mutating func readdress(
    _ known: UInt32, _ part: DataRun, _ place: Place, now: Instant
  ) {
    guard place.receiver != place.owner else { return }
    var run = known
    if !store.runs[run].isWhole {
      separate(run)
      guard case .held(let whole, _) = knowledge(of: part.firstSequence, place.owner) else {
        brokenInvariant("an unsettled message is held")
      }
      run = whole
    }
    let before = Int(part.firstSequence - store.runs[run].firstSequence)
    if before > 0 { run = splitInChain(run, before: before) }
    if Int(store.runs[run].count) > part.count { _ = splitInChain(run, before: part.count) }
    let old = store.runs[run].receiver
    let cost = Cost(
      bytes: UInt64(routes[sessions[old].route].queue.cost(of: run, store.runs)),
      messages: UInt64(store.runs[run].unsettled))
    sessions[old].held -= cost
    sessions[place.receiver].held += cost
    store.runs[run].receiver = place.receiver
    store.runs[run].receiptSequence = place.receiptSequence
    if old != place.receiver { sessionMayBeForgotten(old, now: now) }
    // The attempt is answered, as that of a message that is new.
    if place.level == .received {
      tell(
        place.receiver,
        ReceiptRange(
          first: place.receiptSequence, count: UInt32(store.runs[run].count), outcome: .received))
    }
    // The separated part of a run may be shorter than what was resent.
    let count = Int(store.runs[run].count)
    guard count < part.count else { return }
    var rest = part
    rest.firstSequence += UInt64(count)
    rest.count -= count
    if case .held(let next, _) = knowledge(of: rest.firstSequence, place.owner) {
      readdress(next, rest, place.advanced(by: UInt64(count)), now: now)
    }
  }
}

extension Sidecar.Place {
  func advanced(by count: UInt64) -> Self {
    Self(
      client: client, owner: owner, receiver: receiver, receiptSequence: receiptSequence + count,
      deadline: deadline, level: level)
  }
}
