import ForebayCore
import ForebayWire
import Testing

@testable import ForebayUpstreams

@Suite struct AMQPConfirmsTests {
  private typealias Finding = AMQPConfirms.Finding

  /// Calls of so many messages are out, numbered from 0.
  private func ledger(_ calls: [Int]) -> Ledger {
    let ledger = Ledger()
    for (call, messages) in calls.enumerated() { ledger.publish(UInt32(call), messages) }
    return ledger
  }

  /// By reference, as `#expect` wants it.
  private final class Ledger {
    private var confirms = AMQPConfirms()

    var nextTag: UInt64 { confirms.nextTag }
    var isEmpty: Bool { confirms.isEmpty }
    var callsKept: Int { confirms.callsKept }

    func publish(_ call: UInt32, _ messages: Int) {
      publish(call, sizes: Array(repeating: 10, count: messages))
    }

    /// Nil: it can't be published.
    func publish(_ call: UInt32, sizes: [Int?]) {
      confirms.began(call, messages: sizes.count)
      confirms.noteOrigin(ID128(high: 1, low: UInt64(call)), 100, 0, sizes.count)
      for (index, bytes) in sizes.enumerated() {
        if let bytes {
          confirms.published(bytes: bytes)
        } else {
          confirms.unpublished(index, AMQPComplaint.keyTooLong)
        }
      }
      confirms.ended()
    }

    func confirmed(_ tag: UInt64, isMultiple: Bool, isTaken: Bool) -> Bool {
      confirms.confirmed(tag, isMultiple: isMultiple, isTaken: isTaken)
    }

    func returned(_ origin: ID128, _ sequence: UInt64) -> Bool {
      confirms.returned(origin, sequence)
    }

    func tooLarge(bytes: Int) -> Bool { confirms.tooLarge(bytes: bytes) }

    func take() -> [Finding] {
      confirms.tellTaken()
      let findings = confirms.findings
      confirms.forgetFindings()
      return findings
    }
  }

  @Test func oneConfirmOfManySettlesCallsThatItCovers() {
    let confirms = ledger([2, 3, 4])
    #expect(confirms.confirmed(6, isMultiple: true, isTaken: true))
    #expect(
      confirms.take() == [
        .done(call: 0, refused: 0), .done(call: 1, refused: 0), .taken(call: 2, 0..<1),
      ])
    #expect(confirms.confirmed(0, isMultiple: true, isTaken: true))
    #expect(confirms.take() == [.done(call: 2, refused: 0)])
    #expect(confirms.isEmpty)
  }

  @Test func singleOnesComeInAnyOrder() {
    let confirms = ledger([3, 2])
    for tag in [5, 2, 1] as [UInt64] {
      #expect(confirms.confirmed(tag, isMultiple: false, isTaken: true))
    }
    #expect(
      confirms.take() == [
        .taken(call: 1, 1..<2), .taken(call: 0, 1..<2), .taken(call: 0, 0..<1),
      ])
    #expect(confirms.confirmed(4, isMultiple: true, isTaken: true))
    #expect(confirms.take() == [.done(call: 0, refused: 0), .done(call: 1, refused: 0)])
  }

  @Test func whatIsRefusedIsToldAtTheEnd() {
    let confirms = ledger([4])
    #expect(confirms.confirmed(2, isMultiple: false, isTaken: false))
    #expect(confirms.take() == [])
    #expect(confirms.confirmed(4, isMultiple: true, isTaken: true))
    #expect(
      confirms.take() == [
        .taken(call: 0, 0..<1), .taken(call: 0, 2..<4), .done(call: 0, refused: 1),
      ])
  }

  @Test func aMessageThatCameBackIsRejectedWhenItIsConfirmed() {
    let confirms = ledger([3])
    #expect(confirms.returned(ID128(high: 1, low: 0), 101))
    #expect(confirms.take() == [])
    #expect(confirms.confirmed(3, isMultiple: true, isTaken: true))
    #expect(
      confirms.take() == [
        .rejected(call: 0, 1, AMQPComplaint.unroutable), .taken(call: 0, 0..<1),
        .done(call: 0, refused: 0),
      ])
  }

  @Test func nobodysMessageDoesNotComeBack() {
    let confirms = ledger([3])
    #expect(!confirms.returned(ID128(high: 1, low: 1), 101))
    #expect(!confirms.returned(ID128(high: 1, low: 0), 99))
    #expect(!confirms.returned(ID128(high: 1, low: 0), 103))
    #expect(confirms.confirmed(2, isMultiple: false, isTaken: true))
    #expect(!confirms.returned(ID128(high: 1, low: 0), 101), "it is confirmed already")
  }

  @Test func aConfirmOfNothingIsRefused() {
    let confirms = ledger([2])
    #expect(!confirms.confirmed(0, isMultiple: false, isTaken: true))
    #expect(!confirms.confirmed(3, isMultiple: false, isTaken: true))
    #expect(!confirms.confirmed(3, isMultiple: true, isTaken: true))
    #expect(!confirms.confirmed(.max, isMultiple: true, isTaken: false))
    #expect(confirms.confirmed(1, isMultiple: false, isTaken: true))
    #expect(!confirms.confirmed(1, isMultiple: false, isTaken: true), "twice")
  }

  @Test func whatCanNotBePublishedHasNoTag() {
    let confirms = Ledger()
    confirms.publish(7, sizes: [nil, 1, nil, 1])
    #expect(
      confirms.take() == [
        .rejected(call: 7, 0, AMQPComplaint.keyTooLong),
        .rejected(call: 7, 2, AMQPComplaint.keyTooLong),
      ])
    #expect(confirms.confirmed(2, isMultiple: false, isTaken: true))
    #expect(confirms.take() == [.taken(call: 7, 3..<4)])
    #expect(confirms.confirmed(1, isMultiple: true, isTaken: true))
    #expect(confirms.take() == [.done(call: 7, refused: 0)])
  }

  @Test func aCallOfNothingThatCanBePublishedIsDoneAtOnce() {
    let confirms = Ledger()
    confirms.publish(7, sizes: [nil])
    #expect(
      confirms.take() == [
        .rejected(call: 7, 0, AMQPComplaint.keyTooLong), .done(call: 7, refused: 0),
      ])
  }

  @Test func theMessageThatIsTooLargeIsFoundByItsSize() {
    let confirms = Ledger()
    confirms.publish(0, sizes: [70_000, 80_000, 80_000])
    #expect(confirms.confirmed(1, isMultiple: false, isTaken: true))
    #expect(!confirms.tooLarge(bytes: 70_000) && !confirms.tooLarge(bytes: 90_000))
    #expect(confirms.tooLarge(bytes: 80_000))
    #expect(
      confirms.take() == [
        .taken(call: 0, 0..<1), .rejected(call: 0, 1, AMQPComplaint.tooLarge),
      ])
  }

  /// One that is never confirmed keeps nothing of the others, however many they are.
  @Test func aStragglerKeepsOnlyItself() {
    let confirms = ledger([1])
    for call in 1...100_000 as ClosedRange<UInt64> {
      confirms.publish(UInt32(call), 1)
      #expect(confirms.confirmed(call + 1, isMultiple: false, isTaken: true))
      _ = confirms.take()
      if call % 1_000 == 0 { #expect(confirms.callsKept < 300) }
    }
    #expect(confirms.returned(ID128(high: 1, low: 0), 100))
    #expect(confirms.confirmed(1, isMultiple: false, isTaken: true))
    #expect(
      confirms.take() == [
        .rejected(call: 0, 0, AMQPComplaint.unroutable), .done(call: 0, refused: 0),
      ])
  }

  /// Against a model that remembers each message by itself.
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func anyMixIsSettledOnceAndRightly(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func draw(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    let confirms = Ledger()
    var open: [UInt64: (call: UInt32, index: Int)] = [:]
    var refused: [UInt32: Set<Int>] = [:]
    var expected: [UInt32: Int] = [:]
    var told: [UInt32: [Int: String]] = [:]
    var done: Set<UInt32> = []
    func check() {
      for finding in confirms.take() {
        switch finding {
        case .taken(let call, let range):
          for index in range {
            #expect(told[call, default: [:]].updateValue("taken", forKey: index) == nil)
          }
        case .rejected(let call, let index, _):
          #expect(told[call, default: [:]].updateValue("rejected", forKey: index) == nil)
        case .done(let call, let count):
          #expect(done.insert(call).inserted)
          #expect(count == refused[call, default: []].count, "seed \(seed)")
          let left = expected[call]! - told[call, default: [:]].count
          #expect(count == 0 || left == count, "seed \(seed)")
        }
      }
    }
    for call in 0..<200 as Range<UInt32> {
      let count = 1 + draw(20)
      let first = confirms.nextTag
      confirms.publish(call, count)
      expected[call] = count
      for index in 0..<count { open[first + UInt64(index)] = (call, index) }
      for _ in 0..<draw(12) where !open.isEmpty {
        let tag = open.keys.sorted()[draw(open.count)]
        let isMultiple = draw(3) == 0
        let isTaken = draw(4) > 0
        #expect(confirms.confirmed(tag, isMultiple: isMultiple, isTaken: isTaken))
        for each in open.keys where each == tag || isMultiple && each < tag {
          let (call, index) = open.removeValue(forKey: each)!
          if !isTaken { refused[call, default: []].insert(index) }
        }
        if draw(3) == 0 { check() }
      }
    }
    #expect(confirms.confirmed(0, isMultiple: true, isTaken: true))
    check()
    #expect(done.count == 200 && confirms.isEmpty, "seed \(seed)")
  }
}
