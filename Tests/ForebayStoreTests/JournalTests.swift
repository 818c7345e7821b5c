import ForebayWire
import Glibc
import Testing

@testable import ForebayStore

@Suite struct JournalTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("journal.db") }

  @Test func keepsEveryMessageInOrder() async throws {
    let harness = try JournalHarness(path)
    var next: UInt64 = 1
    let total: UInt64 = 100_000
    while next <= total {
      while next <= total, let batch = harness.journal.takeBatch() {
        harness.fill(batch, next...(next + 99), bytes: 128)
        harness.journal.submit(batch)
        next += 100
      }
      await expectEventually("a completion") {
        let before = harness.results.count
        harness.drain()
        return harness.results.count > before
      }
    }
    await harness.expectResults(Int(total) / 100)
    #expect(harness.results.allSatisfy { $0 == .committed })
    #expect(harness.order == Array(stride(from: 100, through: total, by: 100)))
    #expect(harness.journal.status.messages == total)
    harness.journal.close()

    try withDatabase(path) { database in
      #expect(try database.text("PRAGMA integrity_check") == "ok")
      let rows = try database.prepare(
        "SELECT id, sequence, lane, tag, extensions, payload, received_at_ms FROM messages ORDER BY id"
      )
      var expected: UInt64 = 1
      while try rows.step() {
        let isRight =
          rows.integer(0) == Int64(expected) && rows.integer(1) == Int64(expected)
          && rows.integer(2) == 0 && rows.isNull(4) && rows.integer(6) == 1_764_000_000_000
          && Array(rows.bytes(3)) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
          && Array(rows.bytes(5)) == payload(expected, bytes: 128)
        guard isRight else {
          Issue.record("row \(rows.integer(0)) is not message \(expected)")
          return
        }
        expected += 1
      }
      #expect(expected == total + 1)
    }
  }

  @Test func keepsWhatIsUnusualInAMessage() async throws {
    let harness = try JournalHarness(path)
    let batch = try #require(harness.journal.takeBatch())
    var extensions: [UInt8] = []
    appendExtension(.key, Array("k".utf8), to: &extensions)
    let high = UInt64.max - 7
    let all: [(UInt64, UInt8, [UInt8], [UInt8])] = [
      (high, 7, extensions, [0, 255, 10, 0]), (1, 0, [], []), (2, 3, extensions, []),
    ]
    for (sequence, lane, extensions, payload) in all {
      let run = frames(from: sequence, [payload], lane: lane, extensions: extensions)
      run.withUnsafeBytes {
        #expect(
          batch.append(
            $0, messageCount: 1, firstSequence: sequence, tag: ID128(high: .max, low: 3),
            receivedAtMilliseconds: Int64(lane)))
      }
    }
    harness.journal.submit(batch)
    await harness.expectResults(1)
    try withDatabase(path) { database in
      let rows = try database.prepare("SELECT * FROM messages ORDER BY id")
      for (sequence, lane, extensions, payload) in all {
        #expect(try rows.step())
        #expect(UInt64(bitPattern: rows.integer(3)) == sequence)
        #expect(rows.integer(4) == Int64(lane) && rows.integer(1) == Int64(lane))
        #expect(rows.isNull(5) == extensions.isEmpty && Array(rows.bytes(5)) == extensions)
        #expect(!rows.isNull(6) && Array(rows.bytes(6)) == payload)
      }
    }
  }

  @Test func commitsWhatWaitsInOneTransaction() async throws {
    let harness = try JournalHarness(path)
    try withDatabase(path) { database in
      try database.execute("BEGIN IMMEDIATE")
      // The thread takes the first batch and waits for the lock; the others queue up behind.
      harness.submit(1...1)
      for next in 2...16 { harness.submit(UInt64(next)...UInt64(next)) }
      #expect(harness.journal.takeBatch() == nil, "all sixteen batches are on their way")
      try database.execute("COMMIT")
    }
    await harness.expectResults(16)
    #expect(harness.order == Array(1...16))
    #expect(harness.journal.status.commits <= 3)
    #expect(harness.journal.status.batches == 16)
    #expect(harness.journal.status.batchesWaiting == 0)
    #expect(harness.journal.takeBatch() != nil)
  }

  @Test func reusesItsBatches() async throws {
    var options = JournalOptions()
    options.batchesMax = 2
    let harness = try JournalHarness(path, options)
    var seen: [ObjectIdentifier] = []
    for round in 1...20 {
      let batch = harness.take(UInt64(round)...UInt64(round))
      if !seen.contains(ObjectIdentifier(batch)) { seen.append(ObjectIdentifier(batch)) }
      harness.journal.submit(batch)
      await harness.expectResults(round)
    }
    #expect(seen.count <= 2)
    let discarded = try #require(harness.journal.takeBatch())
    harness.fill(discarded, 1...1)
    harness.journal.discard(discarded)
    #expect(discarded.isEmpty)
  }

  @Test func closeWritesWhatWasSubmitted() async throws {
    let harness = try JournalHarness(path)
    for next in 1...10 { harness.submit(UInt64(next)...UInt64(next)) }
    harness.journal.close()
    harness.drain()
    #expect(harness.order == Array(1...10))
    #expect(harness.results.allSatisfy { $0 == .committed })
    #expect(!exists(path + "-wal"), "the log is emptied into the file")

    harness.submit(11...11)
    harness.drain()
    #expect(harness.results.last?.failure?.kind == .closed)
    #expect(harness.wakeCount > 0)
  }

  @Test func goesOnWhereItStopped() async throws {
    for round in 0..<3 {
      let harness = try JournalHarness(path)
      #expect(harness.journal.drainNotices() == (round == 0 ? [.created] : []))
      #expect(await harness.write(UInt64(round * 10 + 1)...UInt64(round * 10 + 10)) == .committed)
      harness.journal.close()
    }
    #expect(try integer(in: path, "SELECT count(*) FROM messages WHERE id = sequence") == 30)
  }

  @Test func neverUsesAnIDTwice() async throws {
    for round in 0..<3 {
      let harness = try JournalHarness(path)
      #expect(await harness.write(1...10) == .committed)
      harness.journal.close()
      try withDatabase(path) { database in
        #expect(try database.integer("SELECT max(id) FROM messages") == Int64(round * 10 + 10))
        switch round {
        case 0: try database.execute("DELETE FROM messages")
        case 1:
          for id in (11...20).reversed() {
            try database.execute("DELETE FROM messages WHERE id = \(id)")
          }
        default: break
        }
      }
    }
  }

  @Test func letsOnlyOneWriterIn() throws {
    let harness = try JournalHarness(path)
    #expect(throws: StoreError.self) { try JournalHarness(path) }
    do { _ = try JournalHarness(path) } catch {
      #expect(error.kind == .inUse)
      #expect(error.detail.contains("process \(getpid())"), "\(error)")
    }
    harness.journal.close()
    _ = try JournalHarness(path)
  }
}
