/// A path that a Unix socket may have, taken apart.
struct UnixSocketPath {
  /// `sun_path` has 108 bytes, and one is for the NUL.
  static let longest = 107

  let path: String
  /// Without trailing slashes, since a slash would make `O_NOFOLLOW` follow a link.
  let directory: String
  let name: String

  init(_ path: String) throws(ListenError) {
    let bytes = path.utf8
    guard let first = bytes.first else { throw .pathEmpty }
    guard first != 0, first != UInt8(ascii: "@") else { throw .pathAbstract }
    guard !bytes.contains(0) else { throw .pathInvalid }
    guard bytes.count <= Self.longest else { throw .pathTooLong(bytes: bytes.count) }
    self.path = path
    if let slash = bytes.lastIndex(of: UInt8(ascii: "/")) {
      name = String(path[bytes.index(after: slash)...])
      let end = bytes[..<slash].lastIndex { $0 != UInt8(ascii: "/") }
      directory = end.map { String(path[...$0]) } ?? "/"
    } else {
      name = path
      directory = "."
    }
    guard !name.isEmpty, name != ".", name != ".." else { throw .pathInvalid }
  }

  /// The name under which the socket is made ready. It is as long as the real one, so that every
  /// path that fits fits twice, and the same in every process, so that what a killed one left
  /// behind is found.
  var temporaryName: String {
    name.hasSuffix("~") ? name.dropLast() + "=" : name.dropLast() + "~"
  }

  var lockName: String { name + ".lock" }

  func path(of name: String) -> String {
    String(path.dropLast(self.name.count)) + name
  }
}
