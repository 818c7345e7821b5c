internal import Glibc

/// Reads a file that may be missing, too large, or none at all, without waiting for a writer.
enum ConfigurationFile {
  struct Failure: Error, Equatable {
    let text: String
  }

  /// It is small and bounded, so that reading it takes microseconds.
  static func read(
    _ path: String, bytesMax: Int = YAMLReader.bytesMax
  ) throws(Failure) -> [UInt8] {
    // Not blocking, or a named pipe would keep us here for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Failure(text: "can't be read: \(reason())") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Failure(text: "can't be read: \(reason())") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(text: "is no regular file") }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw Failure(text: "can't be read: \(reason())") }
      if got == 0 { break }
      count += got
    }
    guard count <= bytesMax else { throw Failure(text: "is larger than \(bytesMax) bytes") }
    return Array(bytes[..<count])
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
