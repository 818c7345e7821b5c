/// Tells which frames begin in a stream of bytes that comes in any pieces.
struct FrameWalk {
  private var header: [UInt8] = []
  private var left = 0
  private var beganLate = false

  /// Calls `body` with each type that becomes known, and with what `isLate` was at the frame's first byte.
  mutating func take(
    _ bytes: some Collection<UInt8>, isLate: Bool, _ body: (UInt8, Bool) -> Void
  ) {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard left == 0 else {
        let count = min(left, rest.count)
        rest = rest.dropFirst(count)
        left -= count
        continue
      }
      if header.isEmpty { beganLate = isLate }
      header.append(rest.removeFirst())
      guard header.count == 5 else { continue }
      left = header[..<4].reduce(0) { $0 << 8 | Int($1) } - 1
      body(header[4], beganLate)
      header.removeAll(keepingCapacity: true)
    }
  }

  mutating func take(_ bytes: some Collection<UInt8>, _ body: (UInt8) -> Void) {
    take(bytes, isLate: false) { type, _ in body(type) }
  }
}
