import ForebayClient
import ForebayWire
import Testing

@testable import ForebayClient

@Suite struct FrameLogTests {
  private func fill(_ log: inout FrameLog, _ count: Int, bytes: Int = 100) {
    let payload = [UInt8](repeating: 7, count: bytes)
    payload.withUnsafeBytes { payload in
      for _ in 0..<count {
        _ = log.append(
          ttlMilliseconds: 0, lane: 0, level: .default,
          extensions: UnsafeRawBufferPointer(start: nil, count: 0), payload: payload)
      }
    }
  }

  private func settle(_ log: inout FrameLog, _ first: UInt64, _ end: UInt64) -> Int {
    var count = 0
    while let run = log.settleRun(from: first, to: end, sentEnd: 1) { count += run.count }
    return count
  }

  @Test func theFloorIsTheFirstUnsettledMessage() {
    var log = FrameLog()
    #expect(log.floor == 1)
    fill(&log, 1_000)
    #expect(settle(&log, 2, 1_001) == 999)
    #expect(log.floor == 1)
    #expect(log.count == 1)
    #expect(log.bytes == 124)
    #expect(settle(&log, 1, 2) == 1)
    #expect(log.floor == 1_001)
    #expect(log.bytes == 0)
  }

  @Test func settlingTwiceSettlesNothing() {
    var log = FrameLog()
    fill(&log, 300)
    #expect(settle(&log, 100, 300) == 200)
    #expect(settle(&log, 50, 301) == 51)
  }

  @Test func aSparseBlockShrinksToItsSurvivors() {
    var log = FrameLog()
    fill(&log, 600)
    _ = settle(&log, 2, 250)
    guard let piece = log.piece(from: 1, to: 2) else {
      Issue.record("message 1 is gone")
      return
    }
    #expect(piece.block.capacity == piece.block.liveBytes)
    #expect(piece.block.frameBytes(0) == 124)
    #expect(piece.block.frame(0)[123] == 7)
    let last = piece.block.frame(Int(255 - piece.block.firstSequence))
    #expect(DataFrameView(last.baseAddress!).header.sequence == 255)
  }

  @Test func aLargeFrameHasABlockOfItsOwnSize() {
    var log = FrameLog()
    fill(&log, 1)
    fill(&log, 1, bytes: 200_000)
    fill(&log, 1)
    #expect(log.piece(from: 2, to: 3)?.block.capacity == 200_024)
    #expect(log.piece(from: 3, to: 4)?.block.firstSequence == 3)
  }
}

@Suite struct ForeknownRangesTests {
  private func range(_ first: UInt64, _ count: UInt32, _ outcome: Outcome = .delivered)
    -> ReceiptRange
  {
    ReceiptRange(first: first, count: count, outcome: outcome)
  }

  @Test func whatIsSaidFirstStays() {
    var ranges = ForeknownRanges()
    ranges.insert(range(5, 5))
    ranges.insert(range(1, 20, .rejected))
    ranges.insert(range(30, 2))
    #expect(
      (1...32).map { ranges.take(UInt64($0))?.outcome }
        == (1...32).map {
          switch $0 {
          case 5...9, 30...31: return Outcome.delivered
          case 1...20: return .rejected
          default: return nil
          }
        })
  }

  @Test func neighboursAreJoined() {
    var ranges = ForeknownRanges()
    for first in 1...1_000 { ranges.insert(range(UInt64(first), 1)) }
    #expect(ranges.count == 1)
  }

  @Test func whatIsPassedIsForgotten() {
    var ranges = ForeknownRanges()
    ranges.insert(range(1, 3))
    #expect(ranges.take(2)?.first == 2)
    #expect(ranges.take(4) == nil)
    #expect(ranges.count == 0)
  }
}

@Suite struct ConnectBackoffTests {
  private let milliseconds: UInt64 = 1_000_000

  @Test func theBoundDoublesFrom50MillisecondsTo5Seconds() {
    for seed in 1...50 {
      var backoff = ConnectBackoff(seed: UInt64(seed))
      var bound = 50 * milliseconds
      for _ in 0..<12 {
        #expect(backoff.failed(now: 0) < bound)
        bound = min(bound * 2, 5_000 * milliseconds)
      }
    }
  }

  @Test func onlyAHealthyConnectionResetsIt() {
    func longestWait(livedMilliseconds: UInt64) -> UInt64 {
      (1...100 as ClosedRange<UInt64>).map { seed in
        var backoff = ConnectBackoff(seed: seed)
        for _ in 0..<10 { _ = backoff.failed(now: 0) }
        backoff.connected(now: 0)
        let now = livedMilliseconds * milliseconds
        return backoff.failed(now: now) - now
      }.max() ?? 0
    }
    #expect(longestWait(livedMilliseconds: 9_999) > 4_000 * milliseconds)
    #expect(longestWait(livedMilliseconds: 10_000) < 50 * milliseconds)
  }

  @Test func theDaemonsHintIsTheLeast() {
    var backoff = ConnectBackoff(seed: 1)
    #expect(backoff.failed(now: 0, atLeast: 700 * milliseconds) >= 700 * milliseconds)
  }
}

@Suite struct SessionIDTests {
  @Test func readsWhatItPrints() {
    let id = SessionID()
    #expect(SessionID(id.description) == id)
    #expect(SessionID("00000000-0000-0000-0000-00000000000f")?.description.hasSuffix("0f") == true)
  }

  @Test func refusesWhatIsNoID() {
    for text in [
      "", "12", String(repeating: "0", count: 32), String(repeating: "g", count: 32),
      "+" + String(repeating: "1", count: 31),
    ] {
      #expect(SessionID(text) == nil)
    }
  }
}
