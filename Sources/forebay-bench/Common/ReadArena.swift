/// Memory that all of a loop's reads share, with room in front for the beginning of a frame whose
/// rest came with the next read. So whole frames are always contiguous, and nothing is copied but
/// the few bytes that a read cut off.
final class ReadArena {
  /// One read; a Unix socket with the kernel's default buffers never holds more.
  static let readBytes = 256 * 1024

  private let base: UnsafeMutableRawPointer
  private let headroom: Int

  /// `frameBytesMax` bounds what can be left over of a frame.
  init(frameBytesMax: Int) {
    headroom = (frameBytesMax + 63) & ~63
    base = .allocate(byteCount: headroom + Self.readBytes, alignment: 64)
  }

  deinit { base.deallocate() }

  func lend() -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base + headroom, count: Self.readBytes)
  }

  /// The first `count` bytes of what was lent, with `rest` in front of them. `rest` is emptied.
  func join(_ rest: FrameBuffer, count: Int) -> UnsafeRawBufferPointer {
    let start = base + (headroom - rest.count)
    if !rest.isEmpty {
      start.copyMemory(from: rest.bytes.baseAddress!, byteCount: rest.count)
    }
    defer { rest.removeAll() }
    return UnsafeRawBufferPointer(start: start, count: rest.count + count)
  }
}
