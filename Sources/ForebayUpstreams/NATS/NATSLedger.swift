import ForebayWire
internal import Glibc

/// Which messages are out, and what was said of each: JetStream answers every message by itself, in any
/// order, to a subject that names the call's number and the message's place in it.
///
/// All memory is there from the beginning. Numbers are never used again, also not on the next connection,
/// so that what an old one's messages are told late finds nobody.
struct NATSLedger {
  private enum State: UInt8 {
    /// Not sent, or settled already.
    case idle
    case waiting
    case taken
    /// It was there from an earlier attempt.
    case duplicate
    case refused
  }

  private struct Slot {
    var call: UInt32 = 0
    var serial: UInt32 = 0
    var isOut = false
    var messages = 0
    var hasSent = false
    /// Sent, and not answered.
    var waiting = 0
    /// The first complaint that isn't a message's own.
    var complaint: NATSComplaint?
    /// Some weren't sent, or were refused for their predecessor's sake: they go again.
    var isPartial = false
    var isContended = false
    /// Messages in a row that are taken and not yet told.
    var taken = 0..<0
  }

  /// What a call came to.
  struct End {
    let call: UInt32
    let taken: Range<Int>?
    let complaint: NATSComplaint?
    let isWhole: Bool
    /// False: each was rejected before it was sent.
    let hasSent: Bool
    /// Somebody else's message came between two of ours.
    let isContended: Bool
  }

  private let prefix: [UInt8]
  private let messagesMax: Int
  private var slots: [Slot]
  private var states: [State]
  private var serial: UInt32 = 0
  private(set) var callsOut = 0
  /// Where `nextTaken` goes on.
  private var cursor = 0

  init(inbox: String, callsMax: Int, messagesMax: Int) {
    prefix = Array("\(inbox).".utf8)
    self.messagesMax = messagesMax
    slots = Array(repeating: Slot(), count: callsMax)
    states = Array(repeating: .idle, count: callsMax * messagesMax)
  }

  // MARK: Sending

  /// A place for a call.
  mutating func begin(_ call: UInt32, messages: Int) -> Int {
    invariant(callsOut < slots.count && messages <= messagesMax, "more is out than was allowed")
    repeat { serial &+= 1 } while slots[slot(of: serial)].isOut
    let slot = slot(of: serial)
    slots[slot] = Slot(call: call, serial: serial, isOut: true, messages: messages)
    for index in 0..<messages { states[slot * messagesMax + index] = .idle }
    callsOut += 1
    return slot
  }

  private func slot(of serial: UInt32) -> Int { Int(serial) % slots.count }

  func call(_ slot: Int) -> UInt32 { slots[slot].call }
  func serial(of slot: Int) -> UInt32 { slots[slot].serial }

  mutating func sent(_ slot: Int, _ index: Int) {
    states[slot * messagesMax + index] = .waiting
    slots[slot].waiting += 1
    slots[slot].hasSent = true
  }

  mutating func skipped(_ slot: Int) { slots[slot].isPartial = true }

  // MARK: Answers

  /// Where an answer's message is; nil if nobody waits for it.
  func place(_ bytes: UnsafeRawBufferPointer, _ subject: Range<Int>) -> (slot: Int, index: Int)? {
    guard subject.count == prefix.count + 12,
      memcmp(bytes.baseAddress! + subject.lowerBound, prefix, prefix.count) == 0,
      let serial = Self.hex(bytes, from: subject.upperBound - 12, digits: 8),
      let index = Self.hex(bytes, from: subject.upperBound - 4, digits: 4)
    else { return nil }
    let slot = slot(of: serial)
    guard slots[slot].isOut, slots[slot].serial == serial, index < slots[slot].messages else {
      return nil
    }
    return (slot, Int(index))
  }

  private static func hex(
    _ bytes: UnsafeRawBufferPointer, from start: Int, digits: Int
  ) -> UInt32? {
    var value: UInt32 = 0
    for place in start..<(start + digits) {
      let digit: UInt8
      switch bytes[place] {
      case 48...57: digit = bytes[place] - 48
      case 97...102: digit = bytes[place] - 87
      default: return nil
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  func waits(_ slot: Int, _ index: Int) -> Bool {
    states[slot * messagesMax + index] == .waiting
  }

  func isAnswered(_ slot: Int) -> Bool { slots[slot].waiting == 0 }
  func hasComplaint(_ slot: Int) -> Bool { slots[slot].complaint != nil }

  private mutating func answered(_ slot: Int, _ index: Int, _ state: State) {
    states[slot * messagesMax + index] = state
    slots[slot].waiting -= 1
  }

  /// Returns a row of taken ones that this doesn't continue: it is to be told.
  mutating func taken(_ slot: Int, _ index: Int, isDuplicate: Bool) -> Range<Int>? {
    answered(slot, index, isDuplicate ? .duplicate : .taken)
    let row = slots[slot].taken
    if row.upperBound == index, !row.isEmpty {
      slots[slot].taken = row.lowerBound..<(index + 1)
      return nil
    }
    slots[slot].taken = index..<(index + 1)
    return row.isEmpty ? nil : row
  }

  /// It was refused, because the one before it isn't the stream's last.
  mutating func broken(_ slot: Int, _ index: Int) {
    answered(slot, index, .refused)
    slots[slot].isPartial = true
    if index > 0, states[slot * messagesMax + index - 1] == .taken {
      slots[slot].isContended = true
    }
  }

  mutating func refused(_ slot: Int, _ index: Int, _ complaint: NATSComplaint?) {
    answered(slot, index, .refused)
    if slots[slot].complaint == nil { slots[slot].complaint = complaint }
  }

  /// It is settled, and nothing follows from that for the others.
  mutating func rejected(_ slot: Int, _ index: Int) { answered(slot, index, .idle) }

  /// All that was sent is answered: the place is free again.
  mutating func end(_ slot: Int) -> End {
    let ended = slots[slot]
    slots[slot] = Slot()
    callsOut -= 1
    return End(
      call: ended.call, taken: ended.taken.isEmpty ? nil : ended.taken,
      complaint: ended.complaint, isWhole: !ended.isPartial, hasSent: ended.hasSent,
      isContended: ended.isContended)
  }

  /// A row of taken ones of some call that isn't ended, until there is none.
  mutating func nextTaken() -> (call: UInt32, Range<Int>)? {
    while cursor < slots.count {
      let row = slots[cursor].taken
      if slots[cursor].isOut, !row.isEmpty {
        slots[cursor].taken = 0..<0
        return (slots[cursor].call, row)
      }
      cursor += 1
    }
    cursor = 0
    return nil
  }

  /// The connection has ended.
  mutating func removeAll() {
    guard callsOut > 0 else { return }
    for slot in slots.indices { slots[slot] = Slot() }
    callsOut = 0
  }
}
