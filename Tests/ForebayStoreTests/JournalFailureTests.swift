import ForebayWire
import Glibc
import Testing

@testable import ForebayStore

/// What goes wrong while the journal is in use, and that nothing is lost or overtaken by it.
@Suite struct JournalFailureTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("journal.db") }

  /// A journal whose file may have 40 pages.
  private func smallOptions() -> JournalOptions {
    var options = JournalOptions()
    options.bytesMax = 40 * JournalConnection.pageBytes
    return options
  }

  /// Writes 4 KiB messages until one is refused; how many went in.
  private func fill(_ harness: JournalHarness) async -> UInt64 {
    for next in 1...1000 as ClosedRange<UInt64> {
      switch await harness.write(next...next, bytes: 4000) {
      case .committed: continue
      case .failed(let error):
        #expect(error.kind == .full, "\(error)")
        return next - 1
      }
    }
    Issue.record("the journal never became full")
    return 0
  }

  @Test func saysFullAndGoesOnWhenRowsAreDeleted() async throws {
    let harness = try JournalHarness(path, smallOptions())
    let written = await fill(harness)
    #expect(written > 10)
    #expect(harness.journal.status.failure?.kind == .full)
    #expect(await harness.write(1000...1000, bytes: 4000).failure?.kind == .full)
    try withDatabase(path) { try $0.execute("DELETE FROM messages WHERE id <= 10") }
    #expect(await harness.write((written + 1)...(written + 5), bytes: 4000) == .committed)
    #expect(harness.journal.status.failure == nil)
    #expect(harness.journal.drainNotices() == [.created], "a full file is not opened anew")
    #expect(
      try integer(in: path, "SELECT count(*) FROM messages WHERE sequence = id")
        == Int64(written) - 5)
  }

  @Test func failsEverythingBehindAFailure() async throws {
    let harness = try JournalHarness(path, smallOptions())
    let written = await fill(harness)
    let before = harness.results.count
    let blocker = try SQLiteDatabase(path: path, access: .readWrite)
    try blocker.execute("BEGIN IMMEDIATE")
    // Too large: this one fails. The second and third would fit, but must not overtake it.
    harness.submit(2001...2040, bytes: 4000)
    harness.submit(2041...2041, bytes: 1)
    harness.submit(2042...2042, bytes: 1)
    let takenBefore = harness.take(2043...2043, bytes: 1)
    try blocker.execute("DELETE FROM messages WHERE id <= 5")
    try blocker.execute("COMMIT")
    await expectEventually("the failure") { harness.journal.status.failure != nil }
    // The loop doesn't know of the failure yet, so what it submits would overtake too.
    harness.submit(2044...2044, bytes: 1)
    await harness.expectResults(before + 4)
    // Taken before the failure was known.
    harness.journal.submit(takenBefore)
    await harness.expectResults(before + 5)
    #expect(harness.results[before...].allSatisfy { $0.failure?.kind == .full })
    #expect(harness.order[before...] == [2040, 2041, 2042, 2044, 2043])
    // Now it knows.
    #expect(await harness.write(2041...2042, bytes: 1) == .committed)
    #expect(
      try integer(in: path, "SELECT max(id) FROM messages WHERE sequence > 2000")
        == Int64(written) + 2)
    #expect(try integer(in: path, "SELECT count(*) FROM messages WHERE sequence > 2000") == 2)
  }

  @Test(.enabled(if: MountedDisk.isPossible, "needs root and the right to mount"))
  func survivesAFullDisk() async throws {
    let disk = try #require(MountedDisk(options: "size=1m"))
    let path = disk.path + "/journal.db"
    let ballast = disk.path + "/ballast"
    overwrite(ballast, [UInt8](repeating: 1, count: 300_000))
    let harness = try JournalHarness(path)
    let written = await fill(harness)
    #expect(written > 10)
    #expect(await harness.write(1000...1000, bytes: 4000).failure?.kind == .full)
    unlink(ballast)
    // A program that another test starts just now holds our files for a moment more, between its fork
    // and its exec; until then what we removed takes its space.
    await expectEventually("the ballast's space") { disk.bytesFree >= 280_000 }
    #expect(await harness.write((written + 1)...(written + 5), bytes: 4000) == .committed)
    harness.journal.close()
    await expectEventually("the log's space") { disk.bytesFree >= 600_000 }
    #expect(try integer(in: path, "SELECT count(*) FROM messages") == Int64(written) + 5)
    #expect(try integer(in: path, "SELECT max(sequence) FROM messages") == Int64(written) + 5)
  }

  @Test func beginsANewFileWhenTheOldOneIsMovedAway() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...10) == .committed)
    let aside = directory.file("aside.db")
    #expect(rename(path, aside) == 0)
    #expect(await harness.write(11...20).failure?.kind == .moved)
    #expect(!exists(path + "-wal") && !exists(path + "-shm"), "the next file must not find these")
    #expect(await harness.write(11...20) == .committed)
    #expect(harness.journal.drainNotices() == [.created, .created, .reopened])
    #expect(try integer(in: path, "SELECT count(*) FROM messages WHERE sequence > 10") == 10)
    // Whatever the log held went into the file that it belongs to.
    #expect(try integer(in: aside, "SELECT count(*) FROM messages WHERE sequence <= 10") == 10)
  }

  @Test func failsWhileTheDirectoryIsGoneAndThenGoesOn() async throws {
    let home = directory.file("home")
    #expect(mkdir(home, 0o700) == 0)
    let path = home + "/journal.db"
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...1) == .committed)
    #expect(rename(home, home + ".gone") == 0)
    #expect(await harness.write(2...2).failure?.kind == .moved)
    #expect(await harness.write(2...2).failure?.kind == .unusableDirectory)
    #expect(rename(home + ".gone", home) == 0)
    #expect(await harness.write(2...2) == .committed)
    #expect(try JournalReader(path: path).statistics().duplicates == 0)
  }

  @Test func writesNothingOfAGroupThatFailsHalfway() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...10) == .committed)
    // Somebody else takes an id in the middle of the next batch.
    try withDatabase(path) {
      try $0.execute("INSERT INTO messages VALUES (15, 0, x'00', 999, 0, NULL, x'00')")
    }
    #expect(await harness.write(11...20).failure?.kind == .other)
    #expect(try integer(in: path, "SELECT count(*) FROM messages") == 11)
    #expect(await harness.write(11...20) == .committed)
    #expect(try integer(in: path, "SELECT count(*) FROM messages") == 21)
    #expect(try integer(in: path, "SELECT min(id) FROM messages WHERE sequence = 11") == 16)
  }

  @Test func quarantinesAFileThatAWriteFindsCorrupt() async throws {
    let harness = try JournalHarness(path)
    #expect(await harness.write(1...10) == .committed)
    try withDatabase(path) { database in
      try database.execute(
        """
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'messages';
        PRAGMA schema_version = 77;
        """)
    }
    #expect(await harness.write(11...20).failure?.kind == .corrupt)
    #expect(await harness.write(11...20) == .committed)
    #expect(
      harness.journal.drainNotices() == [
        .created,
        .quarantined(path: path + ".corrupt-1", reason: "a write found the file corrupt"),
        .reopened,
      ])
    #expect(exists(path + ".corrupt-1"))
    #expect(try integer(in: path, "SELECT count(*) FROM messages WHERE sequence > 10") == 10)
  }

  @Test func stopsBeforeTheLogGrowsWithoutBound() async throws {
    var options = JournalOptions()
    options.logBytesMax = 64 * JournalConnection.pageBytes
    options.busyMilliseconds = 10
    options.checkpointPages = 8
    let harness = try JournalHarness(path, options)
    #expect(await harness.write(1...1) == .committed)
    let reader = try SQLiteDatabase(path: path, access: .readOnly)
    try reader.execute("BEGIN; SELECT count(*) FROM messages")
    var next: UInt64 = 2
    while next < 1000, await harness.write(next...next, bytes: 4000) == .committed { next += 1 }
    #expect((20..<100).contains(next), "stopped at \(next)")
    #expect(harness.results.last?.failure?.kind == .full)
    #expect(harness.journal.status.logBytes < 2 * options.logBytesMax)
    try reader.execute("COMMIT")
    #expect(await harness.write(next...next) == .committed)
    #expect(try integer(in: path, "SELECT count(*) FROM messages") == Int64(next))
  }

  @Test func emptiesTheLogInAQuietMoment() async throws {
    var options = JournalOptions()
    options.quietMilliseconds = 5
    let harness = try JournalHarness(path, options)
    #expect(await harness.write(1...10) == .committed)
    await expectEventually("an empty log") { harness.journal.status.logBytes == 0 }
    let checkpoints = harness.journal.status.checkpoints
    #expect(checkpoints == 1)
    #expect(await harness.write(11...20) == .committed)
    await expectEventually("an empty log") { harness.journal.status.checkpoints > checkpoints }
  }

  @Test(arguments: 1...5)
  func losesNothingReportedWhenKilled(round: Int) throws {
    let driver = try driverPath()
    let child = try #require(Child([driver, "write", path]))
    // At another moment each time, in the middle of writing.
    while child.text.count < round * 700, child.readSome() {}
    kill(child.process, SIGKILL)
    #expect(child.waitForExit() == -SIGKILL)
    let lines = String(decoding: child.text, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    ).dropLast()
    let words = try #require(lines.last).split(separator: " ")
    let reported = try #require(Int64(words[1]))
    #expect(reported > 0)
    #expect(
      try integer(
        in: path, "SELECT count(DISTINCT sequence) FROM messages WHERE sequence <= \(reported)")
        == reported)
    #expect(try withDatabase(path) { try $0.text("PRAGMA integrity_check") } == "ok")
    // And in order, whatever came after the last report.
    #expect(try integer(in: path, "SELECT count(*) FROM messages WHERE id <> sequence") == 0)
    let harness = try JournalHarness(path)
    #expect(harness.journal.drainNotices() == [])
  }
}

/// The program that SwiftPM built beside this one.
private func driverPath() throws -> String {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
  let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let path = own[..<own.lastIndex(of: "/")!] + "/JournalDriver"
  try #require(exists(String(path)), "\(path) is missing")
  return String(path)
}
