import ForebayWire

/// Up to 256 consecutive messages of one session and lane that lie in one piece of memory.
///
/// A run is the unit of everything that costs time: it is stored, queued, dispatched and usually
/// settled as a whole. Where less than a whole run is dispatched it is split; where less is settled,
/// a bit for each message says so.
struct Run {
  /// Where a run is in its life.
  enum Stage: UInt8 {
    /// In its flow's queue. Can transition to: inFlight.
    case queued
    /// Waits for another attempt outside its queue, on a route without order. Can transition to: queued.
    case shelved
    /// Handed to the upstream, no verdict on all of it yet. Can transition to: queued, shelved.
    case inFlight
  }

  // Memory.
  var base: UnsafeMutableRawPointer
  /// Bytes from `base` to the end of the last frame.
  var byteCount: Int32
  /// Bytes of the frames that aren't settled.
  var liveBytes: Int32
  /// A nursery segment, or -1 for a heap block.
  var segment: Int32
  var sizeClass: Int32 = 0

  // Identity.
  /// The session whose sequences these are; for a peer's messages, their origin's.
  var owner: UInt32
  /// The session that gets the receipts.
  var receiver: UInt32
  /// The client's own sequence of the first message.
  var firstSequence: UInt64
  /// The sequence by which receipts name the first message.
  var receiptSequence: UInt64
  /// Order of acceptance within the process; a later message has a larger one.
  var serial: UInt64
  /// When the messages expire; `distantFuture` if never.
  var deadline: Instant
  var count: UInt16
  var unsettled: UInt16
  var route: UInt16
  var lane: UInt8
  var level: UInt8
  /// For how long it is held is what people ask first when a buffer is full.
  var acceptedAt = Instant(nanoseconds: 0)
  var stage = Stage.queued
  /// How often the messages were handed to the upstream.
  var attempts: UInt8 = 0
  /// They were refused together with others: calls have so many messages at most until the poison among
  /// them is found. 0: nothing is suspected.
  var suspects: UInt16 = 0
  /// The attempt outlived its timeout, or the connection it went out on.
  var isUnanswered = false

  // In flight.
  var token: BreakerToken?
  /// The call that holds the run, where the upstream takes batches.
  var call = none
  /// Where the first message stands in the call.
  var placeInCall: UInt32 = 0
  /// The peer says that it holds the messages: they aren't sent again on this connection.
  var isHeldByPeer = false
  /// On a peer link: the link's sequence of the first message.
  var linkSequence: UInt64 = 0

  /// Settled messages, and those of them whose frames are no longer in memory.
  var settled = Bits256()
  var absent = Bits256()

  // Chains. The first is the flow's queue, or the call or link the run is in flight on.
  var next = none
  var previous = none
  var nextInSegment = none
  var previousInSegment = none
  var nextOfSession = none
  var previousOfSession = none

  var isWhole: Bool { unsettled == count }
  var isInNursery: Bool { segment >= 0 }
}

extension Run {
  /// A message of a run and the place of its frame.
  struct Frame {
    var index: Int
    var offset: Int
    var byteCount: Int
  }

  /// Calls `body` for every frame in memory, in order, until it returns false.
  @inline(__always)
  func walk(_ body: (Frame) -> Bool) {
    var offset = 0
    for index in 0..<Int(count) where !absent[index] {
      let byteCount = Int((UnsafeRawPointer(base) + offset).big32(0)) + 4
      if !body(Frame(index: index, offset: offset, byteCount: byteCount)) { return }
      offset += byteCount
    }
  }

  /// Calls `body` for every stretch of unsettled frames that lie side by side.
  func eachStretch(_ body: (_ index: Int, _ count: Int, UnsafeRawBufferPointer) -> Void) {
    if isWhole {
      return body(0, Int(count), UnsafeRawBufferPointer(start: base, count: Int(byteCount)))
    }
    var first = 0
    var start = 0
    var length = 0
    var messages = 0
    walk { frame in
      if settled[frame.index] || frame.index != first + messages {
        if messages > 0 {
          body(first, messages, UnsafeRawBufferPointer(start: base + start, count: length))
        }
        messages = 0
      }
      if !settled[frame.index] {
        if messages == 0 {
          first = frame.index
          start = frame.offset
          length = 0
        }
        messages += 1
        length += frame.byteCount
      }
      return true
    }
    if messages > 0 {
      body(first, messages, UnsafeRawBufferPointer(start: base + start, count: length))
    }
  }
}
