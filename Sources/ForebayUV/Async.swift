internal import CUV

/// Lets other threads wake the loop. Several calls of `wake` may become one call of the action.
package final class Async: Handle {
  /// The only part that other threads may hold.
  package let waker: Waker
  private var action: (() -> Void)?

  /// The corresponding libuv function is `uv_async_init`.
  package init(on loop: Loop, _ action: @escaping () -> Void) throws(UVError) {
    self.action = action
    waker = Waker()
    try super.init(on: loop, as: UV_ASYNC, "uv_async_init") {
      uv_async_init(loop.raw, $0.assumingMemoryBound(to: uv_async_t.self), asyncWoken)
    }
    waker.open(UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_async_t.self))
  }

  override func willClose() { waker.close() }
  override func didClose() { action = nil }

  fileprivate func woken() { action?() }
}

/// Wakes the loop of its `Async` from any thread, and does nothing once that is closed.
package final class Waker: @unchecked Sendable {
  /// Keeps `wake` from touching a handle that the loop's thread is closing.
  private let lock = Lock()
  /// Guarded by `lock`; nil once closed.
  private var handle: UnsafeMutablePointer<uv_async_t>?

  fileprivate init() {}

  /// The corresponding libuv function is `uv_async_send`.
  package func wake() {
    lock.withLock { if let handle { uv_async_send(handle) } }
  }

  fileprivate func open(_ pointer: UnsafeMutablePointer<uv_async_t>) {
    lock.withLock { handle = pointer }
  }

  fileprivate func close() { lock.withLock { handle = nil } }
}

private func asyncWoken(_ raw: UnsafeMutablePointer<uv_async_t>?) {
  unretained(Async.self, raw?.pointee.data)._withUnsafeGuaranteedRef { $0.woken() }
}
