package import ForebayWire

/// Messages on their way to the journal: DATA frames as the client sent them, copied once.
///
/// The loop thread takes one from the journal, fills it and submits it; from then on until its
/// completion it belongs to the journal's thread. Afterwards it is used again.
package final class JournalBatch {
  /// Consecutive frames of one origin.
  package struct Segment: Equatable, Sendable {
    package let tag: ID128
    /// Place of the first frame in the batch's bytes.
    package let offset: Int
    package let byteCount: Int
    package let messageCount: Int
    package let firstSequence: UInt64
    /// By the wall clock, in milliseconds since 1970.
    package let receivedAtMilliseconds: Int64
  }

  package let byteCapacity: Int
  package let segmentCapacity: Int
  package private(set) var byteCount = 0
  package private(set) var messageCount = 0
  package private(set) var segments: [Segment] = []
  /// The caller's own: the journal only carries it.
  package var token: UInt64 = 0
  /// Which failure of the journal the loop thread knew of when it took the batch.
  var failuresKnown: UInt64 = 0

  private let storage: UnsafeMutableRawBufferPointer

  init(byteCapacity: Int, segmentCapacity: Int) {
    self.byteCapacity = byteCapacity
    self.segmentCapacity = segmentCapacity
    // Untouched memory of this size costs address space only.
    storage = .allocate(byteCount: byteCapacity, alignment: 16)
    segments.reserveCapacity(segmentCapacity)
  }

  deinit { storage.deallocate() }

  package var isEmpty: Bool { messageCount == 0 }

  /// Whether `append` would take this many bytes more.
  package func hasRoom(for bytes: Int) -> Bool {
    byteCapacity - byteCount >= bytes && segments.count < segmentCapacity
  }

  /// Copies `messageCount` whole frames that `RunScanner` accepted. False, and nothing copied, if they
  /// don't fit; an empty batch fits any run no larger than `byteCapacity`.
  package func append(
    _ frames: UnsafeRawBufferPointer, messageCount: Int, firstSequence: UInt64, tag: ID128,
    receivedAtMilliseconds: Int64
  ) -> Bool {
    invariant(messageCount > 0 && frames.count > 0, "an empty run came to the journal")
    guard hasRoom(for: frames.count) else { return false }
    UnsafeMutableRawBufferPointer(rebasing: storage[byteCount...]).copyMemory(from: frames)
    segments.append(
      Segment(
        tag: tag, offset: byteCount, byteCount: frames.count, messageCount: messageCount,
        firstSequence: firstSequence, receivedAtMilliseconds: receivedAtMilliseconds))
    byteCount += frames.count
    self.messageCount += messageCount
    return true
  }

  /// Calls `body` with every frame of a segment, in order.
  func forEachFrame(
    of segment: Segment, _ body: (DataFrameView) throws(StoreError) -> Void
  ) throws(StoreError) {
    var offset = segment.offset
    let end = segment.offset + segment.byteCount
    for _ in 0..<segment.messageCount {
      invariant(end - offset >= WireLimits.dataFixedBytes, "a journal segment ends inside a frame")
      let frame = DataFrameView(UnsafeRawPointer(storage.baseAddress! + offset))
      invariant(end - offset >= frame.byteCount, "a journal segment ends inside a frame")
      try body(frame)
      offset += frame.byteCount
    }
    invariant(offset == end, "a journal segment has more bytes than messages")
  }

  func empty() {
    byteCount = 0
    messageCount = 0
    token = 0
    segments.removeAll(keepingCapacity: true)
  }
}
