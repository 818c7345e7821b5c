import ForebayWire
import Testing

@testable import ForebayCore

/// Rules of proto/WIRE.md that no byte string alone can show, on the core as it is.
@Suite struct WireRulesTests {
  @Test func doesNotCountWhatMessagesOrWeMakeAClientSend() {
    var talk = Talk(upstreamAccepts: true)
    talk.greet()
    for sequence in UInt64(1)...3_000 where talk.error == nil {
      talk.say(message(sequence))
      talk.say(Seen(floor: sequence + 1).encoded())
    }
    #expect(talk.error == nil, "a SEEN for every message is no flood: a window may be that small")
  }

  @Test func countsWhatIsSentForNothing() {
    for frame in [
      Seen(floor: 1).encoded(), Pong(token: 1).encoded(), Reclaimed(number: 9).encoded(),
    ] {
      var talk = Talk()
      talk.greet()
      for _ in 0..<3_000 where talk.error == nil { talk.say(frame) }
      #expect(talk.error == .controlFlood)
    }
  }

  @Test func asksForHelloBeforeAnythingElse() {
    var talk = Talk()
    var bytes = message(1)
    bytes[20] = 200
    talk.say(bytes)
    #expect(talk.error == .helloExpected)
  }

  @Test func judgesThePlaceOfAnOriginBeforeItsFields() {
    var talk = Talk()
    talk.greet()
    talk.say(origin(count: 0))
    #expect(talk.error == .originMismatch, "it isn't a peer")

    talk = Talk()
    talk.greet(isPeer: true)
    talk.say(origin(count: 2))
    talk.say(origin(count: 0))
    #expect(talk.error == .originMismatch, "one is open")
  }

  @Test func chargesAnOriginForItsExtensions() {
    var talk = Talk()
    talk.greet(isPeer: true)
    let frame = origin(count: 1, extensionBytes: 12)
    talk.say(frame)
    talk.say(Blocked(cost: 1, floor: 1).encoded())
    #expect(talk.window?.receivedBytes == UInt64(frame.count + talk.overhead))
    #expect(talk.window?.receivedMessages == 0)
  }

  /// A peer's BLOCKED names the ORIGIN and the DATA behind it; when the first has come, the window that still
  /// takes the second isn't shut.
  @Test func whatAnOriginHasTakenIsNotWantedAnyMore() {
    var talk = Talk()
    talk.greet(isPeer: true)
    talk.say(Blocked(cost: 2_000, floor: 1).encoded())
    #expect(talk.blockedCost == 2_000)
    let frame = origin(count: 1)
    talk.say(frame)
    #expect(talk.blockedCost == UInt64(2_000 - frame.count - talk.overhead))
  }

  /// A peer waits until both fit; owed less, it would wait for ever beside others that wait.
  @Test func owesAPeerItsLargestFrameAndTheOriginBeforeIt() {
    let limits = Limits()
    let frames = limits.frameBytesMax + Origin.fixedBytes
    let owed = RouteSettings(name: "default").reserve(limits)
    #expect(owed.bytes >= UInt64(frames + 2 * limits.overheadBytes))
    #expect(owed.messages >= 1)
  }

  /// Drained between its HELLO and what that is answered with.
  @Test func asksForNothingBackBeforeTheFirstWindow() throws {
    var talk = Talk()
    talk.greet(andDrain: true)
    let window = try #require(talk.heard.firstIndex(of: .window))
    let reclaim = try #require(talk.heard.firstIndex(of: .reclaim))
    #expect(talk.heard.first == .welcome)
    #expect(window < reclaim)
  }

  private func message(_ sequence: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: WireLimits.dataFixedBytes)
    bytes.withUnsafeMutableBytes {
      DataHeader(sequence: sequence).write(to: $0.baseAddress!, payloadBytes: 0)
    }
    return bytes
  }

  private func origin(count: UInt32, extensionBytes: Int = 0) -> [UInt8] {
    var list: [UInt8] = []
    if extensionBytes > 0 {
      appendExtension(.text, [UInt8](repeating: 1, count: extensionBytes - 4), to: &list)
    }
    return Origin(
      linkSequence: 1, tag: ID128(high: 1, low: 1), sequence: 1, count: count, ttlMilliseconds: 0,
      floor: 1, lane: 0
    ).encoded(extensions: list)
  }
}

/// One connection to a core whose clock stands still. The upstream takes everything or never answers.
private struct Talk: ~Copyable {
  private var core: Sidecar
  private let id: ClientID
  private let now = Instant(nanoseconds: 1_000_000_000)
  private let upstreamAccepts: Bool
  private(set) var error: ErrorCode?
  private(set) var window: Window?
  private(set) var heard: [FrameType] = []
  let overhead: Int
  var blockedCost: UInt64 { mutating get { core.clients[0].blockedCost } }

  init(upstreamAccepts: Bool = false) {
    let settings = Settings(routes: [RouteSettings(name: "default")])
    core = Sidecar(settings: settings, seed: 1, now: now)
    overhead = settings.limits.overheadBytes
    self.upstreamAccepts = upstreamAccepts
    let connected = core.clientConnected(
      PrincipalKey(listener: 1, user: 1), classIndex: 0, needsHeartbeat: true, now: now)
    guard case .accepted(let id) = connected else { brokenInvariant("\(connected)") }
    self.id = id
  }

  mutating func greet(isPeer: Bool = false, andDrain: Bool = false) {
    say(Hello(session: ID128(high: 1, low: 2), isPeer: isPeer).encoded(), andDrain: andDrain)
  }

  mutating func say(_ bytes: [UInt8], andDrain: Bool = false) {
    let buffer = core.readBuffer(id)
    buffer.copyBytes(from: bytes)
    core.received(bytes.count, from: id, now: now)
    core.turnEnded(now: now)
    if andDrain {
      core.drain(until: now + .seconds(1), now: now)
      core.turnEnded(now: now)
    }
    while let action = core.nextAction() {
      switch action {
      case .writeClient(let id), .closeClient(let id, _): hear(id)
      case .dispatch(_, let call):
        guard upstreamAccepts else { continue }
        core.callSettled(call, .accepted, now: now)
        core.turnEnded(now: now)
      case .readOut, .connectLink, .closeLink, .writeLink, .giveUp, .drained: continue
      }
    }
  }

  private mutating func hear(_ id: ClientID) {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      var count = core.takeOutput(id, into: buffer, now: now)
      while count > 0 {
        hear(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        count = core.takeOutput(id, into: buffer, now: now)
      }
    }
  }

  private mutating func hear(_ bytes: UnsafeRawBufferPointer) {
    var place = 0
    while case .header(let header) = FrameHeader.read(bytes, at: place, frameBytesMax: 65_536) {
      let frame = UnsafeRawBufferPointer(rebasing: bytes[place..<(place + header.byteCount)])
      heard.append(header.type)
      if header.type == .window { window = try? Window(frame: frame) }
      if header.type == .error {
        error = (try? ErrorFrame(frame: frame)).flatMap { ErrorCode(rawValue: $0.code) }
      }
      place += header.byteCount
    }
  }
}
