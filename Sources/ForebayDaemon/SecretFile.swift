internal import Glibc

/// A password or token in a file of its own, read at the start.
enum SecretFile {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Passwords are short, whatever they are; a file of credentials has some kilobytes.
  private static let bytesMax = 65_536

  /// What is said in a file, or else by a setting or in the URL.
  static func secret(_ said: String?, or path: String?) throws(Failure) -> String? {
    if let path { try firstLine(of: path) } else { said }
  }

  /// Without the line's end, which editors put there.
  static func firstLine(of path: String) throws(Failure) -> String {
    let line = try bytes(of: path).prefix { $0 != 10 && $0 != 13 }
    guard !line.isEmpty else { throw Failure(description: "\(path) begins with an empty line") }
    return String(decoding: line, as: UTF8.self)
  }

  static func text(of path: String) throws(Failure) -> String {
    String(decoding: try bytes(of: path), as: UTF8.self)
  }

  private static func bytes(of path: String) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Failure(description: "\(path) can't be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 else { throw Failure(description: "\(path) is empty, or can't be read") }
    return Array(bytes[..<count])
  }
}
