import ForebayCore
import ForebayUV
import ForebayWire

/// One accepted socket of the sink.
final class SinkLink: StreamOwner {
  let connection: SinkConnection
  private unowned let sink: Sink
  private let stream: StreamHandle
  private let rest = FrameBuffer()
  private var canWrite = true
  /// Close as soon as everything is written.
  private var isEnding = false

  init(_ connection: SinkConnection, on stream: StreamHandle, of sink: Sink) {
    self.connection = connection
    self.stream = stream
    self.sink = sink
  }

  func start() throws(UVError) {
    stream.attach(self)
    try stream.startReading()
  }

  func close() {
    guard stream.isOpen else { return }
    stream.close()
    sink.ended(self)
  }

  /// Writes what the turn has produced.
  func flush(now: Instant) {
    guard stream.isOpen else { return }
    if connection.finishTurn(now: now) { isEnding = true }
    write()
  }

  private func write() {
    guard canWrite, stream.isOpen else { return }
    do throws(UVError) {
      canWrite = try send(connection.output.bytes, .nothing, on: stream)
      connection.output.removeAll()
      if canWrite, isEnding { close() }
    } catch {
      close()
    }
  }

  // MARK: StreamOwner

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer { sink.arena.lend() }

  func streamRead(_ stream: StreamHandle, count: Int) {
    guard count > 0, !isEnding else { return }
    let bytes = sink.arena.join(rest, count: count)
    switch connection.received(bytes, now: sink.now) {
    case .took(let took): rest.append(UnsafeRawBufferPointer(rebasing: bytes[took...]))
    case .close:
      isEnding = true
      sink.core.changed(connection)
    }
  }

  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) { close() }

  func streamDrained(_ stream: StreamHandle) {
    canWrite = true
    write()
  }

  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { close() }

  func streamClosed(_ stream: StreamHandle) {}
}
