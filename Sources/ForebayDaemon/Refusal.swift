import ForebayUV
import ForebayWire

/// Tells a connection that isn't taken why, and closes it.
final class Refusal: StreamOwner {
  static func send(_ code: ErrorCode, on stream: StreamHandle) {
    stream.attach(Refusal())
    let frame = GoAway(code, deadlineMilliseconds: 0).encoded()
    // A new socket takes sixteen bytes; if not, the close says it.
    frame.withUnsafeBytes { _ = stream.tryWrite($0) }
    stream.close()
  }

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }
  func streamRead(_ stream: StreamHandle, count: Int) {}
  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {}
  func streamDrained(_ stream: StreamHandle) {}
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) {}
  func streamClosed(_ stream: StreamHandle) {}
}
