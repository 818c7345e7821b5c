import ForebayWire
import Testing

@testable import ForebayCore

/// The log against a dictionary of single messages.
@Suite struct OutcomeLogTests {
  @Test func agreesWithOneEntryAMessage() {
    for seed in 1...80 as ClosedRange<UInt64> { run(seed) }
  }

  private func run(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var log = OutcomeLog()
    var model: [UInt64: Outcome] = [:]
    var unsettled: [UInt64] = []
    var next: UInt64 = 1
    for _ in 0..<400 {
      switch random.next() % 4 {
      case 0:
        let count = random.next() % 10 + 1
        unsettled += (next..<(next + count))
        next += count + random.next() % 2
      case 1, 2:
        guard !unsettled.isEmpty else { continue }
        let start = Int(random.next() % UInt64(unsettled.count))
        var end = start + 1
        while end < unsettled.count, unsettled[end] == unsettled[end - 1] + 1, end - start < 5 {
          end += 1
        }
        let outcome = random.next() % 3 == 0 ? Outcome.rejected : .delivered
        log.record(
          ReceiptRange(
            first: unsettled[start], count: UInt32(end - start), outcome: outcome))
        for sequence in unsettled[start..<end] where sequence >= log.floor {
          model[sequence] = outcome
        }
        unsettled.removeSubrange(start..<end)
      default:
        let floor = random.next() % next + 1
        log.forget(below: floor)
        let real = log.floor
        model = model.filter { $0.key >= real }
      }
      #expect(log.messages == UInt64(model.count), "seed \(seed)")
    }
    for sequence in 1..<next {
      #expect(log.range(holding: sequence)?.outcome == model[sequence], "seed \(seed)")
    }
    expectNormal(log, seed)
  }

  /// Ascending, apart or of different verdicts, and at or above the floor.
  private func expectNormal(_ log: OutcomeLog, _ seed: UInt64) {
    var last: ReceiptRange?
    for range in log.all {
      #expect(range.first >= log.floor, "seed \(seed)")
      if let last {
        #expect(last.end <= range.first, "seed \(seed)")
        #expect(last.end < range.first || !last.hasSameVerdict(as: range), "seed \(seed)")
      }
      last = range
    }
  }

  @Test func aFloorNeverGoesBack() {
    var log = OutcomeLog()
    log.record(ReceiptRange(first: 1, count: 10, outcome: .delivered))
    log.forget(below: 6)
    log.forget(below: 3)
    #expect(log.floor == 6)
    #expect(log.messages == 5)
    #expect(log.range(holding: 5) == nil)
  }
}
