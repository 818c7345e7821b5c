import ForebayWire
import Testing

@testable import ForebayUpstreams

/// Which of a refused batch's messages is rejected, and what goes alone until that is known.
struct KafkaBlameTests {
  private let tooLarge = MessageCode(rawValue: 700)

  @Test func oneThatWasRefusedIsToBlame() {
    var blame = KafkaBlame()
    blame.connecting()
    blame.refused(3, 7, tooLarge)
    #expect(
      blame.ended(unsettled: 40) == .reject(.init(slot: 3, message: 7, code: tooLarge)))
    blame.closed()
    blame.connecting()
    #expect(!blame.isAlone && blame.ended(unsettled: 0) == .nothing)
  }

  @Test func ofSeveralEachGoesAlone() {
    var blame = KafkaBlame()
    blame.connecting()
    for message in 0..<5 { blame.refused(0, message, tooLarge) }
    #expect(blame.ended(unsettled: 100) == .suspect(5))
    blame.closed()
    blame.connecting()
    #expect(blame.isAlone && blame.refused.isEmpty)
    #expect(!blame.isFull(outstanding: 63) && blame.isFull(outstanding: 64))
    for _ in 0..<99 { blame.answered() }
    #expect(!blame.isFull(outstanding: 1) && !blame.isFound(outstanding: 0))
    blame.answered()
    // Nothing more goes alone, and what is out is still waited for.
    #expect(blame.isFull(outstanding: 1) && !blame.isFound(outstanding: 1))
    #expect(blame.isFound(outstanding: 0))
    blame.connecting()
    #expect(!blame.isAlone, "batches again")
  }

  /// The connection is lost while messages go alone: the next one's do, too.
  @Test func whatIsLeftGoesOnAlone() {
    var blame = KafkaBlame()
    blame.connecting()
    blame.answered()
    blame.refused(0, 0, tooLarge)
    blame.refused(0, 1, tooLarge)
    #expect(blame.ended(unsettled: 10) == .suspect(2))
    blame.closed()
    blame.connecting()
    for _ in 0..<4 { blame.answered() }
    #expect(blame.ended(unsettled: 6) == .nothing)
    blame.closed()
    blame.connecting()
    #expect(blame.isAlone && !blame.isFound(outstanding: 0))
  }
}
