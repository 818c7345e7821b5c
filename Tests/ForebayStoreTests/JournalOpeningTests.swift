import Glibc
import Testing

@testable import ForebayStore

/// What the journal may find at its path.
@Suite struct JournalOpeningTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("journal.db") }

  /// Writes ten messages and closes.
  private func makeJournal() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...10, bytes: 5000) == .committed)
    harness.journal.close()
  }

  private func refusal(_ path: String) -> StoreError? {
    do {
      _ = try JournalHarness(path)
      return nil
    } catch { return error }
  }

  private func contents(_ path: String) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let file = open(path, O_RDONLY)
    let count = read(file, &bytes, bytes.count)
    close(file)
    return Array(bytes[..<max(0, count)])
  }

  @Test func createsFilesThatOnlyTheOwnerReads() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...1) == .committed)
    for suffix in ["", "-wal", "-shm", "-lock"] {
      #expect(mode(path + suffix) == 0o600, "\(suffix)")
    }
    #expect(try integer(in: path, "PRAGMA application_id") == JournalSchema.applicationID)
    #expect(try integer(in: path, "PRAGMA user_version") == 1)
  }

  /// A killed process loses nothing even without this; a machine without power would.
  @Test func waitsForTheDiskAtEveryCommit() throws {
    let connection = try JournalConnection.open(
      StoreFile(path: path), JournalOptions(), isSuspect: false
    ) { _ in }
    #expect(try connection.database.integer("PRAGMA synchronous") == 2, "FULL")
    #expect(try connection.database.text("PRAGMA journal_mode") == "wal")
  }

  @Test func tightensAModeThatOthersCanRead() async throws {
    try await makeJournal()
    #expect(chmod(path, 0o644) == 0)
    let harness = try JournalHarness(path)
    #expect(mode(path) == 0o600)
    #expect(harness.journal.drainNotices() == [.modeTightened(from: 0o644)])
  }

  @Test func takesAnEmptyFileAsAJournalOfVersionZero() async throws {
    overwrite(path, [])
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...1) == .committed)
  }

  @Test func refusesDirectoriesThatCannotKeepAFile() {
    let missing = directory.file("missing/journal.db")
    #expect(refusal(missing)?.kind == .unusableDirectory)
    #expect(refusal(missing)?.description.contains("missing") == true)

    overwrite(directory.file("file"), [1])
    #expect(refusal(directory.file("file/journal.db"))?.kind == .unusableDirectory)

    let open = directory.file("open")
    mkdir(open, 0o777)
    chmod(open, 0o777)
    #expect(refusal(open + "/journal.db")?.kind == .unusableDirectory)
    chmod(open, 0o1777)
    #expect(refusal(open + "/journal.db") == nil)
    #expect(refusal("")?.kind == .cannotOpen)
    #expect(refusal(directory.path + "/")?.kind == .cannotOpen)
  }

  @Test(.enabled(if: MountedDisk.isPossible, "needs root and the right to mount"))
  func refusesAReadOnlyDisk() throws {
    let disk = try #require(MountedDisk(options: "size=1m"))
    try #require(disk.makeReadOnly())
    let error = refusal(disk.path + "/journal.db")
    #expect(error?.kind == .unusableDirectory)
    #expect(error?.detail.contains("Read-only file system") == true, "\(String(describing: error))")
  }

  @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
  func refusesAReadOnlyDirectory() {
    chmod(directory.path, 0o500)
    #expect(refusal(path)?.kind == .unusableDirectory)
    chmod(directory.path, 0o700)
  }

  @Test func refusesWhatIsNoFile() {
    mkdir(path, 0o700)
    #expect(refusal(path)?.kind == .notAStore)
    let link = directory.file("link.db")
    symlink("/etc/passwd", link)
    #expect(refusal(link)?.kind == .notAStore)
  }

  @Test func leavesOtherPeoplesFilesAlone() throws {
    let text = Array("root:x:0:0\n".utf8)
    overwrite(path, text)
    #expect(refusal(path)?.kind == .notAStore)
    #expect(contents(path) == text)

    let foreign = directory.file("foreign.db")
    overwrite(foreign, [])
    try withDatabase(foreign) { try $0.execute("CREATE TABLE theirs (x)") }
    #expect(refusal(foreign)?.kind == .notAStore)
    let marked = directory.file("marked.db")
    overwrite(marked, [])
    try withDatabase(marked) { try $0.execute("PRAGMA application_id = 77") }
    #expect(refusal(marked)?.kind == .notAStore)
    #expect(!exists(path + ".corrupt-1") && !exists(foreign + ".corrupt-1"))
  }

  @Test func refusesANewerSchema() async throws {
    try await makeJournal()
    try withDatabase(path) { try $0.execute("PRAGMA user_version = 2") }
    let before = contents(path)
    let error = refusal(path)
    #expect(error?.kind == .newerSchema)
    #expect(error?.detail.contains("schema 2") == true)
    #expect(contents(path) == before)
  }

  /// Ruins the file in a few ways, of which opening must notice each.
  @Test(arguments: ["header", "first page", "everything", "truncated", "tables"])
  func quarantinesACorruptFile(what: String) async throws {
    try await makeJournal()
    let garbage = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    switch what {
    case "header": overwrite(path, Array(garbage[..<44]), at: 16)
    case "first page": overwrite(path, [UInt8](repeating: 0, count: 4096))
    case "everything": overwrite(path, Array(garbage[..<(9 * 4096)]))
    case "truncated": #expect(truncate(path, 4096) == 0)
    default: try withDatabase(path) { try $0.execute("DROP TABLE messages") }
    }
    let ruined = contents(path)

    let harness = try JournalHarness(path)
    let notices = harness.journal.drainNotices()
    guard notices.count == 1, case .quarantined(path + ".corrupt-1", let reason) = notices[0] else {
      Issue.record("notices: \(notices)")
      return
    }
    #expect(!reason.isEmpty)
    #expect(contents(path + ".corrupt-1") == ruined)
    #expect(await harness.write(1...1) == .committed)
    #expect(mode(path) == 0o600)
    harness.journal.close()

    overwrite(path, [UInt8](repeating: 0, count: 4096))
    _ = try JournalHarness(path)
    #expect(exists(path + ".corrupt-2"))
  }

  @Test func setsALogWithoutItsFileAside() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...10) == .committed)
    // As after a crash, with the main file moved elsewhere since.
    let crashed = directory.file("crashed.db")
    run("cp", path + "-wal", crashed + "-wal")
    let other = try JournalHarness(crashed)
    #expect(
      other.journal.drainNotices() == [
        .logSetAside(path: crashed + ".corrupt-1-wal"), .created,
      ])
    #expect(await other.write(1...1) == .committed)
    #expect(contents(crashed + ".corrupt-1-wal") == contents(path + "-wal"))
  }

  @Test func takesNamesThatSQLiteWouldUnderstandDifferently() throws {
    #expect(try StoreFile(path: ":memory:").path == "./:memory:")
    #expect(try StoreFile(path: "file:x?mode=memory").path == "./file:x?mode=memory")
    #expect(try StoreFile(path: "/journal.db").directory == "/")
    #expect(try StoreFile(path: "a/b").directory == "./a")
  }
}
