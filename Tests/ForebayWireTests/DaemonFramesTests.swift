import ForebayWire
import Testing

@Suite struct DaemonFramesTests {
  @Test func readsWhatItWrites() throws {
    try expectRoundTrip(
      Welcome(
        frameBytesMax: 0x00f2_0304, overhead: 0x0000_1314, heartbeatMilliseconds: 0x2122_2324,
        ranges: 0x3132_3334, known: 0x4142_4344_4546_4748, isResumed: true))
    try expectRoundTrip(
      Window(
        limitBytes: 0x0102_0304_0506_0708, limitMessages: 0x1112_1314_1516_1718,
        receivedBytes: 0x2122_2324_2526_2728, receivedMessages: 0x3132_3334_3536_3738,
        retryAfterMilliseconds: 0x4142_4344, state: .shut, reason: .paused))
    try expectRoundTrip(Reclaim(number: 0x0102_0304, limitBytes: .max - 1, limitMessages: 3))
    try expectRoundTrip(Ping(token: 0x0102_0304_0506_0708))
    try expectRoundTrip(GoAway(.killed, deadlineMilliseconds: 0x0102_0304))
    try expectRoundTrip(ErrorFrame(.flowControl, retryAfterMilliseconds: 0x0102_0304))
  }

  @Test func keepsCodesThatItDoesNotKnow() throws {
    let away: GoAway = try decode(
      patched(GoAway(.killed, deadlineMilliseconds: 0).encoded(), 8, 0xff, 0xfe))
    #expect(away.code == 0xfffe)
    let error: ErrorFrame = try decode(patched(ErrorFrame(.killed).encoded(), 8, 0xff, 0xfd))
    #expect(error.code == 0xfffd)
  }

  @Test func takesUnknownStatesForOpen() throws {
    let bytes = Window(limitBytes: 1, limitMessages: 1, state: .shut, reason: .paused).encoded()
    let window: Window = try decode(patched(bytes, 44, 0x77, 0x78))
    #expect(window.state == .open)
    #expect(window.reason == .none)
  }

  @Test func boundsWhatWelcomeAsksFor() {
    expectRefused(Welcome(frameBytesMax: 23, overhead: 0), .badField)
    expectRefused(Welcome(frameBytesMax: 16_777_217, overhead: 0), .badField)
    expectRefused(Welcome(frameBytesMax: 24, overhead: 65_537), .badField)
    expectRefused(Welcome(frameBytesMax: 24, overhead: 0, version: 2), .unsupportedVersion)
  }
}
