internal import CUV

/// One piece of memory to write: the element of the list that `writev` takes.
package struct IOVector {
  var raw: uv_buf_t

  /// The bytes must stay until the call that takes the vector has returned, and no longer.
  package init(_ bytes: UnsafeRawBufferPointer) {
    // libuv's type lacks const; it only reads what it writes out.
    raw = uv_buf_t(
      base: UnsafeMutablePointer(
        mutating: bytes.baseAddress?.assumingMemoryBound(to: CChar.self)),
      len: bytes.count)
  }

  package init(_ start: UnsafeRawPointer, count: Int) {
    self.init(UnsafeRawBufferPointer(start: start, count: count))
  }

  package var count: Int { raw.len }
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: raw.base, count: raw.len)
  }
}

extension UnsafeBufferPointer<IOVector> {
  /// A struct of one field has the layout of that field.
  @inline(__always)
  var raw: UnsafePointer<uv_buf_t>? {
    UnsafeRawPointer(baseAddress)?.assumingMemoryBound(to: uv_buf_t.self)
  }
}
