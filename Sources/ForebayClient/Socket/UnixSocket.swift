import Glibc

/// Why there is no connection.
package enum ConnectFailure: Error, Equatable {
  /// Nobody listens yet, or the listener's queue is full: it may go better soon.
  case later(Int32)
  /// It will not go better by itself.
  case permanent(Int32)
  /// The path has more bytes than a socket's address; the kernel would cut it.
  case pathTooLong(byteCount: Int)
  case pathUnusable

  /// What people read.
  package var text: String {
    switch self {
    case .later(let code), .permanent(let code): return String(cString: strerror(code))
    case .pathTooLong(let count):
      return "the path has \(count) bytes, and a socket's has at most \(UnixSocket.pathBytesMax)"
    case .pathUnusable: return "the path is empty or has a zero byte"
    }
  }
}

/// A connected, non-blocking stream socket. Closed when it goes.
package final class UnixSocket {
  /// `sun_path` holds 108 bytes, one of them the terminating zero.
  package static let pathBytesMax = 107

  package let descriptor: Int32

  package init(path: String) throws(ConnectFailure) {
    var address = try Self.address(path)
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { throw .permanent(errno) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      close(descriptor)
      throw Self.failure(code)
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  private static func address(_ path: String) throws(ConnectFailure) -> sockaddr_un {
    let bytes = Array(path.utf8)
    guard !bytes.isEmpty, !bytes.contains(0) else { throw .pathUnusable }
    guard bytes.count <= pathBytesMax else { throw .pathTooLong(byteCount: bytes.count) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }

  /// A Unix socket connects at once or not at all: EAGAIN says that the listener's queue is full,
  /// and nothing is under way that could be waited for.
  private static func failure(_ code: Int32) -> ConnectFailure {
    switch code {
    case EAGAIN, ECONNREFUSED, ENOENT, EINTR: return .later(code)
    default: return .permanent(code)
    }
  }

  // MARK: Bytes

  package enum Transfer: Equatable {
    case bytes(Int)
    case wouldBlock
    /// The other side is gone, or has said all.
    case closed
  }

  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    transfer { recv(descriptor, buffer.baseAddress, buffer.count, 0) }
  }

  /// Never raises SIGPIPE: a library has no say in its program's signals.
  package func send(_ buffer: UnsafeRawBufferPointer) -> Transfer {
    transfer { Glibc.send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)) }
  }

  private func transfer(_ call: () -> Int) -> Transfer {
    while true {
      let count = call()
      if count > 0 { return .bytes(count) }
      if count == 0 { return .closed }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      default: return .closed
      }
    }
  }
}
