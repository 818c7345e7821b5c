import ForebayWire
import Glibc

/// The socket and the buffers between it and the machine. The buffers outlive reconnects.
final class Connection {
  /// Twice the largest frame that a daemon sends: one that is cut off never fills the buffer.
  private static let inboxBytes = 2 * WireLimits.controlFrameBytesMax
  /// A system call carries much, and an answer to the daemon waits behind no more than this.
  private static let outboxBytes = 131_072
  /// Reads and writes in one turn: a daemon that never stops talking doesn't keep its client's
  /// caller from being served.
  private static let roundsMax = 16

  private var socket: UnixSocket?
  private let inbox = UnsafeMutableRawBufferPointer.allocate(byteCount: inboxBytes, alignment: 16)
  private var inboxCount = 0
  private let outbox = UnsafeMutableRawBufferPointer.allocate(byteCount: outboxBytes, alignment: 16)
  private var outboxRange = 0..<0

  deinit {
    inbox.deallocate()
    outbox.deallocate()
  }

  var isConnected: Bool { socket != nil }
  var descriptor: Int32? { socket?.descriptor }
  /// Produced bytes wait for the socket.
  var isWriteWaiting: Bool { !outboxRange.isEmpty }

  func connect(path: String) throws(ConnectFailure) {
    socket = try UnixSocket(path: path)
    inboxCount = 0
    outboxRange = 0..<0
  }

  func close() { socket = nil }

  struct Turn {
    /// Bytes were read or written.
    var isMoved = false
    /// The other side is gone, and all that it said is read.
    var isLost = false
  }

  /// Reads and writes what the socket takes and gives without waiting.
  func turn(_ machine: inout ClientMachine, now: Nanoseconds) -> Turn {
    var turn = Turn()
    read(&machine, now: now, &turn)
    if !turn.isLost, !write(&machine, now: now, &turn) {
      // It hung up while we wrote; its last words may say why.
      read(&machine, now: now, &turn)
      turn.isLost = true
    }
    return turn
  }

  private func read(_ machine: inout ClientMachine, now: Nanoseconds, _ turn: inout Turn) {
    for _ in 0..<Self.roundsMax {
      guard let socket, machine.isConnected else { return }
      let free = UnsafeMutableRawBufferPointer(rebasing: inbox[inboxCount...])
      switch socket.receive(into: free) {
      case .bytes(let count):
        turn.isMoved = true
        inboxCount += count
        handIn(&machine, now: now)
        // A read that doesn't fill the buffer has emptied the socket.
        if count < free.count { return }
      case .wouldBlock: return
      case .closed:
        turn.isLost = true
        return
      }
    }
  }

  private func handIn(_ machine: inout ClientMachine, now: Nanoseconds) {
    let used = machine.receive(UnsafeRawBufferPointer(rebasing: inbox[..<inboxCount]), now: now)
    inboxCount -= used
    guard used > 0, inboxCount > 0, let base = inbox.baseAddress else { return }
    base.copyMemory(from: base + used, byteCount: inboxCount)
  }

  /// False when the other side takes no more.
  private func write(
    _ machine: inout ClientMachine, now: Nanoseconds, _ turn: inout Turn
  ) -> Bool {
    for _ in 0..<Self.roundsMax {
      if outboxRange.isEmpty { outboxRange = 0..<machine.produce(into: outbox, now: now) }
      guard let socket, !outboxRange.isEmpty else { return true }
      switch socket.send(UnsafeRawBufferPointer(rebasing: outbox[outboxRange])) {
      case .bytes(let count):
        turn.isMoved = true
        outboxRange = (outboxRange.lowerBound + count)..<outboxRange.upperBound
      case .wouldBlock: return true
      case .closed: return false
      }
    }
    return true
  }
}
