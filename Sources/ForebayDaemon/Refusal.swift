import ForebayUV
import ForebayWire

/// Tells a connection that isn't taken why, and closes it.
final class Refusal: StreamOwner {
  /// Of those that are refused at a time, so many get the time to read it. They are beyond the cap on
  /// connections, so in a flood there must be an end to them; a fraction of the descriptors kept free.
  private static let underWayMax = 16

  private unowned let daemon: Daemon
  private var farewell: Farewell?

  private init(_ daemon: Daemon) {
    self.daemon = daemon
    daemon.refusalsUnderWay += 1
  }

  /// GOAWAY for those that may come again, ERROR for others.
  static func send(_ frame: some ControlFrame, on stream: StreamHandle, _ daemon: Daemon) {
    send(frame.encoded(), on: stream, daemon)
  }

  static func send(_ bytes: [UInt8], on stream: StreamHandle, _ daemon: Daemon) {
    let refusal = Refusal(daemon)
    stream.attach(refusal)
    // A new socket takes so little; if not, the close says it.
    bytes.withUnsafeBytes { _ = stream.tryWrite($0) }
    guard daemon.refusalsUnderWay <= underWayMax else { return stream.close() }
    refusal.farewell = Farewell(stream)
  }

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer {
    farewell?.willRead() ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }
  func streamRead(_ stream: StreamHandle, count: Int) {}
  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) { farewell?.readEnded() }
  func streamDrained(_ stream: StreamHandle) {}
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { stream.close() }
  func streamClosed(_ stream: StreamHandle) {
    farewell?.end()
    farewell = nil
    daemon.refusalsUnderWay -= 1
  }
}
