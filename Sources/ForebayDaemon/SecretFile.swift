internal import Glibc

/// A password or token in a file of its own, read at the start.
enum SecretFile {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Passwords are short, whatever they are.
  private static let bytesMax = 4096

  /// Without the line's end, which editors put there.
  static func firstLine(of path: String) throws(Failure) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Failure(description: "\(path) can't be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 else { throw Failure(description: "\(path) is empty, or can't be read") }
    let line = bytes[..<count].prefix { $0 != 10 && $0 != 13 }
    guard !line.isEmpty else { throw Failure(description: "\(path) begins with an empty line") }
    return String(decoding: line, as: UTF8.self)
  }
}
