import ForebayClient
import Glibc

/// A connection to the admin socket: a line out, replies in.
final class AdminConnection {
  enum Failure: Error, Equatable {
    case connect(ConnectFailure)
    case notRead
    case noAnswer
    case hungUp
    case broken
  }

  /// A line of a reply above this is no reply.
  private static let lineBytesMax = 16 << 20

  private let socket: UnixSocket
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  private var pending: [UInt8] = []
  /// Before this there is no newline in `pending`.
  private var searched = 0

  /// A full queue is worth waiting for; a daemon that isn't there is an answer.
  init(path: String, until deadline: ContinuousClock.Instant) throws(Failure) {
    while true {
      do throws(ConnectFailure) {
        socket = try UnixSocket(path: path)
        return
      } catch {
        guard error == .later(EAGAIN), ContinuousClock.now < deadline else {
          throw .connect(error)
        }
        usleep(2_000)
      }
    }
  }

  deinit { buffer.deallocate() }

  func send(_ line: String, until deadline: ContinuousClock.Instant) throws(Failure) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      switch rest.withUnsafeBytes({ socket.send($0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .wouldBlock:
        guard wait(for: POLLOUT, until: deadline) else { throw .notRead }
      case .closed: return  // The reply may say why.
      }
    }
  }

  enum Answer: Equatable {
    /// What the status line says beside `+OK`.
    case ok(String)
    case failed(code: String, text: String)
  }

  /// Reads one reply. Lines of its body are given to `show` as they come.
  func reply(
    until deadline: ContinuousClock.Instant, _ show: (String) -> Void
  ) throws(Failure) -> Answer {
    var reply = AdminReply()
    while true {
      while let line = takeLine() {
        switch reply.lineReceived(line) {
        case .nothing: break
        case .show(let text): show(text)
        case .end(let answer): return answer
        case .broken: throw .broken
        }
      }
      guard pending.count <= Self.lineBytesMax else { throw .broken }
      try receive(until: deadline)
    }
  }

  private func takeLine() -> String? {
    guard let end = pending[searched...].firstIndex(of: 0x0a) else {
      // What was given out is forgotten only now, so that a long reply isn't moved line by line.
      pending.removeFirst(taken)
      taken = 0
      searched = pending.count
      return nil
    }
    defer {
      taken = end + 1
      searched = taken
    }
    return String(decoding: pending[taken..<end], as: UTF8.self)
  }
  private var taken = 0

  private func receive(until deadline: ContinuousClock.Instant) throws(Failure) {
    switch socket.receive(into: buffer) {
    case .bytes(let count): pending.append(contentsOf: buffer[..<count])
    case .wouldBlock:
      guard wait(for: POLLIN, until: deadline) else { throw .noAnswer }
    case .closed: throw .hungUp
    }
  }

  private func wait(for event: Int32, until deadline: ContinuousClock.Instant) -> Bool {
    while true {
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return false }
      let (seconds, attoseconds) = left.components
      let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1
      var entry = pollfd(fd: socket.descriptor, events: Int16(event), revents: 0)
      if poll(&entry, 1, Int32(clamping: milliseconds)) > 0 { return true }
    }
  }
}
