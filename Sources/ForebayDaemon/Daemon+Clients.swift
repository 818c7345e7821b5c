import ForebayCore
import ForebayUV
import ForebayWire

// Client connections: accepted, read, written, closed, each as the core says.
extension Daemon {
  /// What the kernel says where it can't say who it is: a user of another user namespace. Such users
  /// would all be one principal, so none is let in.
  private static let overflowUser: UInt32 = 65_534

  func accepted(_ stream: StreamHandle, _ key: PrincipalKey, isTCP: Bool) {
    event()
    guard key.user != Self.overflowUser else {
      log.refused(.notPermitted, user: key.user)
      return Refusal.send(ErrorFrame(.notPermitted), on: stream)
    }
    switch core.clientConnected(key, classIndex: 0, needsHeartbeat: isTCP, now: now) {
    case .refused(let code):
      log.refused(code, user: key.user)
      Refusal.send(GoAway(code, deadlineMilliseconds: 0), on: stream)
    case .accepted(let id):
      let connection = ClientConnection(id, stream, self)
      while connections.count <= Int(id.slot) { connections.append(nil) }
      connections[Int(id.slot)] = connection
      connection.start()
    }
  }

  func connection(_ id: ClientID) -> ClientConnection? {
    guard Int(id.slot) < connections.count, let found = connections[Int(id.slot)], found.id == id
    else {
      return nil
    }
    return found
  }

  func readBuffer(_ id: ClientID) -> UnsafeMutableRawBufferPointer { core.readBuffer(id) }

  func received(_ count: Int, from id: ClientID, now: Instant) {
    event()
    core.received(count, from: id, now: now)
    undispatchedBytes += count
    if undispatchedBytes >= Self.earlyDispatchBytes { dispatchEarly() }
  }

  /// A turn may read megabytes. Writing them out in pieces that a second-level cache holds saves a
  /// second trip to memory: 5 % of the CPU time of a 128-byte message (8 pairs, interval 3 to 18 %).
  private func dispatchEarly() {
    undispatchedBytes = 0
    core.dispatchEarly(now: now)
    while let action = core.nextAction() { perform(action) }
  }
  private static let earlyDispatchBytes = 131_072

  func outputDrained(_ id: ClientID) {
    event()
    core.outputDrained(id)
  }

  func connectionClosed(_ connection: ClientConnection) {
    event()
    connections[Int(connection.id.slot)] = nil
    core.clientClosed(connection.id, now: now)
  }

  func writeClient(_ id: ClientID) {
    guard let connection = connection(id) else { return }
    while true {
      let count = core.takeOutput(id, into: scratch, now: now)
      guard count > 0 else { return }
      switch connection.write(UnsafeRawBufferPointer(rebasing: scratch[..<count])) {
      case .whole: continue
      case .stalled: return core.outputStalled(id, now: now)
      case .broken: return connection.end()
      }
    }
  }

  func closeClient(_ id: ClientID, _ code: ErrorCode?) {
    guard let connection = connection(id) else { return }
    let count = core.takeOutput(id, into: scratch, now: now)
    if count > 0 { _ = connection.write(UnsafeRawBufferPointer(rebasing: scratch[..<count])) }
    if let code { log.closed(code, id) }
    connection.end()
  }
}
