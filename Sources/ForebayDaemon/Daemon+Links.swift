import ForebayConfig
import ForebayCore
import ForebayUV
import ForebayUpstreams
import ForebayWire

// Peer links: the core gathers, the socket takes what it can.
extension Daemon: PeerConnectionOwner {
  /// Bytes of a broken-off run that are copied at most; a run of more than one message is shorter.
  private static let remainderBytesMax = 65_536 + 64

  func connectLink(_ route: UInt32) {
    let connection = PeerConnection(route: route, owner: self)
    peers[Int(route)] = connection
    connection.connect(to: endpoint(route), on: loop)
  }

  private func endpoint(_ route: UInt32) -> PeerConnection.Endpoint {
    switch settings.routes[Int(route)].address {
    case .peerUnix(let path): .unix(path: path)
    case .peerTCP(let host, let port): .tcp(host: host, port: port)
    case .journal, .redis, .nats, .http, .kafka, .amqp: brokenInvariant("only peers have links")
    }
  }

  /// What a link is written in one turn. A peer that reads as fast as we write never blocks, so without
  /// a bound one callback could write all that is held. The fewer turns, the larger the batches of
  /// everything else: a quarter of it makes a message cost 10 % more.
  private static let bytesPerTurn = 1 << 20
  /// The clock is looked at after each such piece, and what is left of the run that passes it.
  private static let bytesPerPiece = 1 << 18
  /// No piece begins later than this. 1 MiB takes 0.3 ms, but 3 ms and more where memory is slow.
  private static let writingTime = TimeSpan.milliseconds(1)

  func writeLink(_ route: UInt32) {
    guard let connection = peers[Int(route)] else { return }
    let began = now
    var left = Self.bytesPerTurn
    // Whoever asks is always answered by a piece: a request that is put off as it came isn't made again.
    repeat {
      let count = core.gatherLink(
        route, into: linkVectors, headers: linkHeaders, bytes: Self.bytesPerPiece, now: began)
      guard count > 0 else { return }
      var total = 0
      for index in 0..<count {
        ioVectors[index] = IOVector(linkVectors[index])
        total += linkVectors[index].count
      }
      let vectors = UnsafeBufferPointer(rebasing: ioVectors[..<count])
      guard let written = connection.tryWrite(vectors) else { return }
      core.linkWrote(route, written)
      left -= written
      guard written < total else { continue }
      copyRemainder(route, connection, vectors, total: total, written: written)
      return
    } while left > 0 && now.since(began) < Self.writingTime
    putOff(route)
  }

  /// The link goes on in the next turn, which doesn't wait for anything.
  private func putOff(_ route: UInt32) {
    core.linkBusy(route, true)
    linksPutOff.append(route)
    goOnNextTurn()
  }

  /// There is more to do than one turn should: the next one doesn't wait.
  func goOnNextTurn() {
    putOffHook?.start { [unowned(unsafe) self] in goOn() }
  }

  private func goOn() {
    putOffHook?.stop()
    event()
    for route in linksPutOff { core.linkBusy(route, false) }
    linksPutOff.removeAll(keepingCapacity: true)
  }

  /// The socket is full: the rest of the run that the write broke off inside is copied, so that nothing
  /// pins its memory, and going on waits until the copy is out.
  private func copyRemainder(
    _ route: UInt32, _ connection: PeerConnection, _ vectors: UnsafeBufferPointer<IOVector>,
    total: Int, written: Int
  ) {
    let copied = min(core.linkBrokenOff(route), Self.remainderBytesMax, total - written)
    var kept = 0
    var count = 0
    for vector in vectors where kept < written + copied {
      let length = min(vector.count, written + copied - kept)
      ioVectors[count] = IOVector(UnsafeRawBufferPointer(rebasing: vector.bytes[..<length]))
      kept += length
      count += 1
    }
    core.linkBusy(route, true)
    connection.write(copying: UnsafeBufferPointer(rebasing: ioVectors[..<count]), after: written)
    core.linkWrote(route, copied)
  }

  func closeLink(_ route: UInt32, _ ending: LinkEnding) {
    switch ending {
    case .unanswered: peers[Int(route)]?.end("no answer in time")
    case .peerLeaves: peers[Int(route)]?.end("the peer drains")
    }
  }

  package func linkConnected(_ route: UInt32) {
    event()
    core.linkConnected(route, now: now)
  }

  package func linkReceived(_ route: UInt32, _ bytes: UnsafeRawBufferPointer) {
    event()
    switch core.linkReceived(route, bytes, now: callbackBegan()) {
    case .fine: break
    case .violation(let code):
      log.problem("peer broke the protocol", ["route": name(route), "code": code.wireName])
      peers[Int(route)]?.end("protocol violation: \(code.wireName)")
    case .ended(let code):
      let text = ErrorCode(rawValue: code).map(\.wireName) ?? "\(code)"
      peers[Int(route)]?.end("the peer ended it: \(text)")
    }
  }

  package func linkDrained(_ route: UInt32) {
    event()
    core.linkBusy(route, false)
  }

  package func linkClosed(_ route: UInt32, _ reason: String) {
    event()
    // At our own end it is no news.
    if core.lifecycle != .drained {
      log.problem("link closed", ["route": name(route), "reason": reason])
    }
    peers[Int(route)] = nil
    core.linkClosed(route, now: now)
  }

  private func name(_ route: UInt32) -> String { settings.routes[Int(route)].settings.name }
}
