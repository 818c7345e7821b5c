import ForebayCore
import ForebayWire
import Testing

@testable import ForebayUpstreams

/// What is told of calls, from reports of single messages in whatever order.
@Suite struct KafkaReportsTests {
  private typealias Event = KafkaReports.Event

  @Test func aCallWhoseMessagesAreAllAcceptedIsOneEvent() {
    var reports = KafkaReports(callsMax: 4, messagesMax: 256)
    let slot = reports.opened(7, messages: 200)
    for message in (0..<200).reversed() { reports.accepted(slot, message) }
    #expect(reports.takeEvents() == [.call(7, .accepted)])
    #expect(reports.takeEvents() == [])
  }

  @Test func whatIsThereIsToldInRanges() {
    var reports = KafkaReports(callsMax: 4, messagesMax: 256)
    let slot = reports.opened(7, messages: 130)
    for message in [129, 0, 1, 65, 63, 64, 3] { reports.accepted(slot, message) }
    #expect(
      reports.takeEvents() == [
        .messages(call: 7, 0..<2, .accepted), .messages(call: 7, 3..<4, .accepted),
        .messages(call: 7, 63..<66, .accepted), .messages(call: 7, 129..<130, .accepted),
      ])
    for message in 0..<130 where ![129, 0, 1, 65, 63, 64, 3].contains(message) {
      reports.accepted(slot, message)
    }
    let rest = reports.takeEvents()
    #expect(rest.last == .call(7, .accepted))
    #expect(rest.count == 4, "2, 4..<63, 66..<129, and the call: \(rest)")
  }

  @Test func whatIsRejectedIsToldByItself() {
    var reports = KafkaReports(callsMax: 1, messagesMax: 64)
    let slot = reports.opened(3, messages: 3)
    reports.accepted(slot, 0)
    reports.rejected(slot, 1, KafkaComplaint.tooLarge)
    reports.accepted(slot, 2)
    #expect(
      reports.takeEvents() == [
        .messages(call: 3, 1..<2, .rejected(KafkaComplaint.tooLarge)),
        .messages(call: 3, 0..<1, .accepted), .messages(call: 3, 2..<3, .accepted),
        .call(3, .accepted),
      ])
    // Its place is free again.
    #expect(reports.opened(4, messages: 64) == slot)
  }

  @Test func callsThatAreTakenBackLeaveNothing() {
    var reports = KafkaReports(callsMax: 2, messagesMax: 64)
    let first = reports.opened(1, messages: 64)
    _ = reports.opened(2, messages: 1)
    for _ in 0..<65 { reports.sent() }
    reports.accepted(first, 5)
    reports.answered()
    #expect(reports.unsettled == 64 && reports.outstanding == 64)
    reports.removeAll()
    #expect(reports.unsettled == 0 && reports.outstanding == 0)
    #expect(reports.takeEvents() == [])
    let again = reports.opened(3, messages: 6)
    _ = reports.opened(4, messages: 64)
    for message in 0..<6 { reports.accepted(again, message) }
    #expect(reports.takeEvents() == [.call(3, .accepted)], "no bit of the old call is left")
  }

  @Test(arguments: [(0, 0), (0, 1), (63, 255), (1_000, 70_000)])
  func aMarkSaysWhichMessageItIs(_ slot: Int, _ message: Int) {
    let mark = KafkaReports.mark(slot, message)
    #expect(KafkaReports.place(mark) == (slot, message))
  }

  /// Against the simplest model: how often each message was told.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func everyMessageIsToldOnce(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var reports = KafkaReports(callsMax: 8, messagesMax: 100)
    var told: [UInt32: [Int]] = [:]
    var left: [(slot: Int, message: Int)] = []
    var ended: [UInt32] = []
    for call in 0..<8 as Range<UInt32> {
      let messages = 1 + Int(random.next() % 100)
      let slot = reports.opened(call, messages: messages)
      left += (0..<messages).map { (slot, $0) }
      told[call] = Array(repeating: 0, count: messages)
    }
    while !left.isEmpty {
      for _ in 0..<(1 + random.next() % 40) where !left.isEmpty {
        let (slot, message) = left.remove(at: Int(random.next() % UInt64(left.count)))
        if random.next() % 10 == 0 {
          reports.rejected(slot, message, KafkaComplaint.tooLarge)
        } else {
          reports.accepted(slot, message)
        }
      }
      for event in reports.takeEvents() {
        switch event {
        case .messages(let call, let range, _): for index in range { told[call]![index] += 1 }
        case .call(let call, let verdict):
          #expect(verdict == .accepted && !ended.contains(call))
          ended.append(call)
          for index in told[call]!.indices where told[call]![index] == 0 { told[call]![index] = 1 }
        }
      }
    }
    #expect(ended.sorted() == Array(0..<8))
    #expect(told.values.allSatisfy { $0.allSatisfy { $0 == 1 } })
  }
}
