import ForebayWire
import Glibc
import Synchronization
import Testing

@testable import ForebayStore

@Suite struct JournalCommandsTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("journal.db") }

  /// Runs `body` with an output and returns what it wrote.
  private func written(_ body: (OutputBuffer) throws -> Void) throws -> String {
    let name = directory.file("output")
    let file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    defer { close(file) }
    try body(OutputBuffer(descriptor: file))
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = pread(file, &bytes, bytes.count, 0)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private func writeOne(
    _ harness: JournalHarness, _ payload: [UInt8], extensions: [UInt8] = []
  ) async throws {
    let batch = try #require(harness.journal.takeBatch())
    frames(from: 1, [payload], lane: 2, extensions: extensions).withUnsafeBytes {
      #expect(
        batch.append(
          $0, messageCount: 1, firstSequence: 1, tag: ID128(high: 0xab, low: 1),
          receivedAtMilliseconds: 1_764_000_000_123))
    }
    harness.journal.submit(batch)
    await harness.expectResults(harness.results.count + 1)
  }

  @Test func printsPayloads() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...2500, bytes: 0) == .committed)
    let reader = try JournalReader(path: path)
    let all = (1...2500).map { "message \($0) \n" }
    let plain = JournalFormat.payload(escapesControls: false)
    #expect(try written { try printJournal(reader, as: plain, to: $0) } == all.joined())
    #expect(
      try written { try printJournal(reader, from: 1000, limit: 1200, as: plain, to: $0) }
        == all[999..<2199].joined())
    #expect(try written { try printJournal(reader, from: 9999, as: plain, to: $0) } == "")
    #expect(try written { try printJournal(reader, limit: 0, as: plain, to: $0) } == "")
  }

  @Test func printsJSONWithEverything() async throws {
    let harness = try JournalHarness(path)
    var extensions: [UInt8] = []
    appendExtension(.key, Array("k\u{1b}1".utf8), to: &extensions)
    appendExtension(ExtensionType(rawValue: 99), [0xff, 0, 1], to: &extensions)
    try await writeOne(harness, Array("a \"quoted\" \\ line\nü\u{9b}".utf8), extensions: extensions)
    try await writeOne(harness, [0xff, 0xfe])
    let reader = try JournalReader(path: path)
    let head =
      #""received_at":"2025-11-24T16:00:00.123Z","received_at_ms":1764000000123,"#
      + #""tag":"00000000000000ab0000000000000001","sequence":1,"lane":2"#
    #expect(
      try written { try printJournal(reader, as: .json, to: $0) } == #"{"id":1,"# + head
        + #","extensions":[{"type":"key","value":"k\u001b1"},{"type":99,"value_base64":"/wAB"}]"#
        + #","payload":"a \"quoted\" \\ line\nü\u009b"}"# + "\n" + #"{"id":2,"# + head
        + #","payload_base64":"//4="}"# + "\n")
    #expect(
      try written { try printJournal(reader, limit: 1, as: .keyed(escapesControls: true), to: $0) }
        == "k\\x1b1\ta \"quoted\" \\ line\\x0aü\\xc2\\x9b\n")
  }

  @Test func followsIntoANewFile() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...20, bytes: 0) == .committed)
    let lines = (18...40).map { "message \($0) \n" }.joined()
    let name = directory.file("followed")
    let file = open(name, O_RDWR | O_CREAT, 0o600)
    defer { close(file) }
    var polls = 0
    // Each poll finds the journal a step further.
    try followJournal(
      path: path, last: 3, as: .payload(escapesControls: false),
      to: OutputBuffer(descriptor: file), pollMilliseconds: 1
    ) {
      polls += 1
      switch polls {
      case 1: harness.writeBlocking(21...30)
      case 2:
        rename(path, path + ".old")
        harness.writeBlocking(31...31)
        harness.writeBlocking(31...40)
      default: return lseek(file, 0, SEEK_END) >= lines.utf8.count || polls > 30_000
      }
      return false
    }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = pread(file, &bytes, bytes.count, 0)
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    #expect(text == lines)
  }

  @Test func printsStatistics() async throws {
    let harness = try JournalHarness(path)
    let empty = try JournalReader(path: path)
    #expect(
      try written { try printStatistics(empty, asJSON: true, to: $0) }.contains(
        #""messages":0,"duplicates":0,"origins":0,"first_id":null"#))
    #expect(await harness.write(1...20) == .committed)
    #expect(await harness.write(1...5) == .committed)
    let reader = try JournalReader(path: path)
    let json = try written { try printStatistics(reader, asJSON: true, to: $0) }
    #expect(json.contains(#""schema":1,"messages":25,"duplicates":5,"origins":1,"first_id":1"#))
    let table = try written { try printStatistics(reader, asJSON: false, to: $0) }
    #expect(table.contains("messages    25\n") && table.contains("duplicates  5\n"))
    #expect(table.contains("received    2025-11-24T16:00:00.000Z to 2025-11-24T16:00:00.000Z\n"))
  }

  @Test func saysThatTheOutputIsClosed() {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    signal(SIGPIPE, SIG_IGN)
    let output = OutputBuffer(descriptor: ends[1])
    output.append("x")
    #expect(throws: StoreError(.closed, "output", "Broken pipe")) { try output.flush() }
  }
}

@Suite struct JournalFormatTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (951_782_400_000, "2000-02-29T00:00:00.000Z"),
      (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
      (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (.max, "9999-12-31T23:59:59.999Z"),
      (.min, "0000-01-01T00:00:00.000Z"),
    ] as [(Int64, String)])
  func writesTimes(milliseconds: Int64, text: String) {
    #expect(timestamp(milliseconds) == text)
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func writesBase64(text: String, encoded: String) {
    #expect(base64(Array(text.utf8)) == encoded)
  }
}
