import ForebayWire

@testable import ForebayCore

/// What has to happen by a certain time: clients are told of their windows, and who is late is closed.
final class PromptnessOracle: CoreWatch {
  /// It owns this.
  private unowned(unsafe) let harness: SidecarHarness
  /// Since when something has held of a connection, without a break.
  private var lags: [ClientID: Instant] = [:]
  private var asks: [ClientID: Instant] = [:]
  private var frames: [ClientID: (start: UInt64, since: Instant)] = [:]

  /// When the limits last changed: what is late by the new ones is late from then on.
  private var reloadedAt: Instant
  private var slowReaderTimeout: TimeSpan

  /// Timers fire at their instant here; this is for the turn that follows.
  private static let slack = TimeSpan.milliseconds(50)

  init(_ harness: SidecarHarness) {
    self.harness = harness
    reloadedAt = harness.now
    slowReaderTimeout = harness.core.limits.slowReaderTimeout
  }

  func willAct() {}

  func didAct() {
    if harness.core.limits.slowReaderTimeout != slowReaderTimeout {
      slowReaderTimeout = harness.core.limits.slowReaderTimeout
      reloadedAt = harness.now
    }
    for client in 0..<UInt32(harness.core.clients.end) where harness.core.clients.contains(client) {
      let id = harness.core.clients[client].id
      guard !harness.core.clients[client].isClosing else {
        lags[id] = nil
        asks[id] = nil
        frames[id] = nil
        continue
      }
      checkWindow(client, id)
      checkRepeat(client, id)
      checkDeadlines(client, id)
    }
  }

  /// A wider window is told within 200 ms to whoever reads.
  private func checkWindow(_ client: UInt32, _ id: ClientID) {
    let isUntold =
      harness.core.clients[client].isOpen
      && !harness.core.clients[client].window.unannounced.isZero
      && harness.core.clients[client].stalledSince == nil
    guard isUntold else { return lags[id] = nil }
    let since = lags[id] ?? harness.now
    lags[id] = since
    if harness.now.since(since) > Sidecar.windowDelay + Self.slack {
      harness.problem("client \(client) isn't told of its window")
    }
  }

  /// A shut window is repeated within a second to whoever asks. One that owes RECLAIMED has the word.
  private func checkRepeat(_ client: UInt32, _ id: ClientID) {
    let isAsking =
      harness.core.clients[client].isDemanding || harness.core.clients[client].isWaiting
      || harness.core.clients[client].blockedCost > 0
    guard harness.core.clients[client].isOpen, isAsking, harness.core.isShut(client),
      harness.core.clients[client].stalledSince == nil,
      harness.core.clients[client].window.reclaim == nil
    else { return asks[id] = nil }
    let since = max(asks[id] ?? harness.now, harness.core.clients[client].lastWindowAt)
    asks[id] = since
    if harness.now.since(since) > Sidecar.shutRepeatMax + Self.slack {
      harness.problem("client \(client) is shut, asks, and isn't told again")
    }
  }

  /// HELLO, a frame, a RECLAIM's answer and reading have absolute deadlines.
  private func checkDeadlines(_ client: UInt32, _ id: ClientID) {
    let limits = harness.core.limits
    if harness.core.clients[client].phase == .awaitingHello {
      check(client, harness.core.clients[client].acceptedAt + limits.helloTimeout, "HELLO")
    }
    if let since = harness.core.clients[client].stalledSince {
      check(client, max(since + limits.slowReaderTimeout, reloadedAt), "reading")
    }
    if let reclaim = harness.core.clients[client].window.reclaim {
      check(client, reclaim.deadline, "RECLAIMED")
    }
    guard let start = frameStart(client) else { return frames[id] = nil }
    if frames[id]?.start != start { frames[id] = (start, harness.now) }
    if let since = frames[id]?.since { check(client, since + limits.frameTimeout, "its frame") }
  }

  private func check(_ client: UInt32, _ deadline: Instant, _ what: String) {
    if harness.now > deadline + Self.slack {
      harness.problem("client \(client) is late with \(what) and isn't closed")
    }
  }

  /// The place in the connection's bytes of the frame that isn't whole.
  private func frameStart(_ client: UInt32) -> UInt64? {
    let read = harness.core.clients[client].bytesRead
    switch harness.core.clients[client].partial {
    case .none: return nil
    case .stash(_, let byteCount): return read - UInt64(byteCount)
    case .large(_, let byteCount, _): return read - UInt64(byteCount)
    }
  }
}
