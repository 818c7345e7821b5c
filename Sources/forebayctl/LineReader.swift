import Glibc

/// Reads lines from a descriptor with memory for one line and a chunk, however long the input is.
///
/// A line ends with a newline, which isn't part of it, or with the input. It reads only when told to,
/// so that its caller can wait for input and for other things at once.
struct LineReader: ~Copyable {
  /// One read; large enough that reading costs nothing beside sending.
  static let chunkBytes = 262_144

  private let descriptor: Int32
  private let lineBytesMax: Int
  private let buffer: UnsafeMutableRawBufferPointer
  /// What is read and not yet given out.
  private var filled = 0..<0
  /// Where the search for a newline goes on: what lies before has none.
  private var searched = 0
  /// Where the line began that was given out last.
  private var lastStart = 0
  private(set) var isAtEnd = false
  /// The number of the line that `next` gave out last, from 1 on.
  private(set) var lineNumber = 0
  private(set) var bytesRead = 0

  init(descriptor: Int32, lineBytesMax: Int) {
    self.descriptor = descriptor
    self.lineBytesMax = lineBytesMax
    buffer = .allocate(byteCount: lineBytesMax + 1 + Self.chunkBytes, alignment: 16)
  }

  deinit { buffer.deallocate() }

  enum Line {
    /// Valid until the next call of `next` or `fill`.
    case line(UnsafeRawBufferPointer)
    /// Call `fill` when the descriptor is readable.
    case needsInput
    case end
    case tooLong(line: Int)
  }

  mutating func next() -> Line {
    guard let base = buffer.baseAddress else { return .end }
    let unsearched = filled.upperBound - searched
    if unsearched > 0, let found = memchr(base + searched, 0x0a, unsearched) {
      let end = UnsafeRawPointer(found) - UnsafeRawPointer(base)
      return give(upTo: end, skipping: 1)
    }
    searched = filled.upperBound
    if filled.count > lineBytesMax { return .tooLong(line: lineNumber + 1) }
    guard isAtEnd else { return .needsInput }
    // The last line may lack its newline; nothing after the last newline is no line.
    return filled.isEmpty ? .end : give(upTo: filled.upperBound, skipping: 0)
  }

  private mutating func give(upTo end: Int, skipping terminator: Int) -> Line {
    let line = UnsafeRawBufferPointer(rebasing: buffer[filled.lowerBound..<end])
    if line.count > lineBytesMax { return .tooLong(line: lineNumber + 1) }
    lastStart = filled.lowerBound
    filled = (end + terminator)..<filled.upperBound
    searched = filled.lowerBound
    lineNumber += 1
    return .line(line)
  }

  /// Takes back the line that `next` has just given out: the next `next` gives it again.
  mutating func putBack() {
    filled = lastStart..<filled.upperBound
    searched = lastStart
    lineNumber -= 1
  }

  /// Reads once; waits if there is nothing to read. False on an error, which `errno` names.
  mutating func fill() -> Bool {
    moveToFront()
    let free = UnsafeMutableRawBufferPointer(rebasing: buffer[filled.upperBound...])
    let count = read(descriptor, free.baseAddress, min(free.count, Self.chunkBytes))
    if count < 0 { return errno == EINTR || errno == EAGAIN }
    if count == 0 { isAtEnd = true }
    bytesRead += count
    filled = filled.lowerBound..<(filled.upperBound + count)
    return true
  }

  private mutating func moveToFront() {
    guard filled.lowerBound > 0, let base = buffer.baseAddress else { return }
    base.copyMemory(from: base + filled.lowerBound, byteCount: filled.count)
    searched -= filled.lowerBound
    filled = 0..<filled.count
  }
}
