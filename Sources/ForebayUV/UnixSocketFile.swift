internal import CUV
internal import Glibc

/// A listening Unix socket with a name in the file system, created so that nobody can connect who
/// mustn't, nobody finds it half made, and no other process loses its own.
final class UnixSocketFile {
  let path: UnixSocketPath
  /// Listening. Whoever takes it over closes it, after `remove()`.
  let descriptor: Int32
  private let directory: SocketDirectory
  private let identity: SocketDirectory.Identity

  /// Creates the socket under a temporary name and then gives it its real one, which replaces a
  /// stale socket in one step. Fails if another process serves that name.
  ///
  /// `mode` counts from the first moment: a new socket file has the descriptor's mode less the
  /// umask, so `fchmod` before `bind` can only narrow it, and `chmod` widens it to what was asked
  /// after the group is right.
  init(_ path: String, mode: UInt32, group: UInt32?, backlog: Int32) throws(ListenError) {
    let path = try UnixSocketPath(path)
    let directory = try SocketDirectory(path.directory)
    (descriptor, identity) = try directory.whileLocked(by: path.lockName) {
      () throws(ListenError) in
      try Self.refuseUnlessStale(path.name, in: directory, path)
      try Self.refuseUnlessStale(path.temporaryName, in: directory, path)
      try directory.remove(path.temporaryName)
      return try Self.create(path, in: directory, mode: mode, group: group, backlog: backlog)
    }
    self.path = path
    self.directory = directory
  }

  /// Takes the name away if it is still that of our socket. Call it while the descriptor is open:
  /// that keeps our inode's number from being given to a successor's file.
  func remove() {
    // If it fails, a stale socket stays behind, which the next start replaces.
    try? directory.whileLocked(by: path.lockName) { () throws(ListenError) in
      if try directory.look(up: path.name) == .socket(identity) {
        try directory.remove(path.name)
      }
    }
  }

  private static func refuseUnlessStale(
    _ name: String, in directory: SocketDirectory, _ path: UnixSocketPath
  ) throws(ListenError) {
    switch try directory.look(up: name) {
    case .missing: return
    case .other: throw .notASocket(path.path(of: name))
    case .socket:
      let probe = try streamSocket()
      defer { close(probe) }
      if connect(probe, to: path.path(of: name)) { throw .alreadyServed(path.path(of: name)) }
      switch errno {
      case ECONNREFUSED, ENOENT: return
      // A full queue, or a socket of another type: somebody is there.
      case EAGAIN, EPROTOTYPE: throw .alreadyServed(path.path(of: name))
      default: throw .failed(UVError(errno: errno, "connect"))
      }
    }
  }

  private static func create(
    _ path: UnixSocketPath, in directory: SocketDirectory, mode: UInt32, group: UInt32?,
    backlog: Int32
  ) throws(ListenError) -> (Int32, SocketDirectory.Identity) {
    let descriptor = try streamSocket()
    var isNamed = false
    do throws(ListenError) {
      if fchmod(descriptor, mode & 0o600) != 0 {
        throw .failed(UVError(errno: errno, "fchmod"))
      }
      if !bind(descriptor, to: path.path(of: path.temporaryName)) {
        throw .failed(UVError(errno: errno, "bind"))
      }
      isNamed = true
      // Binding goes by the whole path, so make sure that it led into the directory we checked.
      guard case .socket(let identity) = try directory.look(up: path.temporaryName) else {
        throw .notASocket(path.path(of: path.temporaryName))
      }
      if let group { try directory.setGroup(group, of: path.temporaryName) }
      try directory.setMode(mode, of: path.temporaryName)
      if listen(descriptor, backlog) != 0 { throw .failed(UVError(errno: errno, "listen")) }
      try directory.rename(path.temporaryName, to: path.name)
      return (descriptor, identity)
    } catch {
      if isNamed { try? directory.remove(path.temporaryName) }
      close(descriptor)
      throw error
    }
  }

  private static func streamSocket() throws(ListenError) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    if descriptor < 0 { throw .failed(UVError(errno: errno, "socket")) }
    return descriptor
  }

  private static func connect(_ descriptor: Int32, to path: String) -> Bool {
    withAddress(path) { Glibc.connect(descriptor, $0, $1) == 0 }
  }

  private static func bind(_ descriptor: Int32, to path: String) -> Bool {
    withAddress(path) { Glibc.bind(descriptor, $0, $1) == 0 }
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
  ) -> Bool {
    var address = sockaddr_un()
    forebay_unix_address(&address, path, path.utf8.count)
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
