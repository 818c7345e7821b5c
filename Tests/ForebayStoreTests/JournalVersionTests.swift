import Glibc
import Testing

@testable import ForebayStore

/// Journals of other Forebays, made from scripts that are kept as they were (`Fixtures`).
@Suite struct JournalVersionTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("journal.db") }

  private func make(_ schema: Int) throws {
    let folder = #filePath.prefix(through: #filePath.lastIndex(of: "/")!)
    let script = "\(folder)Fixtures/journal-schema-\(schema).sql"
    overwrite(path, [])
    #expect(chmod(path, 0o600) == 0)
    try withDatabase(path) { try $0.execute(try text(of: script)) }
  }

  private func text(of path: String) throws -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(file, &bytes, bytes.count)
    try #require(count > 0 && count < bytes.count, "\(path)")
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// What a journal of schema 1 held is there, its ids go on, and so does its history.
  @Test func goesOnWithAJournalOfSchema1() async throws {
    try make(1)
    let before = try JournalReader(path: path).records(from: 1, limit: 10)
    #expect(before.map { String(decoding: $0.payload, as: UTF8.self) } == ["first", "second", ""])
    let harness = try JournalHarness(path)
    #expect(await harness.write(7...8, bytes: 0) == .committed)
    let after = try JournalReader(path: path).records(from: 1, limit: 10)
    #expect(after.map(\.id) == [1, 2, 3, 5, 6], "4 was given once and deleted")
    #expect(Array(after.prefix(3)) == before)
    #expect(after.map(\.lane) == [0, 3, 0, 0, 0])
    #expect(before[1].extensions == [1, 0, 0, 1, 0x6b, 0, 0, 0])
    #expect(try integer(in: path, "PRAGMA user_version") == JournalSchema.version)
    #expect(harness.journal.drainNotices() == [])
  }

  /// While schema 1 is this version's, a new journal is what the script says. Once it isn't, the script
  /// stays, and the test above shows that it is migrated.
  @Test(.enabled(if: JournalSchema.version == 1)) func theScriptIsWhatThisVersionMakes()
    async throws
  {
    func schema(_ path: String) throws -> String? {
      try withDatabase(path) {
        try $0.text(
          "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)")
      }
    }
    try make(1)
    let fresh = directory.file("fresh.db")
    let harness = try JournalHarness(fresh)
    harness.journal.close()
    #expect(try schema(path) == schema(fresh))
    let mark = "PRAGMA application_id"
    #expect(try integer(in: path, mark) == integer(in: fresh, mark))
  }

  /// Neither written nor read: to guess at it could lose what it holds.
  @Test func refusesAJournalOfALaterForebayAndLeavesItAlone() throws {
    try make(2)
    let digest = try integer(in: path, "SELECT count(*) FROM messages")
    for open in [
      { _ = try JournalHarness(path) }, { _ = try JournalReader(path: path) },
    ] {
      #expect {
        try open()
      } throws: { error in
        let error = error as? StoreError
        return error?.kind == .newerSchema
          && error?.description.contains(
            "is a journal of schema 2; this program knows schemas up to 1. Use the Forebay that "
              + "wrote it, or a newer one") == true
      }
    }
    #expect(try integer(in: path, "SELECT count(*) FROM messages") == digest)
    #expect(try integer(in: path, "PRAGMA user_version") == 2)
    #expect(!exists(path + ".corrupt-1"))
  }
}
