import ForebayWire
import Glibc
import Testing

@testable import ForebayStore

/// Clients, peers and journals of another age than the daemon: WIRE.md §12, and the manual's "Journal".
@Suite(.fewAtOnce) struct VersionSkewTests {
  private let place = Workplace()

  /// From a release that knows more within version 1, or versions after it, too.
  private static let unknownExtension = encodedExtension(ExtensionType(rawValue: 99), [1, 2, 3])
  private static let criticalExtension = encodedExtension(ExtensionType(rawValue: 200), [1])

  // MARK: Clients

  @Test(arguments: [(1, 1), (1, 9), (0, 65_535)] as [(UInt16, UInt16)])
  func aClientThatSpeaksVersionOneAmongOthersIsServed(least: UInt16, most: UInt16) async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    client.send(
      Hello(session: .drawn(), versionMin: least, versionMax: most),
      extensions: Self.unknownExtension)
    try await client.waitForWindow { $0.limitMessages > 0 }
    #expect(client.welcome?.version == 1)
    client.send(messages: 1...5)
    try await client.expectOutcome(.delivered, of: 1...5)
  }

  /// It is told so in a frame of which every version knows the form.
  @Test(arguments: [(0, 0), (2, 2), (2, 9), (2, 1)] as [(UInt16, UInt16)])
  func aClientWithoutACommonVersionIsToldSo(least: UInt16, most: UInt16) async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    client.send(Hello(session: .drawn(), versionMin: least, versionMax: most))
    try await client.expectError(.unsupportedVersion)
    #expect(client.welcome == nil)
    #expect(try await daemon.state().closed("UNSUPPORTED_VERSION") == 1)
  }

  @Test func whatANewerClientAddsToAMessageIsCarriedAlong() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(encodedData(1, Array("new".utf8), extensions: Self.unknownExtension))
    client.send(Seen(floor: 1), extensions: Self.unknownExtension)
    try await client.expectOutcome(.delivered, of: 1...1)
    client.socket.close()
    #expect(try await daemon.stop() == 0)
    let records = try JournalContents(daemon.journal).records
    #expect(records.map(\.extensions) == [Self.unknownExtension])
  }

  /// The message alone: what is before and behind it goes its way.
  @Test func aMessageWithANewCriticalExtensionIsRejectedAlone() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(
      encodedData(1, [1]) + encodedData(2, [2], extensions: Self.criticalExtension)
        + encodedData(3, [3]))
    try await client.expectOutcome(.rejected, of: 2...2)
    #expect(client.codes(of: 2) == [.unsupportedExtension])
    try await client.expectOutcome(.delivered, of: 1...1)
    try await client.expectOutcome(.delivered, of: 3...3)
    #expect(try await daemon.state().isBalanced)
  }

  @Test func aNewCriticalExtensionElsewhereEndsTheConnection() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let greeting = try WireClient(daemon)
    greeting.send(Hello(session: .drawn()), extensions: Self.criticalExtension)
    try await greeting.expectError(.badExtension)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(Seen(floor: 1), extensions: Self.criticalExtension)
    try await client.expectError(.badExtension)
    #expect(try await daemon.state().closed("BAD_EXTENSION") == 2)
  }

  /// A session that a newer release began is taken up by an older one, and the other way round.
  @Test func aSessionIsResumedByAClientOfAnotherRelease() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let session = ID128.drawn()
    let newer = try WireClient(daemon)
    newer.send(
      Hello(session: session, versionMin: 1, versionMax: 3), extensions: Self.unknownExtension)
    try await newer.waitForWindow { $0.limitMessages > 0 }
    newer.send(messages: 1...4)
    try await newer.expectOutcome(.delivered, of: 1...4)
    newer.socket.close()
    let older = try WireClient(daemon)
    try await older.greet(session: session)
    #expect(older.welcome?.isResumed == true && older.welcome?.known == 4)
    #expect(older.outcomes(of: 4) == [.delivered])
  }

  // MARK: Peers

  /// The link gives up a peer of another version and keeps what it holds: nothing is lost, and the
  /// peer is tried again, since it may be replaced.
  @Test(arguments: [true, false])
  func aPeerOfAnotherVersionGetsNothing(saysError: Bool) async throws {
    let listener = try RawListener(path: place.file("peer.sock"))
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "forebay+unix:\(place.file("peer.sock"))"])
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...3)
    var connects = 0
    var peers: [RawSocket] = []
    try await expectEventually("it to come again") {
      if let peer = listener.accept() {
        connects += 1
        peer.write(
          saysError
            ? ErrorFrame(.unsupportedVersion).encoded()
            : Welcome(frameBytesMax: 1000, overhead: 128, version: 2).encoded())
        peers.append(peer)
      }
      return connects >= 2
    }
    let state = try await daemon.state()
    #expect(state.total("received") == 3 && state.delivered == 0 && state.isBalanced)
    #expect(client.outcomes(of: 1) == [])
    #expect(daemon.logLines.contains { $0.contains("UNSUPPORTED_VERSION") }, "\(daemon.logLines)")
  }

  /// One that says more than we know, within version 1, is a peer like any other.
  @Test func aPeerOfANewerReleaseIsServed() async throws {
    let listener = try RawListener(path: place.file("peer.sock"))
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "forebay+unix:\(place.file("peer.sock"))"])
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...1)
    let peer = try await eventually("a connect") { listener.accept() }
    peer.write(
      Welcome(frameBytesMax: 262_144, overhead: 128).encoded(extensions: Self.unknownExtension)
        + changed(
          Window(limitBytes: 1 << 30, limitMessages: 1_000).encoded(
            extensions: Self.unknownExtension),
          at: [44: 77, 45: 88]))
    var heard: [UInt8] = []
    try await expectEventually("the message") {
      if case .bytes(let more) = peer.read() { heard += more }
      // Its payload is sixteen x.
      return heard.suffix(16) == Array(repeating: UInt8(ascii: "x"), count: 16)[...]
    }
    peer.write(
      Receipt.encoded([
        ReceiptRange(
          first: 1, count: 1, outcome: .delivered, flags: ReceiptFlags(rawValue: 0x80),
          code: MessageCode(rawValue: 999))
      ]))
    try await client.expectOutcome(.delivered, of: 1...1)
    // What the peer adds is passed on as it is.
    #expect(client.codes(of: 1) == [MessageCode(rawValue: 999)])
  }

  // MARK: Journals

  @Test func goesOnWithTheJournalOfAnEarlierRelease() async throws {
    try makeJournal(schema: 1)
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(encodedData(1, Array("new".utf8)))
    try await client.expectOutcome(.delivered, of: 1...1)
    client.socket.close()
    #expect(try await daemon.stop() == 0)
    #expect(try JournalContents(daemon.journal).payloads == ["first", "second", "", "new"])
  }

  /// The daemon doesn't start, `forebayctl` doesn't read: both say what to do.
  @Test func refusesTheJournalOfALaterRelease() async throws {
    try makeJournal(schema: 2)
    let daemon = try DaemonProcess(in: place)
    #expect(try await daemon.program.end().status == 1)
    let advice = "is a journal of schema 2; this program knows schemas up to 1. Use the Forebay"
    #expect(daemon.errors.contains(advice), "\(daemon.errors)")
    let reading = try await Program.start(
      "forebayctl", ["journal", "stats", daemon.journal], in: place
    ).end()
    #expect(reading.status != 0 && reading.errors.contains(advice), "\(reading)")
  }

  /// The journal of a daemon of the usual name, made from a script that is kept as it was.
  private func makeJournal(schema: Int) throws {
    let tests = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }
    let path = place.file("d.db")
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
    let script = "\(tests)/ForebayStoreTests/Fixtures/journal-schema-\(schema).sql"
    let database = try SQLiteDatabase(path: path, access: .readWrite)
    try database.execute(try #require(contents(script)))
  }

  private func contents(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(file, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }

  private func changed(_ frame: [UInt8], at places: [Int: UInt8]) -> [UInt8] {
    var frame = frame
    for (place, byte) in places { frame[place] = byte }
    return frame
  }
}
