import ForebayCore
import ForebayWire

/// Which messages of which call have their delivery report, until the core has been told.
///
/// Reports come in any order: a partition's in that of its messages, partitions among each other at
/// random. So each call has a bit for each message. What came in one turn is told at its end, in ranges,
/// or as a whole where that was the last of a call.
struct KafkaReports: ~Copyable {
  enum Event: Equatable {
    case messages(call: UInt32, Range<Int>, MessageVerdict)
    case call(UInt32, CallVerdict)
  }

  private struct Record {
    var call: UInt32 = 0
    var messages = 0
    /// Without a verdict.
    var left = 0
    /// Something was told of it already, so that its end isn't a verdict on all of it.
    var isTouched = false
    var isUsed = false
  }

  private var records: [Record]
  private var free: [Int]
  /// Accepted and not told: for each record a bit a message.
  private let bits: UnsafeMutablePointer<UInt64>
  private let wordsPerCall: Int
  private var touched: [Int] = []
  private(set) var events: [Event] = []
  /// Messages that the library has and hasn't answered for.
  private(set) var outstanding = 0

  init(callsMax: Int, messagesMax: Int) {
    records = Array(repeating: Record(), count: callsMax)
    free = Array((0..<callsMax).reversed())
    wordsPerCall = (messagesMax + 63) / 64
    bits = .allocate(capacity: callsMax * wordsPerCall)
    bits.initialize(repeating: 0, count: callsMax * wordsPerCall)
    touched.reserveCapacity(callsMax)
  }

  deinit { bits.deallocate() }

  /// A call begins; its messages' reports name it by what this returns.
  mutating func opened(_ call: UInt32, messages: Int) -> Int {
    guard let slot = free.popLast(), messages <= wordsPerCall * 64 else {
      brokenInvariant("the core keeps to the limits of calls and of messages in one")
    }
    records[slot] = Record(call: call, messages: messages, left: messages, isUsed: true)
    return slot
  }

  /// What the library gives back with a message's report. Slot 0's first message is the null pointer.
  static func mark(_ slot: Int, _ message: Int) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(bitPattern: UInt(slot) << 32 | UInt(message))
  }

  static func place(_ mark: UnsafeMutableRawPointer?) -> (slot: Int, message: Int) {
    let bits = UInt(bitPattern: mark)
    return (Int(bits >> 32), Int(bits & 0xffff_ffff))
  }

  mutating func sent() { outstanding += 1 }

  /// The library has let go of it, with whatever result.
  mutating func answered() {
    invariant(outstanding > 0, "the library answers once for each message")
    outstanding -= 1
  }

  mutating func accepted(_ slot: Int, _ message: Int) {
    bits[slot * wordsPerCall + message >> 6] |= 1 << UInt64(message & 63)
    settled(slot)
  }

  mutating func rejected(_ slot: Int, _ message: Int, _ code: MessageCode) {
    records[slot].isTouched = true
    events.append(
      .messages(call: records[slot].call, message..<(message + 1), .rejected(code)))
    settled(slot)
  }

  private mutating func settled(_ slot: Int) {
    invariant(records[slot].isUsed && records[slot].left > 0, "a message has one report")
    records[slot].left -= 1
    if touched.last != slot { touched.append(slot) }
  }

  /// What is to be told now, in the order in which it may be.
  mutating func takeEvents() -> [Event] {
    for slot in touched where records[slot].isUsed { tell(slot) }
    touched.removeAll(keepingCapacity: true)
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  private mutating func tell(_ slot: Int) {
    let record = records[slot]
    if record.left > 0 || record.isTouched { tellAccepted(slot) }
    guard record.left == 0 else { return }
    // All of its messages are told, or all are accepted.
    for word in 0..<wordsPerCall { bits[slot * wordsPerCall + word] = 0 }
    records[slot].isUsed = false
    free.append(slot)
    events.append(.call(record.call, .accepted))
  }

  private mutating func tellAccepted(_ slot: Int) {
    let base = slot * wordsPerCall
    var first = -1
    for message in 0...records[slot].messages {
      let isSet =
        message < records[slot].messages
        && bits[base + message >> 6] & 1 << UInt64(message & 63) != 0
      if isSet, first < 0 { first = message }
      if !isSet, first >= 0 {
        events.append(.messages(call: records[slot].call, first..<message, .accepted))
        first = -1
      }
    }
    for word in 0..<wordsPerCall { bits[base + word] = 0 }
    records[slot].isTouched = true
  }

  /// Messages that have no verdict.
  var unsettled: Int {
    records.reduce(0) { $0 + ($1.isUsed ? $1.left : 0) }
  }

  /// The connection is over: the core has all its calls back.
  mutating func removeAll() {
    for slot in records.indices where records[slot].isUsed {
      records[slot].isUsed = false
      for word in 0..<wordsPerCall { bits[slot * wordsPerCall + word] = 0 }
      free.append(slot)
    }
    touched.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
    outstanding = 0
  }
}
