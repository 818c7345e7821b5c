import ForebayWire

// What the daemon says. Whatever breaks a rule ends the connection with the mistake's name.
extension ClientMachine {
  /// Takes whole frames from `bytes` and returns how many bytes they were; the shell hands in the
  /// rest again with what follows. A frame has at most `WireLimits.controlFrameBytesMax` bytes.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Nanoseconds) -> Int {
    if !bytes.isEmpty { link.lastHeard = now }
    var place = 0
    while isConnected {
      switch FrameHeader.read(
        bytes, at: place, frameBytesMax: WireLimits.controlFrameBytesMax)
      {
      case .partial:
        finishReceiving()
        return place
      case .malformed(let code):
        end(.mistake(.malformedFrame(code)))
      case .header(let header):
        guard bytes.count - place >= header.byteCount else {
          finishReceiving()
          return place
        }
        let frame = UnsafeRawBufferPointer(
          rebasing: bytes[place..<(place + header.byteCount)])
        place += header.byteCount
        frameReceived(header.type, frame, now: now)
      }
    }
    return place
  }

  /// What is done once for all frames of one read.
  private mutating func finishReceiving() {
    if log.floor - link.floorTold >= max(1, link.largestWindow / 4) {
      tellFloor()
    }
    if case .draining(let code, _) = state, link.outCount == 0, link.partBytes == 0 {
      end(.drained(code))
    }
  }

  private mutating func frameReceived(
    _ type: FrameType, _ frame: UnsafeRawBufferPointer, now: Nanoseconds
  ) {
    do throws(WireError) {
      switch type {
      case .welcome: welcomeReceived(try Welcome(frame: frame))
      case .window: windowReceived(try Window(frame: frame))
      case .receipt: try receiptReceived(frame)
      case .reclaim: reclaimReceived(try Reclaim(frame: frame))
      case .ping: pingReceived(try Ping(frame: frame))
      case .goaway: goAwayReceived(try GoAway(frame: frame), now: now)
      case .error: errorReceived(try ErrorFrame(frame: frame))
      case .hello, .data, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin:
        end(.mistake(.unexpectedFrame(type)))
      }
    } catch {
      end(.mistake(.malformedFrame(error.code)))
    }
  }

  // MARK: One frame each

  private mutating func welcomeReceived(_ welcome: Welcome) {
    guard case .greeting(let deadline) = state else {
      return end(.mistake(.unexpectedFrame(.welcome)))
    }
    guard welcome.isResumed || (welcome.ranges == 0 && welcome.known == 0) else {
      return end(.mistake(.malformedFrame(.badField)))
    }
    guard options.continuesSession || welcome.known < sentEver else {
      return end(.mistake(.countsUnsent))
    }
    link.overhead = UInt64(welcome.overhead)
    link.heartbeat = .milliseconds(UInt64(welcome.heartbeatMilliseconds))
    frameBytesMax = Int(welcome.frameBytesMax)
    state = .listing(rangesLeft: welcome.ranges, deadline: deadline)
    events.append(
      .welcomed(isResumed: welcome.isResumed, frameBytesMax: Int(welcome.frameBytesMax)))
  }

  private mutating func windowReceived(_ update: Window) {
    switch state {
    case .listing(rangesLeft: 0, _): state = .open
    case .listing(let missing, _): return end(.mistake(.rangesMissing(missing)))
    case .open, .draining, .leaving: break
    case .disconnected, .greeting, .ended:
      return end(.mistake(.unexpectedFrame(.window)))
    }
    guard update.receivedBytes <= link.credit.sentBytes,
      update.receivedMessages <= link.credit.sentMessages
    else { return end(.mistake(.countsUnsent)) }
    link.credit.raise(toBytes: update.limitBytes, messages: update.limitMessages)
    if update.limitMessages > update.receivedMessages {
      link.largestWindow = max(
        link.largestWindow, update.limitMessages - update.receivedMessages)
    }
    if update.reason == .receiptsUnseen { tellFloor() }
    windowSaid(update)
  }

  private mutating func receiptReceived(_ frame: UnsafeRawBufferPointer) throws(WireError) {
    switch state {
    case .listing, .open, .draining, .leaving: break
    case .disconnected, .greeting, .ended:
      return end(.mistake(.unexpectedFrame(.receipt)))
    }
    for index in 0..<(try Receipt.count(frame: frame)) {
      let range = try Receipt.range(at: index, frame: frame)
      if case .listing(let rangesLeft, let deadline) = state {
        guard rangesLeft > 0 else { return end(.mistake(.tooManyRanges)) }
        state = .listing(rangesLeft: rangesLeft - 1, deadline: deadline)
      }
      apply(range)
      if options.continuesSession, !remember(range) { return end(.mistake(.tooManyRanges)) }
    }
  }

  private mutating func reclaimReceived(_ reclaim: Reclaim) {
    switch state {
    case .open, .draining, .leaving: break
    case .disconnected, .greeting, .listing, .ended:
      return end(.mistake(.unexpectedFrame(.reclaim)))
    }
    link.credit.lower(toBytes: reclaim.limitBytes, messages: reclaim.limitMessages)
    // After BYE nothing may follow; the daemon takes the credit back with the connection.
    if state != .leaving { sendControl(Reclaimed(number: reclaim.number)) }
    windowRecounted()
  }

  private mutating func pingReceived(_ ping: Ping) {
    if state != .leaving { sendControl(Pong(token: ping.token)) }
  }

  private mutating func goAwayReceived(_ goAway: GoAway, now: Nanoseconds) {
    let code = ErrorCode(rawValue: goAway.code)
    switch state {
    case .greeting, .listing:
      // Nothing was sent yet, and what the daemon owes from before is listed again next time.
      end(.drained(code))
    case .open, .draining:
      let deadline = now.after(.milliseconds(UInt64(goAway.deadlineMilliseconds)))
      state = .draining(code: code, deadline: deadline.after(ClientLimits.drainGrace))
      probe.frameFits(now: now)
      windowRecounted()
    case .leaving, .disconnected, .ended: break
    }
  }

  private mutating func errorReceived(_ error: ErrorFrame) {
    end(
      .refused(
        ErrorCode(rawValue: error.code), retryAfterMilliseconds: error.retryAfterMilliseconds))
  }

  // MARK: Receipts

  /// Applies a range to the messages that it can be true of: those that were ever sent, by whichever
  /// process. What is settled already, or was never sent, is ignored (W-8.4.2).
  private mutating func apply(_ range: ReceiptRange) {
    let end = options.continuesSession ? log.next : sentEver
    guard let range = range.prefix(upTo: end) else { return }
    // A frame that is half out must go on as it began; its resend's outcome will come again.
    if link.partBytes > 0, range.first <= link.cursor, range.end > link.cursor {
      if let before = range.prefix(upTo: link.cursor) { applyWhole(before) }
      if let after = range.suffix(from: link.cursor + 1) { applyWhole(after) }
    } else {
      applyWhole(range)
    }
  }

  private mutating func applyWhole(_ range: ReceiptRange) {
    if range.outcome.isFinal {
      settle(range)
    } else if case .listing = state {
      hold(range)
    } else {
      answer(range)
    }
  }

  /// Keeps what a range says about messages that an earlier process sent and that this one will
  /// submit yet. False when it is more than can be kept.
  private mutating func remember(_ range: ReceiptRange) -> Bool {
    guard let ahead = range.suffix(from: log.next) else { return true }
    if ahead.outcome.isFinal { foreknownFinal.insert(ahead) } else { foreknownHeld.insert(ahead) }
    return max(foreknownFinal.count, foreknownHeld.count) <= ClientLimits.foreknownRangesMax
  }
}
