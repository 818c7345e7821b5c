import ForebayWire
import Glibc
import Synchronization
import Testing

@testable import ForebayStore

@Suite struct JournalReaderTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("journal.db") }

  private func readerError(_ path: String) -> StoreError? {
    do {
      _ = try JournalReader(path: path)
      return nil
    } catch { return error }
  }

  @Test func readsWhileTheDaemonWrites() async throws {
    let harness = try JournalHarness(path)
    let reader = try JournalReader(path: path)
    var next: Int64 = 1
    var read: UInt64 = 0
    for round in 0..<200 as Range<UInt64> {
      harness.submit((round * 50 + 1)...(round * 50 + 50))
      await harness.expectResults(Int(round) + 1)
      for record in try reader.records(from: next, limit: .max) {
        read += 1
        #expect(record.sequence == read && record.payload == payload(read, bytes: 32))
        next = record.id + 1
      }
      #expect(read == (round + 1) * 50, "what is reported committed can be read")
    }
    #expect(harness.results.allSatisfy { $0 == .committed })
  }

  @Test func pagesEndEarlyWhereMessagesAreLarge() async throws {
    let harness = try JournalHarness(path)
    for next in 1...50 as ClosedRange<UInt64> {
      #expect(await harness.write(next...next, bytes: 250_000) == .committed)
    }
    let reader = try JournalReader(path: path)
    let page = try reader.records(from: 1, limit: .max)
    #expect(page.count == 17)
    #expect(try reader.records(from: 18, limit: .max).first?.sequence == 18)
    #expect(try reader.records(from: 18, limit: 2).count == 2)
    #expect(try reader.records(from: 51, limit: 2).isEmpty)
  }

  @Test func findsTheLastOnes() async throws {
    let harness = try JournalHarness(path)
    let reader = try JournalReader(path: path)
    #expect(try reader.firstID(ofLast: 10) == 1)
    #expect(try reader.firstID(ofLast: 0) == 1)
    #expect(await harness.write(1...100) == .committed)
    #expect(try reader.firstID(ofLast: 10) == 91)
    #expect(try reader.firstID(ofLast: 1000) == 1)
    #expect(try reader.firstID(ofLast: 0) == 101)
    try withDatabase(path) { try $0.execute("DELETE FROM messages") }
    #expect(try reader.firstID(ofLast: 0) == 101)
  }

  @Test func countsWhatIsThere() async throws {
    let harness = try JournalHarness(path)
    #expect(
      try JournalReader(path: path).statistics()
        == JournalStatistics(
          schema: 1, fileBytes: try #require(size(path)),
          logBytes: try #require(size(path + "-wal"))))
    #expect(await harness.write(1...10, tag: 1, bytes: 100) == .committed)
    #expect(await harness.write(1...10, tag: 2, bytes: 100) == .committed)
    #expect(await harness.write(6...15, tag: 1, bytes: 100) == .committed)
    let statistics = try JournalReader(path: path).statistics()
    #expect(statistics.messages == 30 && statistics.origins == 2 && statistics.duplicates == 5)
    #expect(statistics.firstID == 1 && statistics.lastID == 30)
    #expect(statistics.payloadBytes == 3000 && statistics.extensionBytes == 0)
    #expect(statistics.lastReceivedAtMilliseconds == 1_764_000_000_000)
  }

  @Test func saysWhatCannotBeRead() async throws {
    #expect(readerError(path)?.kind == .cannotOpen)
    #expect(!exists(path))
    overwrite(path, [])
    #expect(readerError(path)?.kind == .notAStore)
    overwrite(path, [UInt8](repeating: 7, count: 8192))
    #expect(readerError(path)?.kind == .corrupt)
    let journal = directory.file("other.db")
    _ = try JournalHarness(journal)
    try withDatabase(journal) { try $0.execute("PRAGMA user_version = 9") }
    #expect(readerError(journal)?.kind == .newerSchema)
  }

  private func size(_ path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
  }
}

@Suite struct SequenceSetTests {
  @Test func joinsWhatTouches() {
    var set = SequenceSet()
    #expect([5, 7, 6, 1, 2, 9].map { set.insert($0) }.allSatisfy { $0 })
    #expect(set.ranges == [1...2, 5...7, 9...9])
    #expect([1, 2, 5, 6, 7, 9].map { set.insert($0) }.allSatisfy { !$0 })
    #expect(set.insert(8) && set.insert(0) && set.insert(.max))
    #expect(set.ranges == [0...2, 5...9, UInt64.max...UInt64.max])
  }

  @Test func agreesWithASetOfNumbers() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededNumbers(state: seed)
    var set = SequenceSet()
    var model: Set<UInt64> = []
    for _ in 0..<5000 {
      let number = random.next() % 700
      #expect(set.insert(number) == model.insert(number).inserted, "seed \(seed)")
    }
    #expect(set.ranges.flatMap { Array($0) } == model.sorted(), "seed \(seed)")
    for (a, b) in zip(set.ranges, set.ranges.dropFirst()) {
      #expect(a.upperBound + 1 < b.lowerBound, "seed \(seed)")
    }
  }
}

/// A linear congruential generator: all that shuffling needs.
private struct SeededNumbers {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}
