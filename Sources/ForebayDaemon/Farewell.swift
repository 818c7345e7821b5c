import ForebayUV

/// The end of a TCP connection that was told why it ends.
///
/// To close it while bytes of its peer lie unread would reset it, and then the peer's kernel throws away
/// what its program hasn't read: our ERROR. So only our direction ends, and what still comes is thrown
/// away, until the peer ends too or has had its time.
final class Farewell {
  /// Enough for a round trip around the world with a frame lost on the way.
  private static let milliseconds: UInt64 = 1000

  private let stream: StreamHandle
  private var timer: Timer?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)

  /// Everything that is to be said has been given to the stream. Nil where it was simply closed: a Unix
  /// socket that is closed loses nothing that was written to it.
  init?(_ stream: StreamHandle) {
    self.stream = stream
    guard stream.kind == .tcp else {
      stream.close()
      return nil
    }
    do throws(UVError) {
      let timer = try Timer(on: stream.loop) { stream.close() }
      self.timer = timer
      timer.fire(everyMilliseconds: Self.milliseconds)
      try stream.shutdown { _ in }
      try stream.startReading()
    } catch {
      stream.close()
    }
  }

  deinit { buffer.deallocate() }

  func willRead() -> UnsafeMutableRawBufferPointer { buffer }
  func readEnded() { stream.close() }

  /// The stream is closed.
  func end() { timer?.close() }
}
