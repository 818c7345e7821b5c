import ForebayWire

// Frames that are not DATA. They cost no credit and have a small rate limit of their own.
extension Sidecar {
  mutating func controlReceived(
    _ client: UInt32, _ header: FrameHeader, _ frame: UnsafeRawBufferPointer, now: Instant
  ) {
    do throws(WireError) {
      try perform(client, header.type, frame, now: now)
    } catch {
      close(client, error.code)
    }
  }

  private mutating func perform(
    _ client: UInt32, _ type: FrameType, _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) {
    guard !type.isFromDaemon else { throw WireError(.wrongDirection) }
    if type == .hello { return try helloReceived(client, frame, now: now) }
    // A connection that takes over another waits for it to be read out; it may say these meanwhile.
    guard clients[client].session != none else { throw WireError(.helloExpected) }
    if type == .origin { return try originReceived(client, frame, now: now) }
    if try !isAnswer(client, type, frame) { try countControl(client, now: now) }
    switch type {
    case .seen:
      seen(client, floor: try Seen(frame: frame).floor)
    case .blocked:
      blocked(client, try Blocked(frame: frame), now: now)
    case .backlog:
      let backlog = try Backlog(frame: frame)
      clients[client].wanted = Cost(bytes: backlog.bytes, messages: backlog.messages)
      noteDemand(client, now: now)
      markDirty(client)
    case .reclaimed:
      reclaimed(client, number: try Reclaimed(frame: frame).number, now: now)
    case .pong:
      _ = try Pong(frame: frame)
      clients[client].pingedAt = nil
    case .bye:
      _ = try Bye(frame: frame)
      close(client, nil)
    case .hello, .data, .origin, .welcome, .window, .receipt, .reclaim, .ping, .goaway, .error:
      brokenInvariant("handled above")
    }
  }

  /// What a client can't send more often than we or its messages make it: what we asked for, and SEEN
  /// that tells of messages, of which a fast client with a small window sends thousands a second.
  private mutating func isAnswer(
    _ client: UInt32, _ type: FrameType, _ frame: UnsafeRawBufferPointer
  ) throws(WireError) -> Bool {
    switch type {
    case .seen:
      let session = clients[client].session
      let floor = min(try Seen(frame: frame).floor, sessions[session].highest + 1)
      return floor > sessions[session].outcomes.floor
    case .pong: return clients[client].pingedAt != nil
    case .reclaimed: return clients[client].window.reclaim != nil
    case .hello, .data, .blocked, .backlog, .bye, .origin, .welcome, .window, .receipt, .reclaim,
      .ping, .goaway, .error:
      return false
    }
  }

  /// A generic cell rate, in time: each frame moves the due time on, and the burst is how far that
  /// may lie ahead.
  private mutating func countControl(_ client: UInt32, now: Instant) throws(WireError) {
    let each = TimeSpan.seconds(1) / limits.controlFramesPerSecond
    let due = max(clients[client].controlDue, now) + each
    guard due.since(now) <= each * limits.controlFramesBurst else {
      throw WireError(.controlFlood)
    }
    clients[client].controlDue = due
  }

  private mutating func seen(_ client: UInt32, floor: UInt64) {
    let session = clients[client].session
    // A floor above what was ever received would only forget what can't be there.
    sessions[session].outcomes.forget(below: min(floor, sessions[session].highest + 1))
    markDirty(client)
  }

  private mutating func blocked(_ client: UInt32, _ blocked: Blocked, now: Instant) {
    seen(client, floor: blocked.floor)
    // No frame costs more than r, whatever the client says.
    clients[client].blockedCost = min(
      UInt64(blocked.cost), routes[clients[client].route].reserve.bytes)
    noteDemand(client, now: now)
    clients[client].owesWindow = true
    markOutput(client)
  }

  private mutating func reclaimed(_ client: UInt32, number: UInt32, now: Instant) {
    switch clients[client].window.reclaimed(number: number) {
    case .unexpected:
      break
    case .returned(let cost):
      principals[clients[client].principal].open -= cost
      routes[clients[client].route].pool.revoke(cost)
      clients[client].isResting =
        !clients[client].isWaiting && couldSend(client, clients[client].window.open + cost)
      if clients[client].window.open.isZero { leaveLent(client) }
      // A drain or a pause takes all back; the RECLAIM that was answered may be one of before.
      if intakeStop(clients[client].route) != nil {
        reclaimAll(client, now: now)
      } else if clients[client].isTrimDue {
        trimCredit(client, now: now)
      }
      markDirty(client)
    }
  }

  /// Whether it left unused what its next frame needs. One that gives back what was too little goes on
  /// wanting more, and isn't made to ask again when there is.
  private mutating func couldSend(_ client: UInt32, _ open: Cost) -> Bool {
    let blocked = clients[client].blockedCost
    return blocked == 0 || open.messages > 0 && open.bytes >= blocked
  }

  // MARK: Origins

  /// Whose messages come next on a peer link. It is charged like data and keeps nothing.
  private mutating func originReceived(
    _ client: UInt32, _ frame: UnsafeRawBufferPointer, now: Instant
  ) throws(WireError) {
    guard clients[client].isPeer, clients[client].incoming == nil else {
      throw WireError(.originMismatch)
    }
    let origin = try Origin(frame: frame)
    guard origin.linkSequence > clients[client].lastSequence else {
      throw WireError(.sequenceNotIncreasing)
    }
    let cost = Cost(bytes: UInt64(frame.count + limits.overheadBytes))
    guard clients[client].window.received(cost) == .withinCredit else {
      throw WireError(.flowControl)
    }
    // What BLOCKED asked room for begins with this frame; the rest of it still has to fit.
    clients[client].blockedCost -= min(clients[client].blockedCost, cost.bytes)
    let principal = clients[client].principal
    let route = clients[client].route
    principals[principal].open -= cost
    routes[route].pool.revoke(cost)
    let session = try session(of: origin, principal, route)
    sessions[session].outcomes.forget(
      below: min(origin.floor, origin.sequence, sessions[session].highest + 1))
    sessions[session].pins += 1
    let ttl = TimeSpan.milliseconds(UInt64(origin.ttlMilliseconds))
    clients[client].incoming = Client.Incoming(
      session: session, linkSequence: origin.linkSequence, nextSequence: origin.sequence,
      left: Int(origin.count), deadline: ttl == .zero ? .distantFuture : now + ttl,
      lane: origin.lane)
  }

  private mutating func session(
    of origin: Origin, _ principal: UInt32, _ route: UInt32
  ) throws(WireError) -> UInt32 {
    let key = SessionKey(principal: principal, isOrigin: true, id: origin.tag)
    if let known = sessionByID[key] {
      sessionDeadlines.set(known, nil)
      return known
    }
    let floor = min(origin.floor, origin.sequence)
    guard let made = makeSession(key, kind: .origin, route, floor: floor) else {
      throw WireError(.tooManySessions)
    }
    return made
  }

  /// What an ORIGIN announced has come, or won't.
  mutating func originEnded(_ client: UInt32, now: Instant) {
    guard let incoming = clients[client].incoming else { return }
    clients[client].incoming = nil
    sessions[incoming.session].pins -= 1
    sessionMayBeForgotten(incoming.session, now: now)
  }
}
