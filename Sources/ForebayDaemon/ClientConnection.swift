import ForebayCore
import ForebayUV

/// One application's socket. It carries bytes between libuv and the core, and decides nothing.
final class ClientConnection: StreamOwner {
  /// Reads of one connection in one turn: a busy client gets 256 KiB, then the others have theirs.
  private static let readsPerTurn = 4

  let id: ClientID
  /// Who connected, as the kernel said it then; 0 if it didn't.
  let process: Int32
  /// It outlives its connections; counting references a read would cost more than the read's parts.
  private unowned(unsafe) let daemon: Daemon
  private let stream: StreamHandle
  private var turn: UInt64 = 0
  private var reads = 0
  private(set) var isEnded = false
  private var farewell: Farewell?

  init(_ id: ClientID, _ stream: StreamHandle, process: Int32, _ daemon: Daemon) {
    self.id = id
    self.process = process
    self.stream = stream
    self.daemon = daemon
    stream.attach(self)
  }

  func start() {
    do throws(UVError) { try stream.startReading() } catch { end() }
  }

  func end() {
    guard !isEnded else { return }
    isEnded = true
    stream.close()
  }

  /// Ends it so that the frame written last arrives.
  func endWithLastWord() {
    guard !isEnded else { return }
    isEnded = true
    farewell = Farewell(stream)
  }

  /// Reads what is there and hands it over, until there is no more or the core has had enough.
  func readOut() {
    for _ in 0..<Self.readOutMax where !isEnded {
      let buffer = daemon.readBuffer(id)
      let count = (try? stream.readNow(into: buffer)) ?? 0
      guard count > 0 else { return }
      daemon.received(count, from: id, now: daemon.now)
    }
  }
  /// A window is bounded, and so is what can still be in the socket.
  private static let readOutMax = 64

  // MARK: Writing

  enum OnWrite {
    case whole
    /// The rest is copied and on its way; nothing more until `streamDrained`.
    case stalled
    case broken
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> OnWrite {
    guard !isEnded else { return .broken }
    switch stream.tryWrite(bytes) {
    case .written(bytes.count): return .whole
    case .written(let count): return writeLater(UnsafeRawBufferPointer(rebasing: bytes[count...]))
    case .wouldBlock: return writeLater(bytes)
    case .failed: return .broken
    }
  }

  private func writeLater(_ bytes: UnsafeRawBufferPointer) -> OnWrite {
    do throws(UVError) {
      try stream.write(copying: bytes)
      return .stalled
    } catch {
      return .broken
    }
  }

  // MARK: StreamOwner

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer {
    if turn != daemon.turn {
      turn = daemon.turn
      reads = 0
    }
    guard reads < Self.readsPerTurn else {
      return UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
    reads += 1
    guard !isEnded else {
      return farewell?.willRead() ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
    return daemon.readBuffer(id)
  }

  func streamRead(_ stream: StreamHandle, count: Int) {
    guard count > 0, !isEnded else { return }
    daemon.received(count, from: id, now: daemon.callbackBegan())
  }

  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) { lost() }
  func streamDrained(_ stream: StreamHandle) { if !isEnded { daemon.outputDrained(id) } }
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { lost() }
  private func lost() {
    if let farewell { return farewell.readEnded() }
    guard !isEnded else { return }
    isEnded = true
    daemon.closeSoon(stream)
  }
  func streamClosed(_ stream: StreamHandle) {
    isEnded = true
    farewell?.end()
    farewell = nil
    daemon.connectionClosed(self)
  }
}
