import ForebayCore
import ForebayWire

/// What was published on a channel and isn't confirmed: which message each delivery tag is, and what has
/// become of it. The server counts tags from 1 on, as they come, and confirms them singly or up to a tag,
/// in whatever order its queues are done with them. So each message has a state of its own.
struct AMQPConfirms: ~Copyable {
  /// What is to be told. `taken` is told as ranges that are as long as they can be.
  enum Finding: Equatable {
    case taken(call: UInt32, Range<Int>)
    case rejected(call: UInt32, Int, MessageCode)
    /// Nothing of the call is open any more. `refused`: so many of its messages weren't taken.
    case done(call: UInt32, refused: Int)
  }

  /// More would not fit into a call's marks.
  static let callMessagesMax = 256

  private struct Call {
    let id: UInt32
    let firstTag: UInt64
    let messages: Int
    /// Messages that weren't published, for they can't be said in AMQP, have no tag.
    var unpublished = Bits256()
    var unpublishedCount = 0
    var isDone = Bits256()
    /// It came back, and is confirmed later, as any.
    var isReturned = Bits256()
    var left: Int
    var refused = 0
    /// All messages before this one are done.
    var swept = 0
    var endTag: UInt64 { firstTag + UInt64(messages - unpublishedCount) }
  }

  /// By tag. Those that are done stay until all before them are, or `tidy` removes them.
  private var calls: [Call] = []
  private var head = 0
  private var doneCalls = 0
  private(set) var nextTag: UInt64 = 1
  private(set) var findings: [Finding] = []
  /// Taken in a row and not told yet.
  private var taken: (place: Int, messages: Range<Int>)?
  /// Where messages came from, for those that come back: a returned message names its id, not its tag.
  private var stretches: [Stretch] = []
  private var firstStretch = 0
  /// Messages come back in the order in which they were published: the search goes on where it ended.
  private var lastReturned = 0
  /// Messages that may be too large for the server, with their sizes.
  private var large: [(tag: UInt64, bytes: Int)] = []

  private struct Stretch {
    let origin: ID128
    let firstSequence: UInt64
    var call: Int
    let firstMessage: Int
    let count: Int
  }

  /// A smaller `max_message_size` isn't worth remembering sizes for.
  static let largeBytesMin = 65_536
  private static let doneCallsMax = 64

  init() { calls.reserveCapacity(64) }

  /// A new channel.
  mutating func reset() {
    calls.removeAll(keepingCapacity: true)
    head = 0
    doneCalls = 0
    nextTag = 1
    findings.removeAll(keepingCapacity: true)
    taken = nil
    stretches.removeAll(keepingCapacity: true)
    firstStretch = 0
    lastReturned = 0
    large.removeAll(keepingCapacity: true)
  }

  mutating func forgetFindings() { findings.removeAll(keepingCapacity: true) }

  // MARK: Publishing

  /// A call begins; its messages follow.
  mutating func began(_ id: UInt32, messages: Int) {
    invariant(messages <= Self.callMessagesMax, "the core keeps to what the traits say")
    tidy()
    calls.append(Call(id: id, firstTag: nextTag, messages: messages, left: messages))
  }

  /// The messages of the current call from `first` on come from there.
  mutating func noteOrigin(_ origin: ID128, _ sequence: UInt64, _ first: Int, _ count: Int) {
    stretches.append(
      Stretch(
        origin: origin, firstSequence: sequence, call: calls.count - 1, firstMessage: first,
        count: count))
  }

  /// The current call's next message is written.
  mutating func published(bytes: Int) {
    if bytes >= Self.largeBytesMin { large.append((nextTag, bytes)) }
    nextTag += 1
  }

  /// The current call's message at `index` can't be.
  mutating func unpublished(_ index: Int, _ code: MessageCode) {
    let place = calls.count - 1
    calls[place].unpublished[index] = true
    calls[place].unpublishedCount += 1
    calls[place].isDone[index] = true
    calls[place].left -= 1
    findings.append(.rejected(call: calls[place].id, index, code))
  }

  /// The current call is written.
  mutating func ended() {
    if calls[calls.count - 1].left == 0 { finish(calls.count - 1) }
  }

  /// Done calls are forgotten when they are more than the others: moving those costs little then.
  private mutating func tidy() {
    guard head + doneCalls > Self.doneCallsMax, head + doneCalls > calls.count / 2 else { return }
    tellTaken()
    var kept = 0
    var keptStretches = 0
    var entry = firstStretch
    for place in head..<calls.count {
      let isOut = calls[place].left > 0
      while entry < stretches.count, stretches[entry].call == place {
        if isOut {
          stretches[keptStretches] = stretches[entry]
          stretches[keptStretches].call = kept
          keptStretches += 1
        }
        entry += 1
      }
      guard isOut else { continue }
      calls[kept] = calls[place]
      kept += 1
    }
    calls.removeLast(calls.count - kept)
    stretches.removeLast(stretches.count - keptStretches)
    head = 0
    doneCalls = 0
    firstStretch = 0
    lastReturned = 0
    let first = calls.first?.firstTag ?? nextTag
    large.removeAll { $0.tag < first }
  }

  // MARK: Answers

  /// `basic.ack` or `basic.nack`. False if no such message is out.
  mutating func confirmed(_ tag: UInt64, isMultiple: Bool, isTaken: Bool) -> Bool {
    if isMultiple { return confirmed(upTo: tag, isTaken: isTaken) }
    guard let place = place(of: tag), let index = index(of: tag, in: place),
      !calls[place].isDone[index]
    else { return false }
    settle(place, index, isTaken)
    advance()
    return true
  }

  private mutating func confirmed(upTo tag: UInt64, isTaken: Bool) -> Bool {
    guard tag < nextTag else { return false }
    // Zero means all.
    let end = tag == 0 ? nextTag : tag + 1
    for place in head..<calls.count {
      if calls[place].firstTag >= end { break }
      guard calls[place].left > 0 else { continue }
      var next = calls[place].firstTag + UInt64(publishedCount(before: calls[place].swept, place))
      var index = calls[place].swept
      while index < calls[place].messages, next < end {
        if !calls[place].unpublished[index] { next += 1 }
        if !calls[place].isDone[index] { settle(place, index, isTaken) }
        index += 1
      }
      calls[place].swept = index
    }
    advance()
    return true
  }

  /// `basic.return`: the message is known by its origin. Its confirm follows. False if it isn't out.
  mutating func returned(_ origin: ID128, _ sequence: UInt64) -> Bool {
    let start = max(firstStretch, lastReturned)
    return returned(origin, sequence, start..<stretches.count)
      || returned(origin, sequence, firstStretch..<start)
  }

  private mutating func returned(
    _ origin: ID128, _ sequence: UInt64, _ entries: Range<Int>
  ) -> Bool {
    for entry in entries {
      let stretch = stretches[entry]
      guard stretch.origin == origin, sequence >= stretch.firstSequence,
        sequence - stretch.firstSequence < UInt64(stretch.count)
      else { continue }
      let index = stretch.firstMessage + Int(sequence - stretch.firstSequence)
      guard !calls[stretch.call].isDone[index] else { continue }
      calls[stretch.call].isReturned[index] = true
      lastReturned = entry
      return true
    }
    return false
  }

  /// The first message of this size that is out won't ever be taken.
  mutating func tooLarge(bytes: Int) -> Bool {
    for entry in large where entry.bytes == bytes {
      guard let place = place(of: entry.tag), let index = index(of: entry.tag, in: place),
        !calls[place].isDone[index]
      else { continue }
      tellTaken()
      calls[place].isDone[index] = true
      calls[place].left -= 1
      findings.append(.rejected(call: calls[place].id, index, AMQPComplaint.tooLarge))
      if calls[place].left == 0 { finish(place) }
      return true
    }
    return false
  }

  // MARK: Places

  /// The call that has the tag, by halves.
  private func place(of tag: UInt64) -> Int? {
    guard head < calls.count, tag >= calls[head].firstTag, tag < nextTag else { return nil }
    var low = head
    var high = calls.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if calls[middle].firstTag <= tag { low = middle } else { high = middle }
    }
    return tag < calls[low].endTag ? low : nil
  }

  private func index(of tag: UInt64, in place: Int) -> Int? {
    let offset = Int(tag - calls[place].firstTag)
    guard calls[place].unpublishedCount > 0 else { return offset }
    var seen = -1
    for index in 0..<calls[place].messages where !calls[place].unpublished[index] {
      seen += 1
      if seen == offset { return index }
    }
    return nil
  }

  private func publishedCount(before index: Int, _ place: Int) -> Int {
    guard calls[place].unpublishedCount > 0 else { return index }
    return (0..<index).count { !calls[place].unpublished[$0] }
  }

  // MARK: Settling

  private mutating func settle(_ place: Int, _ index: Int, _ isTaken: Bool) {
    calls[place].isDone[index] = true
    calls[place].left -= 1
    if !isTaken {
      calls[place].refused += 1
    } else if calls[place].isReturned[index] {
      findings.append(.rejected(call: calls[place].id, index, AMQPComplaint.unroutable))
    } else if let row = taken, row.place == place, row.messages.upperBound == index {
      taken = (place, row.messages.lowerBound..<(index + 1))
    } else {
      tellTaken()
      taken = (place, index..<(index + 1))
    }
    if calls[place].left == 0 { finish(place) }
  }

  /// What was taken in a row is told when nothing more comes.
  mutating func tellTaken() {
    guard let row = taken else { return }
    taken = nil
    findings.append(.taken(call: calls[row.place].id, row.messages))
  }

  private mutating func finish(_ place: Int) {
    // Where all the rest is taken, the call's end says so.
    if let row = taken, row.place == place, calls[place].refused == 0 { taken = nil }
    tellTaken()
    findings.append(.done(call: calls[place].id, refused: calls[place].refused))
    doneCalls += 1
  }

  private mutating func advance() {
    while head < calls.count, calls[head].left == 0 {
      head += 1
      doneCalls -= 1
    }
    while firstStretch < stretches.count, stretches[firstStretch].call < head { firstStretch += 1 }
  }

  var isEmpty: Bool { head == calls.count }
  /// Calls that are remembered: bounded by those that are out.
  var callsKept: Int { calls.count }
}
