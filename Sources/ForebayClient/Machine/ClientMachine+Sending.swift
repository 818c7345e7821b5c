import ForebayWire

// What is sent, and when: control frames at frame boundaries, messages as far as credit reaches.
extension ClientMachine {
  /// Fills `buffer` with the next bytes to send and returns how many. What is produced counts as
  /// sent: the shell writes it all, in order, or loses the connection.
  package mutating func produce(
    into buffer: UnsafeMutableRawBufferPointer, now: Nanoseconds
  ) -> Int {
    guard isConnected else { return 0 }
    var filled = 0
    if link.partBytes > 0 { filled += continueFrame(into: buffer) }
    if link.partBytes == 0 {
      filled += takeControl(into: buffer, at: filled)
      if state == .open, link.control.isEmpty {
        filled += produceData(into: buffer, at: filled, now: now)
      }
    }
    if state == .leaving, link.control.isEmpty, link.partBytes == 0 { end(.saidBye) }
    return filled
  }

  /// When `timePassed` is to be called next, whatever else happens.
  package var deadline: Nanoseconds? {
    var soonest: Nanoseconds
    switch state {
    case .disconnected, .ended: return nil
    case .greeting(let deadline), .listing(_, let deadline), .draining(_, let deadline):
      soonest = deadline
    case .open, .leaving: soonest = .max
    }
    if let probe = probe.deadline { soonest = min(soonest, probe) }
    if link.heartbeat > 0 { soonest = min(soonest, heartbeatDeadline) }
    return soonest == .max ? nil : soonest
  }

  private var heartbeatDeadline: Nanoseconds {
    let (silence, overflow) = link.heartbeat.multipliedReportingOverflow(
      by: ClientLimits.heartbeatsMissed)
    return overflow ? .max : link.lastHeard.after(silence)
  }

  package mutating func timePassed(now: Nanoseconds) {
    switch state {
    case .disconnected, .ended: return
    case .greeting(let deadline), .listing(_, let deadline):
      if now >= deadline { return end(.welcomeTimeout) }
    case .draining(let code, let deadline):
      if now >= deadline { return end(.drained(code)) }
    case .open, .leaving: break
    }
    if link.heartbeat > 0, now >= heartbeatDeadline { return end(.heartbeatMissed) }
    if state == .open, probe.timePassed(now: now, jitter: &jitter), let cost = nextCost() {
      sendControl(Blocked(cost: UInt32(clamping: cost), floor: log.floor))
      link.floorTold = log.floor
    }
  }

  // MARK: Control frames

  mutating func sendControl(_ frame: some ControlFrame) {
    link.control.append(contentsOf: frame.encoded())
    if link.control.count > ClientLimits.controlBytesMax { end(.mistake(.controlFlood)) }
  }

  /// SEEN, if the daemon doesn't know the floor yet.
  mutating func tellFloor() {
    switch state {
    case .open, .draining: break
    case .disconnected, .greeting, .listing, .leaving, .ended: return
    }
    guard log.floor > link.floorTold else { return }
    link.floorTold = log.floor
    sendControl(Seen(floor: log.floor))
  }

  private mutating func takeControl(into buffer: UnsafeMutableRawBufferPointer, at place: Int)
    -> Int
  {
    guard !link.control.isEmpty else { return 0 }
    let count = min(link.control.count, buffer.count - place)
    link.control.withUnsafeBytes {
      buffer[place...].copyBytes(from: $0[..<count])
    }
    link.control.removeFirst(count)
    return count
  }

  // MARK: Messages

  /// The next message to send: the first from the cursor on that is neither settled nor held.
  private func nextToSend() -> (piece: FrameLog.Piece, index: Int)? {
    var place = link.cursor
    while let piece = log.piece(from: place, to: log.next) {
      if let index = piece.indexes.first(where: { piece.block.isToSend($0) }) {
        return (piece, index)
      }
      place = piece.end
    }
    return nil
  }

  private func nextCost() -> UInt64? {
    guard let (piece, index) = nextToSend() else { return nil }
    return UInt64(piece.block.frameBytes(index)) + link.overhead
  }

  private mutating func produceData(
    into buffer: UnsafeMutableRawBufferPointer, at start: Int, now: Nanoseconds
  ) -> Int {
    var place = start
    while place < buffer.count, link.partBytes == 0 {
      guard let (piece, index) = nextToSend() else {
        probe.frameFits(now: now)
        break
      }
      if piece.block.frameBytes(index) > frameBytesMax ?? 0 {
        abandonTooLarge(piece.sequence(index))
        continue
      }
      let filled = produce(piece, from: index, into: buffer, at: place)
      guard filled > 0 else {
        probe.frameBlocked(now: now, jitter: &jitter)
        break
      }
      probe.frameFits(now: now)
      place += filled
    }
    windowRecounted()
    return place - start
  }

  /// Copies frames of one block for as long as they follow each other, fit the credit, and the
  /// buffer has room; the last may be copied in part.
  private mutating func produce(
    _ piece: FrameLog.Piece, from start: Int, into buffer: UnsafeMutableRawBufferPointer,
    at place: Int
  ) -> Int {
    let block = piece.block
    let room = buffer.count - place
    var filled = 0
    var index = start
    while index < piece.indexes.upperBound, filled < room, block.isToSend(index) {
      let frame = block.frame(index)
      let cost = UInt64(frame.count) + link.overhead
      guard link.credit.admits(cost: cost), frame.count <= frameBytesMax ?? 0 else { break }
      link.credit.spend(cost: cost)
      let copied = min(frame.count, room - filled)
      buffer[(place + filled)...].copyBytes(from: frame[..<copied])
      filled += copied
      link.cursor = piece.sequence(index)
      if copied < frame.count {
        link.partBytes = copied
        sentEver = max(sentEver, link.cursor + 1)
        return filled
      }
      frameSent(frame.count)
      index += 1
    }
    return filled
  }

  /// The rest of the frame at the cursor. Nothing may come between its parts.
  private mutating func continueFrame(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let piece = log.piece(from: link.cursor, to: link.cursor + 1) else {
      brokenInvariant("message \(link.cursor) was settled while its frame was being sent")
    }
    let frame = piece.block.frame(piece.indexes.lowerBound)
    let copied = min(frame.count - link.partBytes, buffer.count)
    buffer.copyBytes(from: frame[link.partBytes..<(link.partBytes + copied)])
    link.partBytes += copied
    if link.partBytes == frame.count {
      link.partBytes = 0
      frameSent(frame.count)
    }
    return copied
  }

  private mutating func frameSent(_ frameBytes: Int) {
    link.cursor += 1
    link.outCount += 1
    link.outBytes += frameBytes
    sentEver = max(sentEver, link.cursor)
  }

  private mutating func abandonTooLarge(_ sequence: UInt64) {
    guard
      let run = log.settleRun(from: sequence, to: sequence + 1, sentEnd: link.cursor)
    else { brokenInvariant("message \(sequence) to be sent is settled") }
    settledOut(run)
    tellAbandoned(sequence, 1, sequence < sentEver ? .unknown : .notSent, .frameTooLarge)
  }

  // MARK: The window as it is shown

  mutating func windowSaid(_ update: Window) {
    var view = window
    view.state = update.state
    view.reason = update.reason
    view.retryAfterMilliseconds = update.retryAfterMilliseconds
    windowBecame(recounted(view))
  }

  mutating func windowRecounted() { windowBecame(recounted(window)) }

  private func recounted(_ view: WindowView) -> WindowView {
    var view = view
    view.openMessages = link.credit.openMessages
    view.openBytes = link.credit.openBytes
    view.isShut = state != .open || probe.isBlocked || view.openMessages == 0
    return view
  }

  /// Tells of a window that people would call another one; its numbers change all the time.
  mutating func windowBecame(_ view: WindowView) {
    let old = window
    window = view
    if old.isShut != view.isShut || old.state != view.state || old.reason != view.reason {
      events.append(.windowChanged(view))
    }
  }
}
