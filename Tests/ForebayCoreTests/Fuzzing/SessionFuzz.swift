import ForebayWire
import FuzzSupport

@testable import ForebayCore

/// Whole sessions: three connections say frames in any order, with fields that are right or not, cut
/// anywhere, beside one client that behaves; upstreams answer as they like, and an operator interferes.
/// No invariant of the core ever breaks, only offenders are closed, and in the end every message of the
/// client that behaves has its one true outcome, and nothing is held any more.
enum SessionFuzz: FuzzTarget {
  static let name = "session"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    var play = SessionPlay(&input)
    defer { play.leave() }
    var acts = 0
    while !input.isEmpty, play.isFine, acts < SessionPlay.actsMax {
      play.act(&input)
      acts += 1
    }
    return play.end()
  }
}

/// One input's stage.
private struct SessionPlay {
  static let actsMax = 150
  private let harness: SidecarHarness
  private let good: TestClient
  private let raws: [RawClient]
  private var current = 0
  private var wrong: [String] = []

  init(_ input: inout FuzzInput) {
    let shape = input.byte()
    let harness = SidecarHarness(Self.settings(shape))
    self.harness = harness
    if let listener = FuzzTrace.listener {
      harness.trace = Trace()
      harness.trace?.listener = listener
    }
    for upstream in harness.upstreams { upstream?.isOrdered = shape & 64 == 0 }
    good = harness.join()
    good.sendsSeen = shape & 128 == 0
    good.onFrame = { [unowned harness] frame in harness.trace?.say("the client hears \(frame)") }
    raws = [1000, 6666, 6666].enumerated().map {
      RawClient(harness, user: $1, number: UInt64($0 + 1))
    }
  }

  private static func settings(_ shape: UInt8) -> Settings {
    var settings = Settings(routes: [RouteSettings(name: "main"), RouteSettings(name: "second")])
    settings.limits.nurserySegments = 4
    settings.limits.frameBytesMax = [256, 4096, 20_000, 70_000][Int(shape & 3)]
    settings.limits.controlFramesBurst = 200
    settings.limits.slowReaderTimeout = .seconds(4)
    for index in settings.routes.indices {
      settings.routes[index].isOrdered = index == 1 || shape & 64 == 0
      settings.routes[index].windowMessagesMax = [5, 200][Int(shape >> 2 & 1)]
      settings.routes[index].attemptTimeout = .seconds(2)
      settings.routes[index].breaker.baseWait = .milliseconds(100)
      settings.routes[index].upstream.batchMessagesMax = [1, 20][Int(shape >> 3 & 1)]
      settings.routes[index].upstream.callsMax = 2
      // What is answered here says nothing of other calls.
      settings.routes[index].upstream.failsInOrder = false
      let reserve = settings.routes[index].reserve(settings.limits).bytes
      settings.routes[index].bufferBytes =
        [2, 8][Int(shape >> 4 & 1)] * reserve + settings.routes[index].controlReserveBytes
      settings.routes[index].bufferMessages = [40, 4000][Int(shape >> 5 & 1)]
    }
    return settings
  }

  func leave() { harness.clock.end() }

  var isFine: Bool {
    wrong.isEmpty && harness.problems.isEmpty && harness.clock.spins.isEmpty
  }

  // MARK: Acts

  mutating func act(_ input: inout FuzzInput) {
    let raw = raws[current]
    switch input.below(24) {
    case 0...3: raw.data(&input)
    case 4: raw.hello(&input)
    case 5, 6: raw.control(&input)
    case 7: raw.say(RawFrames.any(&input), &input)
    case 8: raw.say(Array(input.take(1 + input.below(40))), &input)
    case 9: raw.spoilsNext = true
    case 10: raw.connect(isTCP: input.byte() > 200)
    case 11: raw.hangUp()
    case 12: current = input.below(raws.count)
    case 13:
      raw.chunk = Int(input.byte())
      if raw.chunk == 0 { raw.chunk = .max }
    case 14: if input.flag() { raw.readAgain() } else { raw.reads = false }
    case 15:
      raw.deliversAtOnce.toggle()
      raw.deliver(Int(input.byte()))
    case 16, 17: harness.pass(.milliseconds(1 << UInt64(input.below(13))))
    case 18: answer(&input)
    case 19: settleOldest(&input)
    case 20, 21:
      let count = 1 + input.below(20)
      let most = harness.core.limits.frameBytesMax - WireLimits.dataFixedBytes
      good.offer(
        count, payloadBytes: Int(input.number() & 0xffff) % min(most, 3000), lane: input.byte() & 7)
    default: operate(&input)
    }
    goOn()
  }

  /// Only an operator who withdraws the daemon can end the connection of a client that behaves.
  private mutating func goOn() {
    guard let ending = good.ending else { return }
    if ending != .some(.shuttingDown) {
      wrong.append("the client that behaves was closed: \(String(describing: ending))")
    }
    good.join()
  }

  private func answer(_ input: inout FuzzInput) {
    let upstream = harness.upstreams[input.below(2)]
    switch input.below(5) {
    case 0: upstream?.manner = .accept
    case 1: upstream?.manner = .hold
    case 2: upstream?.manner = .answer(.failed(retryAfter: nil))
    case 3: upstream?.manner = .answer(.rejected(.upstreamRejected))
    default: upstream?.manner = .answer(.throttled(retryAfter: .milliseconds(100)))
    }
  }

  private func settleOldest(_ input: inout FuzzInput) {
    guard let upstream = harness.upstreams[input.below(2)], !upstream.calls.isEmpty else { return }
    let verdicts: [CallVerdict] = [
      .accepted, .failed(retryAfter: nil), .rejected(.upstreamRejected),
      .throttled(retryAfter: .milliseconds(UInt64(input.byte()))),
    ]
    upstream.settleNext(input.pick(verdicts))
  }

  private func operate(_ input: inout FuzzInput) {
    let route = input.below(2)
    let now = harness.now
    let commands: [() -> Void] = [
      { [harness] in harness.core.breakerCommanded(.forceOpen, route: route, now: now) },
      { [harness] in harness.core.breakerCommanded(.automatic, route: route, now: now) },
      { [harness] in harness.core.breakerCommanded(.probeNow, route: route, now: now) },
      { [harness] in _ = harness.core.pauseCommanded(route: route, now: now) },
      { [harness] in _ = harness.core.holdCommanded(route: route, now: now) },
      { [harness] in _ = harness.core.resumeCommanded(route: route, now: now) },
      { [harness] in _ = harness.core.withdrawCommanded(now: now) },
      { [harness] in _ = harness.core.restoreCommanded(now: now) },
      { [harness, raws, current] in
        if let id = raws[current].id { _ = harness.core.killCommanded(id) }
      },
      { [harness, raws, current] in
        if let id = raws[current].id {
          _ = harness.core.creditCommanded(UInt64(route) * 3, client: id, now: now)
        }
      },
    ]
    harness.event(input.pick(commands))
  }

  // MARK: The end

  mutating func end() -> String? {
    guard isFine else { return wrong.first ?? harness.problems.first ?? harness.clock.spins.first }
    for raw in raws { raw.hangUp() }
    harness.event { _ = harness.core.restoreCommanded(now: harness.now) }
    for route in 0..<2 {
      harness.event { _ = harness.core.resumeCommanded(route: route, now: harness.now) }
      harness.event { harness.core.breakerCommanded(.automatic, route: route, now: harness.now) }
      harness.upstreams[route]?.manner = .accept
      harness.upstreams[route]?.settleAll(.accepted)
    }
    good.sendsSeen = true
    good.offer(1)
    let isDone = harness.clock.pass(atMost: .seconds(600)) { [harness, good] in
      if !good.isConnected || good.goaway != nil { good.join() }
      return good.ledger.floor == good.ledger.nextSequence && harness.core.heldMessages == 0
        || !harness.problems.isEmpty
    }
    guard isFine else { return harness.problems.first ?? harness.clock.spins.first }
    guard isDone else {
      return
        "\(good.ledger.unsettled) messages never ended, \(harness.core.heldMessages) are held, "
        + "\(String(describing: good.lastWindow))"
    }
    return untruth() ?? leftover()
  }

  /// What receipts said against what the upstream took.
  private func untruth() -> String? {
    let tag = Session.tag(of: good.key, good.session)
    let taken = harness.upstreams[0]!.accepted.filter { $0.tag == tag }
    for sequence in 1..<good.ledger.nextSequence {
      let final = good.ledger.entry(sequence).final
      let count = taken.count { $0.sequence == sequence }
      let isTrue =
        final?.outcome == .delivered
        ? count == 1 : count == 0 || final?.flags.contains(.maybeDelivered) == true
      if !isTrue {
        return "message \(sequence) was taken \(count) times: \(String(describing: final))"
      }
    }
    return nil
  }

  private func leftover() -> String? {
    let memory = harness.core.memoryReport
    if memory.runs > 0 || memory.heapBytes > 0 {
      return "\(memory.runs) runs and \(memory.heapBytes) heap bytes are left"
    }
    for route in 0..<2 {
      let totals = harness.core.routeReport(route, now: harness.now).totals
      if totals.received != totals.settled { return "route \(route): \(totals)" }
    }
    return nil
  }
}
