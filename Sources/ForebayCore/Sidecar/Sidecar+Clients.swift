package import ForebayWire

// Connections: how they begin and end.
extension Sidecar {
  package enum OnConnected: Equatable {
    case accepted(ClientID)
    /// Write GOAWAY with this code and close.
    case refused(ErrorCode)
  }

  /// A connection was accepted; `key` is what the kernel says of its other end.
  package mutating func clientConnected(
    _ key: PrincipalKey, classIndex: Int, needsHeartbeat: Bool, now: Instant
  ) -> OnConnected {
    guard lifecycle == .running else { return refuse(.shuttingDown) }
    let known = connectionsByKey[key] ?? 0
    guard clients.count < connectionsMaxSet ?? limits.connectionsMax,
      known < limits.connectionsPerPrincipalMax
    else {
      return refuse(.tooManyConnections)
    }
    connectionsByKey[key] = known + 1
    let generation = nextGeneration
    nextGeneration &+= 1
    // The slot isn't known before the record is in.
    let slot = clients.insert(
      Client(
        id: ClientID(slot: 0, generation: generation), key: key, classIndex: classIndex,
        heartbeat: needsHeartbeat ? limits.heartbeat : nil, acceptedAt: now, lastData: now,
        controlDue: now,
        lastWindowAt: now, heardAt: now))
    clients[slot].id = ClientID(slot: slot, generation: generation)
    clientDeadlines.set(slot, now + limits.helloTimeout)
    return .accepted(clients[slot].id)
  }

  private mutating func refuse(_ code: ErrorCode) -> OnConnected {
    closures[Int(code.rawValue)] += 1
    return .refused(code)
  }

  /// The shell turned a connection away by itself: it is counted with the others.
  package mutating func connectionRefused(_ code: ErrorCode) {
    closures[Int(code.rawValue)] += 1
  }

  /// The slot of a connection that still exists.
  mutating func slot(_ id: ClientID) -> UInt32? {
    guard clients.contains(id.slot),
      planted(.connectionGenerationIgnored) || clients[id.slot].id == id
    else { return nil }
    return id.slot
  }

  /// Ends a connection from our side: ERROR with the code, or nothing after a BYE, then close.
  mutating func close(_ client: UInt32, _ code: ErrorCode?) {
    if case .closing = clients[client].phase { return }
    clients[client].phase = .closing(code)
    clients[client].owesError = code
    closures[Int(code?.rawValue ?? 0)] += 1
    detach(client)
    clientDeadlines.set(client, nil)
    closings.append(.closeClient(clients[client].id, code))
  }

  /// The connection is gone, whoever ended it.
  package mutating func clientClosed(_ id: ClientID, now: Instant) {
    guard let client = slot(id) else { return }
    if case .closing = clients[client].phase {} else { closures[0] += 1 }
    detach(client)
    let session = clients[client].leftSession
    originEnded(client, now: now)
    if !planted(.partialFrameLeaks) { freePartial(client) }
    clientDeadlines.set(client, nil)
    let key = clients[client].key
    let left = (connectionsByKey[key] ?? 1) - 1
    connectionsByKey[key] = left == 0 ? nil : left
    if clients[client].isDirty { dirtyClients.removeAll { $0 == client } }
    if clients[client].hasOutputPending { outputClients.removeAll { $0 == client } }
    clients.remove(client)
    guard session != none else { return }
    sessions[session].pins -= 1
    sessionLeft(session, now: now)
  }

  /// Takes a connection out of everything that refers to it but its slot: its unused credit returns
  /// at once, what it sent stays held for its session and principal.
  private mutating func detach(_ client: UInt32) {
    let session = clients[client].session
    guard session != none else { return }
    leaveWaiting(client)
    leaveLent(client)
    leaveDemanding(client)
    let principal = clients[client].principal
    let route = clients[client].route
    let open = clients[client].window.open
    if !open.isZero {
      principals[principal].open -= open
      if !planted(.creditLeaksOnDisconnect) { routes[route].pool.revoke(open) }
    }
    clients[client].window = CreditWindow()
    // After BYE the receipts that are ready still go out.
    if clients[client].phase != .closing(nil) { clients[client].receipts.removeAll() }
    principals[principal].clients -= 1
    routes[route].clients -= 1
    if sessions[session].client == client { sessions[session].client = none }
    if sessions[session].successor == client { sessions[session].successor = none }
    clients[client].session = none
    clients[client].leftSession = session
    sessions[session].pins += 1
  }

  mutating func freeBlock(_ partial: Client.Partial) -> BlockPool.Block? {
    switch partial {
    case .none: nil
    case .stash(let block, _): block
    case .large(let block, _, _): block
    }
  }

  mutating func freePartial(_ client: UInt32) {
    if let block = freeBlock(clients[client].partial) { store.blocks.free(block) }
    clients[client].partial = .none
  }

  // MARK: Output that the socket doesn't take

  /// The client doesn't read: what is pending waits, and so does the deadline of a slow reader.
  package mutating func outputStalled(_ id: ClientID, now: Instant) {
    guard let client = slot(id), clients[client].stalledSince == nil else { return }
    clients[client].stalledSince = now
    clientDeadlines.pull(client, to: now + limits.slowReaderTimeout)
  }

  package mutating func outputDrained(_ id: ClientID) {
    guard let client = slot(id) else { return }
    clients[client].stalledSince = nil
    if owesOutput(client) { markOutput(client) }
    // Meanwhile no window was scheduled for it.
    if clients[client].isOpen { markDirty(client) }
  }
}
