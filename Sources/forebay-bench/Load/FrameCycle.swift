import ForebayCore
import ForebayWire

/// DATA frames built once and sent over and over: only their sequence numbers are written anew.
///
/// One cycle serves all clients, so that it stays in the processor's cache. A message's frame
/// depends on its sequence alone: after a reconnect the same bytes are sent again.
final class FrameCycle {
  /// About how much one write carries: more bytes would only leave the cache before they are read.
  static let chunkBytes = 64 * 1024
  /// Frames of mixed sizes before they repeat.
  private static let mixedFrames = 256

  private let base: UnsafeMutableRawPointer
  /// Where each frame begins, and after them the end of the last.
  private let offsets: [Int]
  private let isUniform: Bool
  private let isMarked: Bool
  private let mask: UInt64

  var frameBytesMax: Int { zip(offsets, offsets.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  /// Where it `isMarked`, payloads have a fixed size of `MessageMark.byteCount` or more.
  init(
    sizes: PayloadSizes, frameBytesMax: Int, level: ReceiptLevel, ttlMilliseconds: UInt32,
    isMarked: Bool = false
  ) {
    var generator = SplitMix64(seed: 0x666f_7265_6261_7921)
    let payloads = Self.payloads(sizes, frameBytesMax: frameBytesMax, &generator)
    var place = 0
    var offsets = [0]
    for payload in payloads {
      place += WireLimits.dataFixedBytes + payload
      offsets.append(place)
    }
    base = .allocate(byteCount: place, alignment: 64)
    for index in 0..<(place / 8) {
      base.storeBytes(of: generator.next(), toByteOffset: index * 8, as: UInt64.self)
    }
    for (index, payload) in payloads.enumerated() {
      DataHeader(sequence: 1, ttlMilliseconds: ttlMilliseconds, level: level)
        .write(to: base + offsets[index], payloadBytes: payload)
    }
    self.offsets = offsets
    mask = UInt64(payloads.count - 1)
    if case .fixed = sizes { isUniform = true } else { isUniform = false }
    self.isMarked = isMarked
    invariant(
      !isMarked || isUniform && payloads[0] >= MessageMark.byteCount, "marks have room")
  }

  deinit { base.deallocate() }

  private static func payloads(
    _ sizes: PayloadSizes, frameBytesMax: Int, _ generator: inout SplitMix64
  ) -> [Int] {
    let limit = frameBytesMax - WireLimits.dataFixedBytes
    switch sizes {
    case .fixed(let size):
      let payload = min(size, limit)
      var count = 1
      while count < 1024, (count * 2) * (payload + WireLimits.dataFixedBytes) <= 2 * chunkBytes {
        count *= 2
      }
      return Array(repeating: payload, count: count)
    case .mix(let low, let high):
      let most = max(low, min(high ?? limit, limit))
      // Both bounds for certain, and between them every order of magnitude alike.
      let widest = Int.bitWidth - (most - low).leadingZeroBitCount
      return (0..<mixedFrames).map { index in
        if index == 0 { return low }
        if index == mixedFrames / 2 { return most }
        let bits = Int.random(in: 0...max(0, widest), using: &generator)
        return min(most, low + Int.random(in: 0..<(1 << bits), using: &generator))
      }
    }
  }

  func frameBytes(of sequence: UInt64) -> Int {
    let index = frameIndex(of: sequence)
    return offsets[index + 1] - offsets[index]
  }

  private func frameIndex(of sequence: UInt64) -> Int {
    isUniform ? 0 : Int((sequence &- 1) & mask)
  }

  struct Chunk {
    var bytes: UnsafeRawBufferPointer
    var count: Int
  }

  /// Writes consecutive sequences from `first` on into frames that lie side by side.
  ///
  /// At most `countMax` frames, whose bytes and overhead are at most `costMax`; valid until the
  /// next call.
  func stamp(
    from first: UInt64, client: Int = 0, countMax: Int, costMax: UInt64, overhead: Int
  ) -> Chunk {
    let start = frameIndex(of: first)
    var index = start
    var costLeft = costMax
    while index - start < countMax, index + 1 < offsets.count,
      index == start || offsets[index + 1] - offsets[start] <= Self.chunkBytes
    {
      let cost = UInt64(offsets[index + 1] - offsets[index] + overhead)
      guard cost <= costLeft else { break }
      costLeft -= cost
      let sequence = first &+ UInt64(index - start)
      base.put64(sequence, at: offsets[index] + 8)
      if isMarked {
        MessageMark(client: client, sequence: sequence)
          .write(to: base + offsets[index] + WireLimits.dataFixedBytes)
      }
      index += 1
    }
    return Chunk(
      bytes: UnsafeRawBufferPointer(
        start: base + offsets[start], count: offsets[index] - offsets[start]),
      count: index - start)
  }
}
