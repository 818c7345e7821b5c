internal import CUV
internal import ForebayWire

/// What every handle of libuv has in common: memory that doesn't move, and a life that ends in
/// the close callback and nowhere else.
///
/// An open handle keeps itself alive: libuv holds a retained reference in `handle.data`, released
/// when the close callback has run. So whoever opens a handle must close it (`Loop.finish` closes
/// what is left), and may drop every other reference at any time.
package class Handle {
  package let loop: Loop
  let raw: UnsafeMutablePointer<uv_handle_t>
  private var state = State.open

  private enum State {
    /// Entered by `init`. Can transition to: closing.
    case open
    /// Entered by `close()`: libuv still owns the memory. Can transition to: closed.
    case closing
    /// Entered by the close callback. The end.
    case closed
  }

  /// `open` calls libuv's init function for this type on memory of its size.
  init(
    on loop: Loop, as type: uv_handle_type, _ call: StaticString,
    open: (UnsafeMutableRawPointer) -> Int32
  ) throws(UVError) {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: uv_handle_size(type), alignment: MemoryLayout<uv_handle_t>.alignment)
    let status = open(memory)
    if status < 0 {
      memory.deallocate()
      throw UVError(status: status, call)
    }
    self.loop = loop
    raw = memory.assumingMemoryBound(to: uv_handle_t.self)
    raw.pointee.data = Unmanaged.passRetained(self).toOpaque()
  }

  deinit {
    invariant(state == .closed, "a handle was released before it was closed")
    raw.deallocate()
  }

  /// False from the call of `close()` on.
  package final var isOpen: Bool { state == .open }

  /// Ends the handle. Its callbacks for requests under way still come, with `canceled`, and
  /// then `didClose`. Closing twice is harmless. The corresponding libuv function is `uv_close`.
  package final func close() {
    guard state == .open else { return }
    state = .closing
    willClose()
    uv_close(raw, handleClosed)
  }

  /// Whether it alone may keep `Loop.run` from returning.
  /// The corresponding libuv functions are `uv_ref` and `uv_unref`.
  package final var keepsLoopAlive: Bool {
    get { uv_has_ref(raw) != 0 }
    set { if newValue { uv_ref(raw) } else { uv_unref(raw) } }
  }

  /// Called by `close()` while the handle is still whole.
  func willClose() {}

  /// Called by the close callback. Let go of closures and owners here: they may hold the handle.
  func didClose() {}

  fileprivate func finishClosing() {
    state = .closed
    didClose()
  }
}

/// The Swift object behind a pointer that libuv hands out.
@inline(__always)
func unretained<T: Handle>(_ type: T.Type, _ data: UnsafeMutableRawPointer?) -> Unmanaged<T> {
  Unmanaged<T>.fromOpaque(data.unsafelyUnwrapped)
}

private func handleClosed(_ raw: UnsafeMutablePointer<uv_handle_t>?) {
  guard let raw else { return }
  let handle = unretained(Handle.self, raw.pointee.data).takeRetainedValue()
  handle.finishClosing()
}

/// `uv_walk` calls this for each handle; all handles on our loops are `Handle`s.
func closeWalkedHandle(
  _ raw: UnsafeMutablePointer<uv_handle_t>?, _: UnsafeMutableRawPointer?
) {
  guard let raw else { return }
  unretained(Handle.self, raw.pointee.data)._withUnsafeGuaranteedRef { $0.close() }
}
