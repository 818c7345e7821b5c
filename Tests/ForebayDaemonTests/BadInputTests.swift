import ForebayWire
import Testing

/// What clients do wrong: each mistake has its name, ends the connection it was made on, and no other.
@Suite(.fewAtOnce) struct BadInputTests {
  private let place = Workplace()

  struct Mistake: Sendable, CustomTestStringConvertible {
    let name: String
    let code: ErrorCode
    /// After HELLO and two good messages, or as the first bytes of the connection.
    var isGreeted = true
    let bytes: @Sendable () -> [UInt8]
    var testDescription: String { name }
  }

  private static let mistakes: [Mistake] = [
    Mistake(name: "length below a header", code: .frameTooShort) { [0, 0, 0, 3, 2, 0, 0, 0] },
    Mistake(name: "DATA shorter than its fields", code: .frameTooShort) {
      rawFrame(type: 2, body: [0, 0, 0, 0])
    },
    Mistake(name: "a frame of 4 GiB", code: .frameTooLarge) { [255, 255, 255, 255] },
    Mistake(name: "a byte over the largest frame", code: .frameTooLarge) {
      Array(encodedData(3, Array(repeating: 1, count: 262_144 - 23)).prefix(64))
    },
    Mistake(name: "SEEN with 64 KiB behind it", code: .frameTooLarge) {
      rawFrame(type: 3, body: Array(repeating: 0, count: 65_000))
    },
    Mistake(name: "unknown type", code: .unknownFrameType) { rawFrame(type: 77, body: []) },
    Mistake(name: "reserved bytes of the header", code: .reservedBits) {
      changed(encodedData(3, [1]), at: 7, to: 1)
    },
    Mistake(name: "unknown flag of DATA", code: .reservedBits) {
      changed(encodedData(3, [1]), at: 5, to: 0x80)
    },
    Mistake(name: "reserved byte of DATA", code: .reservedBits) {
      changed(encodedData(3, [1]), at: 21, to: 1)
    },
    Mistake(name: "bad magic", code: .badMagic, isGreeted: false) {
      changed(Hello(session: .drawn()).encoded(), at: 8, to: UInt8(ascii: "X"))
    },
    Mistake(name: "a version of the future", code: .unsupportedVersion, isGreeted: false) {
      Hello(session: .drawn(), versionMin: 2, versionMax: 9).encoded()
    },
    Mistake(name: "session id of zero", code: .badField, isGreeted: false) {
      Hello(session: ID128(high: 0, low: 0)).encoded()
    },
    Mistake(name: "DATA before HELLO", code: .helloExpected, isGreeted: false) {
      encodedData(1, [1])
    },
    Mistake(name: "SEEN before HELLO", code: .helloExpected, isGreeted: false) {
      Seen(floor: 1).encoded()
    },
    Mistake(name: "DATA before the first WINDOW", code: .flowControl, isGreeted: false) {
      Hello(session: .drawn()).encoded() + encodedData(1, [1])
    },
    Mistake(name: "HELLO again", code: .helloRepeated) { Hello(session: .drawn()).encoded() },
    Mistake(name: "sequence of zero", code: .sequenceNotIncreasing) { encodedData(0, [1]) },
    Mistake(name: "a sequence again", code: .sequenceNotIncreasing) { encodedData(2, [1]) },
    Mistake(name: "a sequence going back", code: .sequenceNotIncreasing) {
      encodedData(9, [1]) + encodedData(8, [1])
    },
    Mistake(name: "a daemon's frame", code: .wrongDirection) {
      Window(limitBytes: 1 << 40, limitMessages: 1 << 40).encoded()
    },
    Mistake(name: "ORIGIN from one who is no peer", code: .originMismatch) {
      Origin(
        linkSequence: 3, tag: .drawn(), sequence: 1, count: 1, ttlMilliseconds: 0, floor: 1, lane: 0
      ).encoded()
    },
    Mistake(name: "lane 8", code: .badField) { encodedData(3, [1], lane: 8) },
    Mistake(name: "floor of zero", code: .badField) {
      changed(Seen(floor: 1).encoded(), at: 15, to: 0)
    },
    Mistake(name: "extensions beyond the frame", code: .badExtension) {
      changed(encodedData(3, [1]), at: 22, to: 0x10)
    },
    Mistake(name: "an extension cut off", code: .badExtension) {
      encodedData(3, [], extensions: [1, 0, 0, 9, 1, 2, 3, 4])
    },
    Mistake(name: "an HTTP request", code: .frameTooLarge, isGreeted: false) {
      Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    },
    Mistake(name: "noise", code: .frameTooLarge, isGreeted: false) {
      var noise = SplitMix(state: 7)
      return (0..<4096).map { _ in UInt8(truncatingIfNeeded: noise.next()) | 0x80 }
    },
  ]

  @Test(arguments: mistakes)
  func endsTheConnectionOfTheOneWhoMadeIt(_ mistake: Mistake) async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let good = try WireClient(daemon)
    try await good.greet()
    good.send(messages: 1...10)
    try await good.expectOutcome(.delivered, of: 1...10)

    let bad = try WireClient(daemon)
    if mistake.isGreeted {
      try await bad.greet()
      bad.send(encodedData(1, Array("bad 1".utf8)) + encodedData(2, Array("bad 2".utf8)))
    }
    bad.send(mistake.bytes())
    // What is behind the mistake is as if it had never been sent.
    bad.send(encodedData(1000, Array("after".utf8)))
    try await bad.expectError(mistake.code)
    #expect(try await daemon.state().closed(mistake.code.wireName) == 1)
    #expect(
      daemon.logLines.compactMap(logFields).contains {
        $0["msg"] == "client closed" && $0["code"] == mistake.code.wireName
      })

    good.send(messages: 11...20)
    try await good.expectOutcome(.delivered, of: 11...20)
    #expect(try await daemon.state().isBalanced)
    good.socket.close()
    #expect(try await daemon.stop() == 0)
    let written = try JournalContents(daemon.journal).payloads
    #expect(written.filter { $0 == "bad 1" || $0 == "bad 2" }.count == (mistake.isGreeted ? 2 : 0))
    #expect(!written.contains("after"))
  }

  /// Windows are as large as they may become and nothing is settled, as the upstream isn't there: so none
  /// grows while the frames arrive.
  @Test(arguments: [16, 200_000])
  func takesOfTooMuchWhatTheCreditAllows(payloadBytes: Int) async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      [
        "--upstream", "good=journal:\(place.file("good.db"))",
        "--upstream", "gone=forebay+unix:\(place.file("gone.sock"))",
        "--window-messages", "64",
      ])
    let good = try WireClient(daemon)
    try await good.greet()
    let bad = try WireClient(daemon)
    let window = try await bad.greet(route: "gone")
    let cost = UInt64(24 + payloadBytes) + UInt64(try #require(bad.welcome).overhead)
    let allowed = min(window.limitMessages, window.limitBytes / cost)
    bad.send(messages: 1...(allowed + 1), payloadBytes: payloadBytes)
    try await bad.expectError(.flowControl)
    let state = try await daemon.state()
    #expect(state.closed("FLOW_CONTROL") == 1)
    #expect(state.total("received", route: 1) == allowed)
    #expect(state.number("routes[1].held.messages") == allowed)
    #expect(state.number("routes[1].granted.messages") == 0)
    good.send(messages: 1...10)
    try await good.expectOutcome(.delivered, of: 1...10)
  }

  /// Over TCP a connection that is closed with bytes of its peer unread is reset, and what was written
  /// before is thrown away: ERROR must arrive all the same.
  @Test func saysWhyOverTCPWhateverIsStillOnItsWay() async throws {
    let port = try freePort()
    let daemon = try await DaemonProcess.ready(
      in: place, ["--peer-listen", "127.0.0.1:\(port)", "--connections-per-user-max", "20"])
    for _ in 0..<10 {
      let bad = try WireClient(port: port)
      try await bad.greet()
      bad.send(encodedData(1, [1]))
      // The mistake, and more behind it than the daemon reads at once.
      bad.send(rawFrame(type: 77, body: []) + [UInt8](repeating: 1, count: 3_000_000))
      // It reads nothing for a while: all of it has arrived, and so has the end.
      try await expectEventually("the end") { try await daemon.state().number("clients") == 0 }
      try await bad.expectError(.unknownFrameType)
    }
    let taken = try (0..<20).map { _ in try WireClient(port: port) }
    for client in taken { try await client.greet() }
    let surplus = try WireClient(port: port)
    surplus.send(Hello(session: .drawn()))
    try await surplus.wait(for: "GOAWAY") { if case .goAway = $0 { true } else { nil } }
    try await surplus.wait(for: "the end") { $0 == .closed ? true : nil }
  }

  @Test func takesACutOffFrameForALostConnection() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...3)
    client.send(Array(encodedData(4, [1, 2, 3]).dropLast()))
    client.socket.shutDownWriting()
    try await expectEventually("the end") {
      while let frame = try client.poll() { if frame == .closed { return true } }
      return false
    }
    try await expectEventually("the whole messages") { try await daemon.state().delivered == 3 }
    #expect(try await daemon.state().closed("by_client") == 1)
  }

  @Test func endsAFloodOfFramesThatCostNothing() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send((0..<20_000).flatMap { _ in Seen(floor: 1).encoded() })
    try await client.expectError(.controlFlood)
  }

  /// What looks odd and is allowed.
  @Test func toleratesWhatTheProtocolAllows() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    client.send(
      Hello(session: .drawn(), floor: 900),
      extensions: encodedExtension(ExtensionType(rawValue: 99), [1, 2, 3]))
    try await client.waitForWindow { $0.limitMessages > 0 }
    client.send(Pong(token: 7))
    client.send(Reclaimed(number: 12))
    client.send(Seen(floor: .max))
    client.send(Blocked(cost: .max, floor: .max))
    client.send(Backlog(bytes: .max, messages: .max))
    client.send(encodedData(1000, []))
    client.send(encodedData(2000, [], lane: 7, extensions: encodedExtension(.key, Array("k".utf8))))
    try await client.expectOutcome(.delivered, of: 1000...1000)
    try await client.expectOutcome(.delivered, of: 2000...2000)
    client.send(Bye())
    try await client.wait(for: "the end") { $0 == .closed ? true : nil }
    #expect(!client.heard.contains { if case .error = $0 { true } else { false } })
  }
}

/// A frame of any type with any body.
func rawFrame(type: UInt8, body: [UInt8]) -> [UInt8] {
  let length = UInt32(4 + body.count)
  return (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32($0))) }
    + [type, 0, 0, 0] + body
}

private func changed(_ frame: [UInt8], at place: Int, to byte: UInt8) -> [UInt8] {
  var frame = frame
  frame[place] = byte
  return frame
}

/// Noise that is the same in every run.
struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
