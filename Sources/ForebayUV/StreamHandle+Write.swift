internal import CUV
internal import ForebayWire

/// What came of a `tryWrite`.
package enum WriteResult: Equatable {
  /// So many bytes are out; possibly fewer than were given.
  case written(Int)
  /// Nothing is out: the socket is full, still connecting, or a `write` is under way.
  case wouldBlock
  /// The stream is broken. Close it.
  case failed(UVError)
}

extension StreamHandle {
  /// Writes what the socket takes now. Allocates nothing and keeps nothing.
  /// The corresponding libuv function is `uv_try_write`.
  package func tryWrite(_ vectors: UnsafeBufferPointer<IOVector>) -> WriteResult {
    guard vectors.count > 0 else { return .written(0) }
    let status = uv_try_write(stream, vectors.raw, UInt32(truncatingIfNeeded: vectors.count))
    if status >= 0 { return .written(Int(status)) }
    if status == UV_EAGAIN.rawValue { return .wouldBlock }
    return .failed(UVError(status: status, "uv_try_write"))
  }

  package func tryWrite(_ bytes: UnsafeRawBufferPointer) -> WriteResult {
    withUnsafePointer(to: IOVector(bytes)) {
      tryWrite(UnsafeBufferPointer(start: $0, count: 1))
    }
  }

  /// Copies all but the first `written` bytes and writes them as soon as the socket takes them.
  /// `streamDrained` follows, or `streamWriteFailed`. The caller bounds how much that may be.
  /// The corresponding libuv function is `uv_write`.
  package func write(
    copying vectors: UnsafeBufferPointer<IOVector>, after written: Int = 0
  ) throws(UVError) {
    var total = 0
    for vector in vectors { total += vector.count }
    invariant(written >= 0 && written <= total, "more was written than there was")
    guard written < total else { return }
    let request = loop.writeRequests.take(capacity: total - written)
    var toSkip = written
    for vector in vectors {
      let skipped = min(toSkip, vector.count)
      toSkip -= skipped
      request.append(UnsafeRawBufferPointer(rebasing: vector.bytes[skipped...]))
    }
    try start(request)
  }

  package func write(copying bytes: UnsafeRawBufferPointer) throws(UVError) {
    guard bytes.count > 0 else { return }
    let request = loop.writeRequests.take(capacity: bytes.count)
    request.append(bytes)
    try start(request)
  }

  /// Bytes given to `write` that aren't out yet.
  /// The corresponding libuv function is `uv_stream_get_write_queue_size`.
  package var bytesToWrite: Int { uv_stream_get_write_queue_size(stream) }

  /// Ends our direction once all writes are out, so that the peer reads to an end of file.
  /// The corresponding libuv function is `uv_shutdown`.
  package func shutdown(then completion: @escaping (UVError?) -> Void) throws(UVError) {
    let request = CompletionRequest<uv_shutdown_t>(completion)
    let retained = Unmanaged.passRetained(request)
    request.raw.pointee.data = retained.toOpaque()
    let status = uv_shutdown(request.raw, stream, shutdownEnded)
    if status < 0 {
      retained.release()
      throw UVError(status: status, "uv_shutdown")
    }
  }

  private func start(_ request: WriteRequest) throws(UVError) {
    let status = request.start(on: stream, writeEnded)
    if status < 0 {
      loop.writeRequests.giveBack(request)
      throw UVError(status: status, "uv_write")
    }
    writeQueued()
  }
}

private func writeEnded(_ raw: UnsafeMutablePointer<uv_write_t>?, _ status: Int32) {
  guard let raw, let handle = raw.pointee.handle else { return }
  let request = WriteRequest.answered(raw)
  unretained(StreamHandle.self, handle.pointee.data)._withUnsafeGuaranteedRef {
    $0.loop.writeRequests.giveBack(request)
    $0.writeAnswered(status)
  }
}

private func shutdownEnded(_ raw: UnsafeMutablePointer<uv_shutdown_t>?, _ status: Int32) {
  guard let data = raw?.pointee.data else { return }
  Unmanaged<CompletionRequest<uv_shutdown_t>>.fromOpaque(data).takeRetainedValue()
    .complete(status < 0 ? UVError(status: status, "uv_shutdown") : nil)
}
