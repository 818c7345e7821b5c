import ForebayConfig
import ForebayCore
import ForebayUV
import ForebayWire

// Client connections: accepted, read, written, closed, each as the core says.
extension Daemon {
  /// A client on one of `settings.sockets`.
  func accepted(_ stream: StreamHandle, _ credentials: PeerCredentials, socket: Int) {
    let key = PrincipalKey(listener: Self.listener(ofSocket: socket), user: credentials.user)
    switch classes.find(
      socketClass: settings.sockets[socket].className, user: credentials.user,
      group: credentials.group)
    {
    case .classIndex(let index):
      accepted(stream, key, process: credentials.process, classIndex: index, isTCP: false)
    case .refused:
      core.connectionRefused(.notPermitted)
      noteRefused(.notPermitted, key)
      Refusal.send(ErrorFrame(.notPermitted), on: stream, self)
    }
  }

  /// A client or peer by TCP: all of them are one principal.
  func acceptedPeer(_ stream: StreamHandle) {
    let key = PrincipalKey(listener: Self.peerListener, user: .max)
    let classIndex = classes.find(named: settings.peers.className)
    accepted(stream, key, classIndex: classIndex, isTCP: true)
  }

  /// What tells sockets apart in principals' keys. A message's key is made from it, so a socket keeps
  /// its number as long as it keeps its place in the list.
  private static func listener(ofSocket index: Int) -> UInt32 {
    index == 0 ? 0 : UInt32(index) + peerListener
  }
  private static let peerListener: UInt32 = 1

  /// `process` is for people to read; 0 where nobody knows it.
  private func accepted(
    _ stream: StreamHandle, _ key: PrincipalKey, process: Int32 = 0, classIndex: Int, isTCP: Bool
  ) {
    event()
    switch core.clientConnected(key, classIndex: classIndex, needsHeartbeat: isTCP, now: now) {
    case .refused(let code):
      noteRefused(code, key)
      Refusal.send(GoAway(code, deadlineMilliseconds: 0), on: stream, self)
    case .accepted(let id):
      let connection = ClientConnection(id, stream, process: process, self)
      while connections.count <= Int(id.slot) { connections.append(nil) }
      connections[Int(id.slot)] = connection
      connection.start()
    }
  }

  private func noteRefused(_ code: ErrorCode, _ key: PrincipalKey) {
    log.refused(code, user: key.user)
    errorHistory.note(
      ErrorHistory.Entry(
        milliseconds: WallClock.milliseconds(), client: nil, user: key.user, code: code, offset: 0,
        excerpt: []))
  }

  /// Of everything that a connection is ended for, people want to know where in its bytes it was.
  private func noteEnded(_ code: ErrorCode, _ id: ClientID) {
    log.closed(code, id)
    let offence = core.offence(of: id)
    errorHistory.note(
      ErrorHistory.Entry(
        milliseconds: WallClock.milliseconds(), client: id, user: core.user(of: id) ?? .max,
        code: code, offset: offence?.offset ?? core.bytesRead(from: id),
        excerpt: offence?.excerpt ?? []))
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

  /// The other end has gone. Thousands may go at once, and a close takes ten microseconds: so many a turn.
  func closeSoon(_ stream: StreamHandle) {
    _ = callbackBegan()
    leaving.append(stream)
  }

  /// After the reads of a turn, so that who is alone is closed in the same turn.
  func closeSome() {
    guard !leaving.isEmpty else { return }
    let closing = min(leaving.count, Self.closesPerTurn)
    for stream in leaving[..<closing] { stream.close() }
    leaving.removeFirst(closing)
    if !leaving.isEmpty { goOnNextTurn() }
  }
  private static let closesPerTurn = 64

  func connectionClosed(_ connection: ClientConnection) {
    event()
    connections[Int(connection.id.slot)] = nil
    core.clientClosed(connection.id, now: callbackBegan())
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
    if let code { noteEnded(code, id) }
    connection.endWithLastWord()
  }
}
