import ForebayClient
import ForebayWire
import Testing

/// Daemons of another age than the client: WIRE.md §12.
@Suite struct VersionSkewTests {
  private static let unknownExtension: [UInt8] = [99, 0, 0, 1, 7, 0, 0, 0]
  private static let criticalExtension: [UInt8] = [200, 0, 0, 1, 7, 0, 0, 0]

  private func line(_ frame: some ControlFrame, _ extensions: [UInt8]) -> DaemonLine {
    DaemonLine(bytes: frame.encoded(extensions: extensions))
  }

  private func changed(_ line: DaemonLine, at places: [Int: UInt8]) -> DaemonLine {
    var bytes = line.bytes
    for (place, byte) in places { bytes[place] = byte }
    return DaemonLine(bytes: bytes)
  }

  @Test func saysWhichVersionsItSpeaks() throws {
    let talk = Conversation()
    talk.connect()
    let hello = try talk.producedBytes().withUnsafeBytes { try Hello(frame: $0) }
    #expect(hello.versionMin == 1 && hello.versionMax == 1)
  }

  /// A daemon that picked what it wasn't offered: nothing is sent to it, and it isn't tried again.
  @Test(arguments: [0, 2, 65_535] as [UInt16])
  func leavesADaemonThatSpeaksAnotherVersion(_ version: UInt16) {
    let talk = Conversation()
    talk.connect()
    talk.submit("a")
    _ = talk.said()
    talk.hear(
      line(
        Welcome(frameBytesMax: 1000, overhead: 100, version: version), Self.unknownExtension))
    let end = ConnectionEnd.mistake(.malformedFrame(.unsupportedVersion))
    #expect(talk.news() == [.ended(end)])
    #expect(end.remedy == .stop)
    #expect(talk.said() == [])
  }

  /// What an older or a newer daemon says that has no version in common with it.
  @Test func stopsWhenToldThatNoVersionIsCommon() {
    let talk = Conversation()
    talk.connect()
    _ = talk.said()
    talk.hear(line(ErrorFrame(.unsupportedVersion), Self.unknownExtension))
    let end = ConnectionEnd.refused(.unsupportedVersion, retryAfterMilliseconds: 0)
    #expect(talk.news() == [.ended(end)])
    #expect(end.remedy == .stop)
  }

  /// A later release within version 1: more extensions, states, reasons, flags, codes.
  @Test func takesWhatALaterReleaseAdds() {
    let talk = Conversation()
    talk.connect()
    talk.submit("a")
    talk.submit("b")
    _ = talk.said()
    talk.hear(
      line(Welcome(frameBytesMax: 4_096, overhead: Conversation.overhead), Self.unknownExtension),
      changed(
        line(Window(limitBytes: 1 << 20, limitMessages: 10), Self.unknownExtension),
        at: [44: 77, 45: 88]))
    #expect(talk.said() == [.data(1, "a"), .data(2, "b")])
    let seen = talk.events().compactMap {
      if case .windowChanged(let view) = $0 { view } else { nil }
    }
    #expect(seen.last?.state == .open && seen.last?.reason == WindowReason.none)
    talk.hear(line(Ping(token: 5), Self.unknownExtension))
    #expect(talk.said() == [.pong(5)])
    talk.hear(
      .receipt(
        ReceiptRange(
          first: 1, count: 1, outcome: .delivered, flags: ReceiptFlags(rawValue: 0x82),
          code: MessageCode(rawValue: 999))))
    #expect(
      talk.news() == [
        .settled(
          first: 1, count: 1, outcome: .delivered, code: MessageCode(rawValue: 999),
          flags: ReceiptFlags(rawValue: 0x82))
      ])
    let isConnected = talk.machine.isConnected
    #expect(isConnected)
  }

  /// A code that it doesn't know says nothing against trying again.
  @Test func triesAgainAfterAnUnknownCode() {
    let refused = Conversation.begun()
    refused.hear(changed(.frame(ErrorFrame(.internal)), at: [8: 0x7f, 9: 0xff]))
    let end = ConnectionEnd.refused(nil, retryAfterMilliseconds: 0)
    #expect(refused.news() == [.ended(end)])
    #expect(end.remedy == .again && ConnectionEnd.drained(nil).remedy == .again)

    let drained = Conversation.begun()
    drained.hear(
      changed(
        .frame(GoAway(.shuttingDown, deadlineMilliseconds: 1000)), at: [8: 0x7f, 9: 0xff]))
    #expect(drained.news() == [.ended(.drained(nil))])
  }

  /// Closed sets take a new version: within this one anything else is a mistake.
  @Test(arguments: [
    ([0, 0, 0, 4, 199, 0, 0, 0], ErrorCode.unknownFrameType),
    ([0, 0, 0, 12, 133, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], .reservedBits),
    (Ping(token: 1).encoded(extensions: criticalExtension), .badExtension),
    (
      {
        var bytes = DaemonLine.delivered(1).bytes
        bytes[20] = 99
        return bytes
      }(), .badField
    ),
  ])
  func leavesADaemonThatAddsToAClosedSet(_ bytes: [UInt8], _ code: ErrorCode) {
    let talk = Conversation.begun()
    talk.submit("a")
    _ = talk.said()
    talk.hear(DaemonLine(bytes: bytes))
    #expect(talk.news() == [.ended(.mistake(.malformedFrame(code)))])
  }
}
