import ForebayWire

// From bytes to held runs.
extension Sidecar {
  /// Room for the next read of this connection, valid until its `received` or the next `readBuffer`.
  package mutating func readBuffer(_ id: ClientID) -> UnsafeMutableRawBufferPointer {
    guard let client = slot(id) else { return store.lend(stashed: UnsafeRawBufferPointer.empty) }
    switch clients[client].partial {
    case .none:
      return store.lend(
        stashed: UnsafeRawBufferPointer.empty, frameBytes: clients[client].largeFrameBytes)
    case .stash(let block, let byteCount):
      return store.lend(stashed: UnsafeRawBufferPointer(start: block.base, count: byteCount))
    case .large(let block, let byteCount, let frameBytes):
      return UnsafeMutableRawBufferPointer(
        start: block.base + byteCount, count: frameBytes - byteCount)
    }
  }

  /// `byteCount` bytes were read into the lent buffer.
  package mutating func received(_ byteCount: Int, from id: ClientID, now: Instant) {
    guard let client = slot(id), byteCount > 0 else { return }
    clients[client].heardAt = now
    clients[client].bytesRead += UInt64(byteCount)
    switch clients[client].partial {
    case .none:
      scanChunk(client, byteCount: byteCount, now: now)
    case .stash(let block, let stashed):
      clients[client].partial = .none
      store.blocks.free(block)
      scanChunk(client, byteCount: stashed + byteCount, now: now)
    case .large(let block, let already, let frameBytes):
      let filled = already + byteCount
      clients[client].partial = .large(block, byteCount: filled, frameBytes: frameBytes)
      if filled == frameBytes { scanLarge(client, block, frameBytes, now: now) }
    }
    guard clients.contains(client) else { return }
    notePartial(client, now: now)
  }

  /// A frame must be whole within its deadline, counted from its first byte.
  private mutating func notePartial(_ client: UInt32, now: Instant) {
    if case .none = clients[client].partial {
      clients[client].partialSince = nil
    } else if clients[client].partialSince == nil || planted(.frameDeadlineMovesOn) {
      clients[client].partialSince = now
      clientDeadlines.pull(client, to: now + limits.frameTimeout)
    }
  }

  // MARK: Scanning

  private mutating func scanChunk(_ client: UInt32, byteCount: Int, now: Instant) {
    let bytes = store.beginChunk(byteCount)
    var offset = 0
    var start = 0
    scan: while offset < bytes.count, !clients[client].isClosing {
      start = offset
      switch scanner.next(bytes, from: offset, within: bounds(client)) {
      case .run(let run):
        offset = run.offset + run.byteCount
        accept(run, of: client, at: bytes.baseAddress! + run.offset, in: nil, now: now)
      case .unsupported(let run):
        offset = run.offset + run.byteCount
        accept(
          run, of: client, at: bytes.baseAddress! + run.offset, in: nil,
          refusedFor: .unsupportedExtension, now: now)
      case .control(let header, let place):
        let frame = UnsafeRawBufferPointer(rebasing: bytes[place..<(place + header.byteCount)])
        offset = place + header.byteCount
        controlReceived(client, header, frame, now: now)
      case .partial(let place, let frameBytes):
        // What only a daemon sends is refused before it is whole: nothing of it is kept.
        guard frameBytes == 0 || bytes[place + 4] & 0x80 == 0 else {
          close(client, .wrongDirection)
          break scan
        }
        keepPartial(client, bytes, from: place, frameBytes: frameBytes)
        break scan
      case .overCredit:
        close(client, clients[client].session == none ? .helloExpected : .flowControl)
      case .malformed(let code):
        close(client, hasSaidHello(client, bytes, offset) ? code : .helloExpected)
      case .end:
        break scan
      }
    }
    noteOffence(client, bytes, at: start)
    store.endChunk(consumed: offset)
  }

  /// Where the frame begins that the connection was just ended for. The bytes are the last that were read.
  private mutating func noteOffence(
    _ client: UInt32, _ bytes: UnsafeRawBufferPointer, at start: Int
  ) {
    // What comes after it is nobody's offence any more.
    guard case .closing(.some) = clients[client].phase, clients[client].offence == nil else {
      return
    }
    let rest = bytes[start...].prefix(Offence.excerptBytesMax)
    clients[client].offence = Offence(
      offset: clients[client].bytesRead - UInt64(bytes.count - start), excerpt: Array(rest))
  }

  /// False for DATA before HELLO, whatever else is wrong with it: a good header with a mistake behind it
  /// is DATA's.
  private func hasSaidHello(
    _ client: UInt32, _ bytes: UnsafeRawBufferPointer, _ offset: Int
  ) -> Bool {
    guard clients[client].session == none else { return true }
    switch FrameHeader.read(bytes, at: offset, frameBytesMax: limits.frameBytesMax) {
    case .header: return false
    case .partial, .malformed: return true
    }
  }

  /// A large frame is whole: it is scanned where it lies and keeps its block.
  private mutating func scanLarge(
    _ client: UInt32, _ block: BlockPool.Block, _ frameBytes: Int, now: Instant
  ) {
    clients[client].partial = .none
    let bytes = UnsafeRawBufferPointer(start: block.base, count: frameBytes)
    switch scanner.next(bytes, from: 0, within: bounds(client)) {
    case .run(let run):
      accept(run, of: client, at: bytes.baseAddress!, in: block, now: now)
      return
    case .unsupported(let run):
      accept(
        run, of: client, at: bytes.baseAddress!, in: block, refusedFor: .unsupportedExtension,
        now: now)
      return
    case .control(let header, _):
      controlReceived(client, header, bytes, now: now)
    case .overCredit:
      close(client, .flowControl)
    case .malformed(let code):
      close(client, code)
    case .partial, .end:
      brokenInvariant("a whole frame is whole")
    }
    noteOffence(client, bytes, at: 0)
    store.blocks.free(block)
  }

  private mutating func bounds(_ client: UInt32) -> RunScanner.Bounds {
    guard clients[client].isOpen else {
      return RunScanner.Bounds(lastSequence: 0, messagesLeft: 0, costLeft: 0)
    }
    var open = clients[client].window.open
    if planted(.creditIsNotPoliced) { open = Cost(bytes: .max, messages: .max) }
    if planted(.shrinkIsOneSided) {
      open = clients[client].window.announced.above(clients[client].window.received)
    }
    guard clients[client].isPeer else {
      return RunScanner.Bounds(
        lastSequence: clients[client].lastSequence, messagesLeft: open.messages,
        costLeft: open.bytes)
    }
    // Without an ORIGIN no sequence continues anything, so DATA is a mismatch.
    let incoming = clients[client].incoming
    return RunScanner.Bounds(
      lastSequence: incoming.map { $0.nextSequence - 1 } ?? .max, isExact: true,
      messagesLeft: open.messages, costLeft: open.bytes,
      countMax: max(1, min(incoming?.left ?? 1, WireLimits.runMessagesMax)))
  }

  /// Keeps what has arrived of a frame: a small one in a stash, a large one in a block of its own,
  /// which the credit check has allowed.
  private mutating func keepPartial(
    _ client: UInt32, _ bytes: UnsafeRawBufferPointer, from place: Int, frameBytes: Int
  ) {
    let byteCount = bytes.count - place
    // A frame that begins behind another has its own time to become whole.
    if place > 0 { clients[client].partialSince = nil }
    // Before the first 24 bytes of DATA are there no credit has been checked, and other frames cost
    // none: for those no more is kept than has come.
    let isLarge =
      frameBytes > MessageStore.largeFrameBytes && byteCount >= WireLimits.dataFixedBytes
      && bytes[place + 4] == FrameType.data.rawValue
    clients[client].largeFrameBytes =
      isLarge && frameBytes <= Nursery.segmentBytes ? frameBytes : 0
    let block = store.blocks.allocate(isLarge ? frameBytes : byteCount)
    block.base.copyMemory(from: bytes.baseAddress! + place, byteCount: byteCount)
    clients[client].partial =
      isLarge
      ? .large(block, byteCount: byteCount, frameBytes: frameBytes)
      : .stash(block, byteCount: byteCount)
  }

  // MARK: Accepting

  private mutating func accept(
    _ run: DataRun, of client: UInt32, at base: UnsafeRawPointer, in block: BlockPool.Block?,
    refusedFor code: MessageCode? = nil, now: Instant
  ) {
    let run = clients[client].isPeer ? asOriginSays(run, client) : run
    guard let place = charge(run, client, now: now) else { return free(block) }
    let refused = code ?? refusal(run, client)
    if run.firstSequence <= sessions[place.owner].highest {
      acceptPartlyKnown(run, place, refusedFor: refused, at: base, now: now)
      free(block)
    } else {
      sessions[place.owner].highest = run.firstSequence + UInt64(run.count) - 1
      if let refused {
        settleUnstored(run, place, .rejected, code: refused)
        free(block)
      } else {
        hold(run, place, at: base, in: block, now: now)
      }
    }
    if clients[client].isPeer, clients[client].incoming?.left == 0 { originEnded(client, now: now) }
  }

  /// Lane and level of a peer's messages are what its ORIGIN and HELLO say, not what their own frames do.
  private func asOriginSays(_ run: DataRun, _ client: UInt32) -> DataRun {
    guard let incoming = clients[client].incoming else { return run }
    var said = run
    said.lane = incoming.lane
    said.level = .default
    return said
  }

  private mutating func free(_ block: BlockPool.Block?) {
    if let block { store.blocks.free(block) }
  }

  /// Where a run's messages belong and where its receipts go.
  struct Place {
    let client: UInt32
    let owner: UInt32
    let receiver: UInt32
    let receiptSequence: UInt64
    let deadline: Instant
    let level: ReceiptLevel
  }

  /// Counts a run against the connection's credit. The scanner stayed within it.
  private mutating func charge(_ run: DataRun, _ client: UInt32, now: Instant) -> Place? {
    let cost = cost(run)
    guard clients[client].isOpen, clients[client].window.received(cost) == .withinCredit else {
      close(client, clients[client].session == none ? .helloExpected : .flowControl)
      return nil
    }
    if planted(.windowCountedTwice) { _ = clients[client].window.received(cost) }
    let principal = clients[client].principal
    let session = clients[client].session
    let route = clients[client].route
    routes[route].pool.hold(cost)
    routes[route].totals.received += UInt64(run.count)
    principals[principal].open -= cost
    principals[principal].held += cost
    sessions[session].held += cost
    noteData(client, now: now)
    if clients[client].isPeer { return placeOfPeer(run, client, session) }
    clients[client].lastSequence = run.firstSequence + UInt64(run.count) - 1
    let ttl = TimeSpan.milliseconds(UInt64(run.ttlMilliseconds))
    return Place(
      client: client, owner: session, receiver: session, receiptSequence: run.firstSequence,
      deadline: ttl == .zero ? .distantFuture : now + ttl,
      level: run.level == .default ? sessions[session].level : run.level)
  }

  private mutating func placeOfPeer(_ run: DataRun, _ client: UInt32, _ session: UInt32) -> Place {
    guard var incoming = clients[client].incoming else {
      brokenInvariant("the scanner lets no DATA of a peer through without ORIGIN")
    }
    let place = Place(
      client: client, owner: incoming.session, receiver: session,
      receiptSequence: incoming.linkSequence, deadline: incoming.deadline,
      level: sessions[session].level)
    incoming.linkSequence += UInt64(run.count)
    incoming.nextSequence += UInt64(run.count)
    incoming.left -= run.count
    clients[client].lastSequence = incoming.linkSequence - 1
    sessions[session].highest = max(sessions[session].highest, incoming.linkSequence - 1)
    clients[client].incoming = incoming
    return place
  }

  mutating func cost(_ run: DataRun) -> Cost {
    Cost(
      bytes: UInt64(run.byteCount + run.count * limits.overheadBytes),
      messages: UInt64(run.count))
  }

  /// Why these messages can't be taken, though the connection may go on.
  private mutating func refusal(_ run: DataRun, _ client: UInt32) -> MessageCode? {
    if run.level == .stored || sessions[clients[client].session].level == .stored {
      return .levelUnavailable
    }
    let lanes = settings.classes[clients[client].classIndex].lanes
    return lanes & (1 << run.lane) == 0 ? .laneNotPermitted : nil
  }

  /// Stores the run, queues it and, if asked for, says that it was received.
  mutating func hold(
    _ run: DataRun, _ place: Place, at base: UnsafeRawPointer, in block: BlockPool.Block?,
    now: Instant
  ) {
    let owner = place.owner
    let route = sessions[owner].route
    let record = Run(
      base: UnsafeMutableRawPointer(mutating: base), byteCount: Int32(run.byteCount),
      liveBytes: Int32(run.byteCount), segment: -1, owner: owner, receiver: place.receiver,
      firstSequence: run.firstSequence, receiptSequence: place.receiptSequence, serial: 0,
      deadline: place.deadline, count: UInt16(run.count), unsettled: UInt16(run.count),
      route: UInt16(route), lane: run.lane, level: place.level.rawValue, acceptedAt: now)
    let index = block.map { store.adopt(record, in: $0) } ?? store.adopt(record)
    chainToOwner(index)
    sessions[owner].ownedMessages += UInt64(run.count)
    routes[route].queue.append(index, to: flow(of: owner, lane: run.lane), &store.runs)
    routes[route].breaker.messagesOffered(run.count, now: now)
    if routes[route].ramp.isActive { routes[route].ramp.messagesOffered(run.count) }
    if place.deadline != .distantFuture { runDeadlines.set(index, place.deadline) }
    if place.level == .received {
      tell(
        place.receiver,
        ReceiptRange(first: place.receiptSequence, count: UInt32(run.count), outcome: .received))
    }
    stir(route)
  }

  /// The flow of a session's lane, made when it is first used.
  mutating func flow(of session: UInt32, lane: UInt8) -> UInt32 {
    let route = sessions[session].route
    var flow = sessions[session].flows
    while flow != none, routes[route].queue.flows[flow].lane != lane {
      flow = routes[route].queue.flows[flow].nextOfSession
    }
    if flow != none { return flow }
    let principal = sessions[session].principal
    let weight = settings.classes[principals[principal].classIndex].weight
    let made = routes[route].queue.makeFlow(
      session: session, principal: principal, lane: lane, weight: Int(weight))
    routes[route].queue.flows[made].nextOfSession = sessions[session].flows
    sessions[session].flows = made
    return made
  }

  // MARK: The chain of a session's held runs

  mutating func chainToOwner(_ run: UInt32) {
    let owner = store.runs[run].owner
    let head = sessions[owner].heldRuns
    store.runs[run].previousOfSession = none
    store.runs[run].nextOfSession = head
    if head != none { store.runs[head].previousOfSession = run }
    sessions[owner].heldRuns = run
  }

  mutating func unchainFromOwner(_ run: UInt32) {
    let before = store.runs[run].previousOfSession
    let after = store.runs[run].nextOfSession
    if before == none {
      sessions[store.runs[run].owner].heldRuns = after
    } else {
      store.runs[before].nextOfSession = after
    }
    if after != none { store.runs[after].previousOfSession = before }
  }
}

extension UnsafeRawBufferPointer {
  static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
