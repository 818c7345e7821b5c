import ForebayClient
import Glibc

/// Sends one line to the admin socket and prints the reply as it comes.
struct AdminClient {
  static var defaultSocketPath: String {
    guard let value = getenv("FOREBAY_ADMIN_SOCKET"), value.pointee != 0 else {
      return "/run/forebay-admin/admin.sock"
    }
    return String(cString: value)
  }

  /// A line of a reply above this is no reply. Metrics and state have short lines.
  private static let lineBytesMax = 16 << 20

  let path: String
  let deadline: ContinuousClock.Instant

  /// Returns how the command ended. What it answered is on standard output, what went wrong on
  /// standard error.
  func ask(_ line: String) -> ExitStatus {
    let socket: UnixSocket
    do throws(ConnectFailure) {
      socket = try connect()
    } catch {
      complain("can't connect to \(path): \(error.text)")
      return error == .permanent(EACCES) ? .noPermission : .unavailable
    }
    guard send(Array((line + "\n").utf8), on: socket) else {
      complain("the daemon doesn't read what it is asked")
      return .timeout
    }
    return readReply(from: socket)
  }

  /// A full queue is worth waiting for; a daemon that isn't there is an answer.
  private func connect() throws(ConnectFailure) -> UnixSocket {
    while true {
      do throws(ConnectFailure) {
        return try UnixSocket(path: path)
      } catch {
        guard error == .later(EAGAIN), ContinuousClock.now < deadline else { throw error }
        usleep(2_000)
      }
    }
  }

  private func send(_ bytes: [UInt8], on socket: UnixSocket) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch rest.withUnsafeBytes({ socket.send($0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .wouldBlock: if !wait(for: POLLOUT, on: socket) { return false }
      case .closed: return true  // The reply may say why.
      }
    }
    return true
  }

  private func readReply(from socket: UnixSocket) -> ExitStatus {
    var reply = AdminReply()
    var pending: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      switch socket.receive(into: buffer) {
      case .bytes(let count):
        pending.append(contentsOf: buffer[..<count])
        if let status = show(&pending, &reply) { return status }
      case .wouldBlock:
        guard wait(for: POLLIN, on: socket) else {
          complain("the daemon didn't answer in time")
          return .timeout
        }
      case .closed:
        complain("the daemon hung up before its reply was whole")
        return .unavailable
      }
    }
  }

  /// Prints the whole lines of `pending`; the status once the reply is whole.
  private func show(_ pending: inout [UInt8], _ reply: inout AdminReply) -> ExitStatus? {
    var output = ""
    defer { if !output.isEmpty { write(output, to: STDOUT_FILENO) } }
    var start = 0
    while let end = pending[start...].firstIndex(of: 0x0a) {
      let line = String(decoding: pending[start..<end], as: UTF8.self)
      start = end + 1
      switch reply.lineReceived(line) {
      case .show(let text): output += text + "\n"
      case .nothing: break
      case .end(let status): return status
      case .endShowing(let text, let status):
        output += text + "\n"
        return status
      case .fail(let text, let status):
        complain(text)
        return status
      case .broken: return brokenReply()
      }
    }
    pending.removeFirst(start)
    return pending.count > Self.lineBytesMax ? brokenReply() : nil
  }

  private func brokenReply() -> ExitStatus {
    complain("\(path) doesn't speak the admin protocol")
    return .protocolBroken
  }

  private func wait(for event: Int32, on socket: UnixSocket) -> Bool {
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
