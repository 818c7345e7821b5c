import Glibc

/// A connected socket that never blocks.
final class RawSocket {
  enum Reading: Equatable {
    case bytes([UInt8])
    /// Nothing now.
    case nothing
    case end
  }

  private let descriptor: Int32
  private(set) var isClosed = false
  /// What the kernel hasn't taken yet.
  private var unwritten: ArraySlice<UInt8> = []

  struct Refused: Error {
    let code: Int32
  }

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = unixAddress(path)
    try connect(&address)
  }

  /// On loopback.
  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = loopback(port)
    try connect(&address)
  }

  /// One that was accepted.
  fileprivate init(_ descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { close() }

  /// Only local sockets: this is over at once.
  private func connect<Address>(_ address: inout Address) throws {
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      close()
      throw Refused(code: code)
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    Glibc.close(descriptor)
  }

  /// No more will be written, but what comes is still read.
  func shutDownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Queues the bytes and writes what the kernel takes.
  func write(_ bytes: [UInt8]) {
    unwritten += bytes
    flush()
  }

  /// The other end hasn't closed, as far as can be told without reading.
  var isWritable: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, 0) == 1 && entry.revents == Int16(POLLOUT)
  }

  var hasUnwritten: Bool { !unwritten.isEmpty }

  func flush() {
    while !unwritten.isEmpty, !isClosed {
      let count = unwritten.withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        // A connection that the daemon has closed takes no more; reading says why.
        if errno != EAGAIN { unwritten = [] }
        return
      }
      unwritten = unwritten.dropFirst(count)
    }
  }

  func read() -> Reading {
    guard !isClosed else { return .end }
    flush()
    // Nothing is cleared beforehand: with a thousand sockets that would be most of a test's time.
    return withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .bytes(Array(buffer[..<count])) }
      return count < 0 && errno == EAGAIN ? .nothing : .end
    }
  }
}

/// A socket that others connect to. It never blocks.
final class RawListener {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var address = unixAddress(path)
    try listen(&address)
  }

  /// On loopback.
  init(port: UInt16) throws {
    descriptor = socket(
      AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = loopback(port)
    try listen(&address)
  }

  private func listen<Address>(_ address: inout Address) throws {
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard result == 0, Glibc.listen(descriptor, 64) == 0 else {
      throw RawSocket.Refused(code: errno)
    }
  }

  deinit { close(descriptor) }

  /// The next connection; nil while there is none.
  func accept() -> RawSocket? {
    let accepted = Glibc.accept(descriptor, nil, nil)
    guard accepted >= 0 else { return nil }
    _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
    return RawSocket(accepted)
  }
}

private func unixAddress(_ path: String) -> sockaddr_un {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
  return address
}

private func loopback(_ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return address
}

/// A TCP port on loopback that nobody uses just now.
func freePort() throws -> UInt16 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  defer { close(descriptor) }
  var address = loopback(0)
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
    }
  }
  guard result else { throw RawSocket.Refused(code: errno) }
  return UInt16(bigEndian: address.sin_port)
}
