import ForebayUV
import ForebayWire

/// Tells a connection that isn't taken why, and closes it.
final class Refusal: StreamOwner {
  /// GOAWAY for those that may come again, ERROR for others.
  static func send(_ frame: some ControlFrame, on stream: StreamHandle) {
    send(frame.encoded(), on: stream)
  }

  static func send(_ bytes: [UInt8], on stream: StreamHandle) {
    stream.attach(Refusal())
    // A new socket takes so little; if not, the close says it.
    bytes.withUnsafeBytes { _ = stream.tryWrite($0) }
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
