internal import CUV
internal import ForebayWire

/// A connected Unix or TCP socket (or an end of a pipe).
///
/// The owner is kept alive from `attach` until the close callback.
package final class StreamHandle: Handle {
  package enum Kind: Equatable {
    case pipe
    case tcp
  }

  package let kind: Kind
  private var delivery: StreamDelivery?
  /// The same, for calls that don't count references.
  private var unretainedDelivery: Unmanaged<StreamDelivery>?
  /// Requests of `write` that haven't been answered.
  private var writesUnderWay = 0
  private var isReading = false

  /// The corresponding libuv functions are `uv_pipe_init` and `uv_tcp_init`.
  package init(on loop: Loop, _ kind: Kind) throws(UVError) {
    self.kind = kind
    switch kind {
    case .pipe:
      try super.init(on: loop, as: UV_NAMED_PIPE, "uv_pipe_init") {
        uv_pipe_init(loop.raw, $0.assumingMemoryBound(to: uv_pipe_t.self), 0)
      }
    case .tcp:
      try super.init(on: loop, as: UV_TCP, "uv_tcp_init") {
        uv_tcp_init(loop.raw, $0.assumingMemoryBound(to: uv_tcp_t.self))
      }
    }
  }

  /// Takes over a connected descriptor and makes it non-blocking.
  /// The corresponding libuv functions are `uv_pipe_open` and `uv_tcp_open`.
  package func open(_ descriptor: Int32) throws(UVError) {
    guard isOpen else { throw UVError(.canceled, "uv_pipe_open") }
    switch kind {
    case .pipe: try check(uv_pipe_open(pointer(), descriptor), "uv_pipe_open")
    case .tcp:
      try check(uv_tcp_open(pointer(), descriptor), "uv_tcp_open")
      try sendWithoutDelay()
    }
  }

  /// Names who is told about reads, writes and the end: once, for the stream's whole life.
  package func attach<Owner: StreamOwner>(_ owner: Owner) {
    invariant(delivery == nil, "a stream was given a second owner")
    let delivery = OwnerDelivery(owner)
    self.delivery = delivery
    unretainedDelivery = .passUnretained(delivery)
  }

  var stream: UnsafeMutablePointer<uv_stream_t> { pointer() }

  func pointer<T>() -> UnsafeMutablePointer<T> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: T.self)
  }

  override func didClose() {
    invariant(writesUnderWay == 0, "a stream closed before its writes were answered")
    let delivery = self.delivery
    self.delivery = nil
    unretainedDelivery = nil
    delivery?.streamClosed(self)
  }

  // MARK: Reading

  /// Begins to read, and goes on until the end. There is no stopping, since a stream that isn't
  /// read can't tell that its peer has gone. The corresponding libuv function is `uv_read_start`.
  package func startReading() throws(UVError) {
    guard isOpen else { throw UVError(.canceled, "uv_read_start") }
    invariant(delivery != nil, "a stream was read before it had an owner")
    guard !isReading else { return }
    try check(uv_read_start(stream, readWillHappen, readHappened), "uv_read_start")
    isReading = true
  }

  @inline(__always)
  fileprivate func lendBuffer() -> UnsafeMutableRawBufferPointer {
    unretainedDelivery.unsafelyUnwrapped._withUnsafeGuaranteedRef { $0.streamWillRead(self) }
  }

  @inline(__always)
  fileprivate func readReturned(_ count: Int, capacity: Int) {
    if count >= 0 {
      unretainedDelivery.unsafelyUnwrapped._withUnsafeGuaranteedRef {
        $0.streamRead(self, count: count)
      }
    } else {
      readEnded(Int32(truncatingIfNeeded: count), capacity: capacity)
    }
  }

  @inline(never)
  private func readEnded(_ status: Int32, capacity: Int) {
    // Our own refusal of a buffer comes back in this form. The watcher stays armed and the poll is
    // level-triggered, so that the next turn asks again.
    if status == UV_ENOBUFS.rawValue && capacity == 0 { return }
    if status == UV_EOF.rawValue {
      delivery?.streamReadEnded(self, .endOfFile)
    } else {
      delivery?.streamReadEnded(self, .failed(UVError(status: status, "read")))
    }
  }

  // MARK: Answers to writes (see StreamHandle+Write.swift)

  func writeQueued() { writesUnderWay += 1 }

  func writeAnswered(_ status: Int32) {
    writesUnderWay -= 1
    // After close the owner only waits for `streamClosed`.
    guard isOpen, let delivery else { return }
    if status < 0 {
      delivery.streamWriteFailed(self, UVError(status: status, "uv_write"))
    } else if writesUnderWay == 0 {
      delivery.streamDrained(self)
    }
  }
}

private func readWillHappen(
  _ raw: UnsafeMutablePointer<uv_handle_t>?, _: Int, _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
  let memory = unretained(StreamHandle.self, raw?.pointee.data)._withUnsafeGuaranteedRef {
    $0.lendBuffer()
  }
  buffer.unsafelyUnwrapped.pointee = uv_buf_t(
    base: memory.baseAddress?.assumingMemoryBound(to: CChar.self), len: memory.count)
}

private func readHappened(
  _ raw: UnsafeMutablePointer<uv_stream_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?
) {
  unretained(StreamHandle.self, raw?.pointee.data)._withUnsafeGuaranteedRef {
    $0.readReturned(count, capacity: buffer.unsafelyUnwrapped.pointee.len)
  }
}
