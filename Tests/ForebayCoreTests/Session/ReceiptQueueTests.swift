import ForebayWire
import Testing

@testable import ForebayCore

@Suite struct ReceiptQueueTests {
  private func range(
    _ first: UInt64, _ count: UInt32, _ outcome: Outcome = .delivered, flags: ReceiptFlags = []
  ) -> ReceiptRange {
    ReceiptRange(first: first, count: count, outcome: outcome, flags: flags)
  }

  /// Writes until nothing is left, `room` bytes at a time. Returns the ranges, and each write's size.
  private func writeAll(
    _ queue: inout ReceiptQueue, room: Int
  ) throws -> (ranges: [ReceiptRange], writes: [Int]) {
    var ranges: [ReceiptRange] = []
    var writes: [Int] = []
    var bytes = [UInt8](repeating: 0, count: room)
    while !queue.isEmpty {
      let written = bytes.withUnsafeMutableBytes { queue.write(to: $0) }
      writes.append(written)
      guard written > 0 else { break }
      ranges += try bytes.withUnsafeBytes { try read($0, upTo: written) }
    }
    return (ranges, writes)
  }

  private func read(
    _ bytes: UnsafeRawBufferPointer, upTo end: Int
  ) throws -> [ReceiptRange] {
    var ranges: [ReceiptRange] = []
    var offset = 0
    while offset < end {
      let reading = FrameHeader.read(
        bytes, at: offset, frameBytesMax: WireLimits.controlFrameBytesMax)
      guard case .header(let header) = reading else {
        Issue.record("no frame at \(offset)")
        return ranges
      }
      let frame = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + header.byteCount)])
      for index in 0..<(try Receipt.count(frame: frame)) {
        ranges.append(try Receipt.range(at: index, frame: frame))
      }
      offset += header.byteCount
    }
    return ranges
  }

  @Test func consecutiveSequencesWithOneVerdictAreOneRange() throws {
    var queue = ReceiptQueue()
    queue.append(range(1, 3))
    queue.append(range(4, 5))
    queue.append(range(9, 1, .rejected))
    queue.append(range(10, 1, .rejected, flags: .maybeDelivered))
    queue.append(range(12, 1, .rejected, flags: .maybeDelivered))
    queue.append(range(11, 1, .rejected, flags: .maybeDelivered))
    #expect(queue.count == 5)
    let (ranges, writes) = try writeAll(&queue, room: 4096)
    #expect(writes == [Receipt.bytes(ranges: 5)])
    #expect(ranges.map(\.first) == [1, 9, 10, 12, 11])
    #expect(ranges[0].count == 8)
  }

  @Test func aRangeThatIsWrittenIsNotJoined() throws {
    var queue = ReceiptQueue()
    queue.append(range(1, 1))
    _ = try writeAll(&queue, room: 256)
    queue.append(range(2, 1))
    let (ranges, _) = try writeAll(&queue, room: 256)
    #expect(ranges == [range(2, 1)])
  }

  @Test func withoutRoomForARangeNothingIsWritten() {
    var queue = ReceiptQueue()
    queue.append(range(1, 1))
    var bytes = [UInt8](repeating: 7, count: Receipt.bytes(ranges: 1) - 1)
    let written = bytes.withUnsafeMutableBytes { queue.write(to: $0) }
    #expect(written == 0)
    #expect(queue.count == 1)
    #expect(bytes.allSatisfy { $0 == 7 })
  }

  @Test func moreThanAFrameHoldsIsSeveralFrames() throws {
    var queue = ReceiptQueue()
    for index in 0..<(WireLimits.receiptRangesMax + 10) {
      queue.append(range(UInt64(index) * 2 + 1, 1))
    }
    let (ranges, writes) = try writeAll(&queue, room: 200_000)
    #expect(ranges.count == WireLimits.receiptRangesMax + 10)
    #expect(
      writes == [Receipt.bytes(ranges: WireLimits.receiptRangesMax) + Receipt.bytes(ranges: 10)])
  }

  /// What comes out is what went in, in order, whatever the room: against a list of single messages.
  @Test(arguments: [1, 2, 3, UInt64.random(in: 4...UInt64(UInt32.max))])
  func behavesAsItsModel(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var queue = ReceiptQueue()
    var model: [ReceiptRange] = []
    var came: [ReceiptRange] = []
    var next: UInt64 = 1
    for _ in 0..<400 {
      if random.next() % 4 == 0 { next += random.next() % 3 }
      let outcomes: [Outcome] = [.delivered, .delivered, .rejected, .received]
      let added = range(
        next, UInt32(random.next() % 300) + 1, outcomes[Int(random.next() % 4)],
        flags: random.next() % 8 == 0 ? .duplicate : [])
      next = added.end
      queue.append(added)
      model += singles(added)
      #expect(queue.count <= model.count)
      if random.next() % 10 == 0 {
        let room = Receipt.bytes(ranges: 1) + Int(random.next() % 200)
        came += try writeAll(&queue, room: room).ranges.flatMap(singles)
      }
    }
    came += try writeAll(&queue, room: 1000).ranges.flatMap(singles)
    #expect(came == model, "seed \(seed)")
    #expect(queue.isEmpty)
  }

  private func singles(_ range: ReceiptRange) -> [ReceiptRange] {
    (range.first..<range.end).map { sequence in
      var single = range
      single.first = sequence
      single.count = 1
      return single
    }
  }
}
