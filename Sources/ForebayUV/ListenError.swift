/// Why a listening socket wasn't created. Everything here was found before anybody could connect.
package enum ListenError: Error, Equatable, Sendable, CustomStringConvertible {
  case pathEmpty
  /// The kernel's limit is 107 bytes; libuv would cut the path without a word.
  case pathTooLong(bytes: Int)
  /// Abstract sockets have no permissions: whoever shares the network namespace may connect.
  case pathAbstract
  /// It holds a NUL, or ends in no name.
  case pathInvalid
  case directoryMissing(String)
  case directoryIsSymbolicLink(String)
  case notADirectory(String)
  /// Its owner, neither us nor root, could replace the socket.
  case directoryNotOurs(String, owner: UInt32)
  /// Others may write into it and could replace the socket. That includes `/tmp` itself.
  case directoryWritableByOthers(String, mode: UInt32)
  /// Something that isn't a socket has that name, and isn't ours to remove.
  case notASocket(String)
  /// Somebody answers on that socket.
  case alreadyServed(String)
  /// Another process is creating or removing the same socket.
  case locked(String)
  /// The inherited descriptor isn't a listening stream socket of the right family.
  case notAListener(descriptor: Int32)
  case failed(UVError)

  package var description: String {
    switch self {
    case .pathEmpty: "the socket's path is empty"
    case .pathTooLong(let bytes):
      "the socket's path has \(bytes) bytes, and \(UnixSocketPath.longest) is the kernel's limit"
    case .pathAbstract: "abstract sockets are refused, since they have no permissions"
    case .pathInvalid: "the socket's path holds a NUL or ends in no file name"
    case .directoryMissing(let path): "the directory \(path) doesn't exist"
    case .directoryIsSymbolicLink(let path):
      "\(path) is a symbolic link; name the directory itself"
    case .notADirectory(let path): "\(path) isn't a directory"
    case .directoryNotOurs(let path, let owner):
      "the directory \(path) belongs to user \(owner), not to us or root"
    case .directoryWritableByOthers(let path, let mode):
      "the directory \(path) is writable by others (mode \(String(mode, radix: 8))); "
        + "use a directory of its own"
    case .notASocket(let path): "\(path) exists and isn't a socket"
    case .alreadyServed(let path): "another process serves \(path)"
    case .locked(let path): "another process holds \(path) while it creates the socket"
    case .notAListener(let descriptor):
      "the inherited descriptor \(descriptor) isn't a listening stream socket of its kind"
    case .failed(let error): error.description
    }
  }
}
