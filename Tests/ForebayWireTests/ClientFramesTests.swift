import ForebayWire
import Testing

/// What the vectors can't show: that what we write is what we read. Values are chosen so that a
/// field in another's place shows.
@Suite struct ClientFramesTests {
  static let session = ID128(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)

  @Test func readsWhatItWrites() throws {
    try expectRoundTrip(
      Hello(session: Self.session, floor: 0x2122_2324_2526_2728, level: .stored, isPeer: true))
    try expectRoundTrip(Hello(session: Self.session, versionMin: 0, versionMax: 7))
    try expectRoundTrip(Seen(floor: 0x0102_0304_0506_0708))
    try expectRoundTrip(Blocked(cost: 0x0102_0304, floor: 0x1112_1314_1516_1718))
    try expectRoundTrip(Backlog(bytes: 0x0102_0304_0506_0708, messages: .max))
    try expectRoundTrip(Reclaimed(number: 0x0102_0304))
    try expectRoundTrip(Pong(token: 0x0102_0304_0506_0708))
    try expectRoundTrip(Bye())
    try expectRoundTrip(
      Origin(
        linkSequence: 0x0102_0304_0506_0708, tag: Self.session, sequence: 0x1112_1314_1516_1718,
        count: 0x0100, ttlMilliseconds: 0x2122_2324, floor: 0x3132_3334_3536_3738, lane: 7))
  }

  @Test func takesTheDefaultLevelForDelivered() throws {
    let hello: Hello = try decode(Hello(session: Self.session, level: .default).encoded())
    #expect(hello.level == .delivered)
  }

  @Test func refusesWhatTheFieldsCannotBe() {
    expectRefused(Hello(session: ID128(high: 0, low: 0)), .badField)
    expectRefused(Hello(session: Self.session, floor: 0), .badField)
    expectRefused(Hello(session: Self.session, versionMin: 2, versionMax: 9), .unsupportedVersion)
    expectRefused(Seen(floor: 0), .badField)
    expectRefused(Blocked(cost: 1, floor: 0), .badField)
    expectRefused(origin(count: 0), .badField)
    expectRefused(origin(count: 257), .badField)
    expectRefused(origin(sequence: .max), .badField)
    expectRefused(origin(lane: 8), .badField)
  }

  /// Whoever speaks another version has to hear that, not that a bit is unknown to this one.
  @Test func namesTheVersionBeforeTheFlags() {
    let bytes = patched(
      Hello(session: Self.session, versionMin: 2, versionMax: 2).encoded(), 5, 0xf0)
    #expect(throws: WireError(.unsupportedVersion)) { () throws in
      let _: Hello = try decode(bytes)
    }
  }

  private func origin(count: UInt32 = 1, sequence: UInt64 = 1, lane: UInt8 = 0) -> Origin {
    Origin(
      linkSequence: 1, tag: Self.session, sequence: sequence, count: count, ttlMilliseconds: 0,
      floor: 1, lane: lane)
  }
}

/// Writes the frame over bytes that aren't zero, with and without an extension, and reads it back.
func expectRoundTrip<Frame: ControlFrame>(
  _ frame: Frame, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let bare = frame.encoded()
  #expect(bare.count == Frame.fixedBytes, sourceLocation: sourceLocation)
  #expect(try decode(bare) == frame, sourceLocation: sourceLocation)

  let list = extensionList((.text, [1, 2, 3]))
  let extended = frame.encoded(extensions: list)
  #expect(try decode(extended) == frame, sourceLocation: sourceLocation)
  let found = extended.withUnsafeBytes { Array(Frame.extensions(of: $0)) }
  #expect(found == list, sourceLocation: sourceLocation)

  var dirty = [UInt8](repeating: 0xff, count: Frame.fixedBytes + 8)
  let written = dirty.withUnsafeMutableBytes { frame.write(to: $0.baseAddress!) }
  #expect(written == Frame.fixedBytes, sourceLocation: sourceLocation)
  #expect(Array(dirty.prefix(written)) == bare, sourceLocation: sourceLocation)
  #expect(dirty.suffix(8).allSatisfy { $0 == 0xff }, sourceLocation: sourceLocation)
}

func expectRefused<Frame: ControlFrame>(
  _ frame: Frame, _ code: ErrorCode, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(throws: WireError(code), sourceLocation: sourceLocation) { () throws in
    let _: Frame = try decode(frame.encoded())
  }
}
