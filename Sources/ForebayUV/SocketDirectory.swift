internal import Glibc

/// The directory of a socket, held open so that every later step happens in the one that was
/// checked.
final class SocketDirectory {
  let path: String
  private let descriptor: Int32

  /// What tells one file from another that took its name.
  struct Identity: Equatable {
    let device: UInt64
    let inode: UInt64
  }

  enum Entry: Equatable {
    case missing
    case socket(Identity)
    case other
  }

  /// It must be ours or root's, and nobody else may write into it: whoever may could replace the
  /// socket and be taken for us. The sticky bit doesn't help, since it lets others create the
  /// name first.
  init(_ path: String) throws(ListenError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.whyNotOpened(path, errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .failed(UVError(errno: errno, "fstat"))
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw .directoryNotOurs(path, owner: status.st_uid)
    }
    guard status.st_mode & 0o022 == 0 else {
      throw .directoryWritableByOthers(path, mode: status.st_mode & 0o7777)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private static func whyNotOpened(_ path: String, _ number: Int32) -> ListenError {
    switch number {
    case ENOENT: return .directoryMissing(path)
    case ENOTDIR, ELOOP:
      var status = stat()
      let isLink = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
      return isLink ? .directoryIsSymbolicLink(path) : .notADirectory(path)
    default: return .failed(UVError(errno: number, "open"))
    }
  }

  func look(up name: String) throws(ListenError) -> Entry {
    var status = stat()
    guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      if errno == ENOENT { return .missing }
      throw .failed(UVError(errno: errno, "fstatat"))
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else { return .other }
    return .socket(Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
  }

  func remove(_ name: String) throws(ListenError) {
    if unlinkat(descriptor, name, 0) != 0 && errno != ENOENT {
      throw .failed(UVError(errno: errno, "unlinkat"))
    }
  }

  /// Replaces what has the name `new`, so that at every moment there is either the one or the
  /// other.
  func rename(_ old: String, to new: String) throws(ListenError) {
    if renameat(descriptor, old, descriptor, new) != 0 {
      throw .failed(UVError(errno: errno, "renameat"))
    }
  }

  func setGroup(_ group: UInt32, of name: String) throws(ListenError) {
    if fchownat(descriptor, name, uid_t.max, group, AT_SYMLINK_NOFOLLOW) != 0 {
      throw .failed(UVError(errno: errno, "fchownat"))
    }
  }

  func setMode(_ mode: UInt32, of name: String) throws(ListenError) {
    if fchmodat(descriptor, name, mode, 0) != 0 {
      throw .failed(UVError(errno: errno, "fchmodat"))
    }
  }

  /// Runs `body` while no other process is creating or removing that socket. The file stays: one
  /// that removed it could take the lock from under another's feet.
  func whileLocked<Result>(
    by name: String, _ body: () throws(ListenError) -> Result
  ) throws(ListenError) -> Result {
    let lock = openat(descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw .failed(UVError(errno: errno, "openat")) }
    defer { close(lock) }
    var patience = 100
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else {
        throw .failed(UVError(errno: errno, "flock"))
      }
      // A holder needs microseconds. After a second, it is stuck, and waiting would hide that.
      guard patience > 0 else { throw .locked(path + "/" + name) }
      patience -= 1
      usleep(10_000)
    }
    return try body()
  }
}
