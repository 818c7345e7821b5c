import Glibc

/// Bytes on their way to a descriptor, gathered to large writes.
package final class OutputBuffer {
  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private static let flushBytes = 65_536

  package init(descriptor: Int32) {
    self.descriptor = descriptor
    bytes.reserveCapacity(Self.flushBytes)
  }

  package func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
  package func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
  func append(byte: UInt8) { bytes.append(byte) }

  /// Writes once enough has gathered. Between lines: so lines of several processes don't mix.
  func endLine() throws(StoreError) {
    bytes.append(UInt8(ascii: "\n"))
    if bytes.count >= Self.flushBytes { try flush() }
  }

  package func flush() throws(StoreError) {
    var start = 0
    while start < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress! + start, $0.count - start)
      }
      if count < 0 {
        guard errno == EINTR else { throw failed(errno) }
      } else {
        start += count
      }
    }
    bytes.removeAll(keepingCapacity: true)
  }

  private func failed(_ code: Int32) -> StoreError {
    bytes.removeAll()
    // The reader, say `head`, has had enough.
    let kind = code == EPIPE ? StoreError.Kind.closed : .inputOutput
    return StoreError(kind, "output", describe(errno: code))
  }
}
