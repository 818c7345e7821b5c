internal import CUV
internal import ForebayWire

/// A mutual exclusion between threads.
///
/// The standard library's `Mutex` would do, but its contended path passes through the kernel where
/// ThreadSanitizer can't follow it, and then reports races that don't exist. A sanitizer that cries
/// wolf isn't read.
package final class Lock: @unchecked Sendable {
  private let raw = UnsafeMutablePointer<uv_mutex_t>.allocate(capacity: 1)

  /// The corresponding libuv function is `uv_mutex_init`.
  package init() {
    let status = uv_mutex_init(raw)
    invariant(status == 0, "a lock couldn't be made: \(UVError(status: status, "uv_mutex_init"))")
  }

  deinit {
    uv_mutex_destroy(raw)
    raw.deallocate()
  }

  package func withLock<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    uv_mutex_lock(raw)
    defer { uv_mutex_unlock(raw) }
    return try body()
  }
}
