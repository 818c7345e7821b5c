import ForebayWire

/// Bytes on their way out. Frames are written straight to its end, and it keeps its memory.
final class FrameBuffer {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private var start = 0
  private var end = 0

  init(capacity: Int = 512) {
    base = .allocate(byteCount: capacity, alignment: 16)
    self.capacity = capacity
  }

  deinit { base.deallocate() }

  var isEmpty: Bool { start == end }
  var count: Int { end - start }
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base + start, count: count) }

  func removeFirst(_ count: Int) {
    start += count
    if start == end { removeAll() }
  }

  func removeAll() {
    start = 0
    end = 0
  }

  func append(_ frame: some ControlFrame, extensions: [UInt8] = []) {
    let place = grow(type(of: frame).fixedBytes + extensions.count)
    frame.write(to: place, extensionBytes: extensions.count)
    extensions.withUnsafeBytes {
      if let source = $0.baseAddress {
        (place + type(of: frame).fixedBytes).copyMemory(from: source, byteCount: $0.count)
      }
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    grow(bytes.count).copyMemory(from: source, byteCount: bytes.count)
  }

  /// As many RECEIPT frames as the ranges need.
  func append(receipts ranges: [ReceiptRange]) {
    var next = 0
    while next < ranges.count {
      let count = min(ranges.count - next, WireLimits.receiptRangesMax)
      let place = grow(Receipt.bytes(ranges: count))
      Receipt.writeHeader(ranges: count, to: place)
      for index in 0..<count { Receipt.write(ranges[next + index], at: index, to: place) }
      next += count
    }
  }

  private func grow(_ count: Int) -> UnsafeMutableRawPointer {
    if capacity - end < count { makeRoom(for: count) }
    defer { end += count }
    return base + end
  }

  private func makeRoom(for count: Int) {
    let used = end - start
    var wanted = capacity
    while wanted - used < count { wanted *= 2 }
    let bigger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
    bigger.copyMemory(from: base + start, byteCount: used)
    base.deallocate()
    base = bigger
    capacity = wanted
    start = 0
    end = used
  }
}
