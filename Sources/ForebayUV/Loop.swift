internal import CUV
internal import ForebayWire
internal import Glibc

/// One event loop. It belongs to one thread: everything on it is called from there, save
/// `Waker.wake`.
///
/// The order of a turn is: due timers, callbacks that were put off, idle and `beforePolling`
/// hooks, polling (reads, writes, accepts), `afterPolling` hooks, close callbacks. Polling may
/// wait as long as the next timer allows, so what a timer produced must be flushed
/// `beforePolling`.
package final class Loop {
  let raw: UnsafeMutablePointer<uv_loop_t>
  /// Write requests between uses, so that a remainder costs no malloc in steady state.
  var writeRequests = WriteRequestPool()
  private var isClosed = false

  /// Also makes the process ignore SIGPIPE: libuv writes with `writev`, which would raise it
  /// whenever a peer has gone. Children get the default disposition back from `uv_spawn`.
  /// The corresponding libuv function is `uv_loop_init`.
  package init() throws(UVError) {
    raw = .allocate(capacity: 1)
    let status = uv_loop_init(raw)
    if status < 0 {
      // `deinit` runs, since every property is set.
      isClosed = true
      throw UVError(status: status, "uv_loop_init")
    }
    signal(SIGPIPE, SIG_IGN)
  }

  deinit {
    invariant(isClosed, "a loop was released before it was closed")
    raw.deallocate()
  }

  /// The corresponding libuv function is `uv_version_string`.
  package static var libraryVersion: String { String(cString: uv_version_string()) }

  /// Monotonic nanoseconds, read now and not cached as `uv_now` is.
  /// The corresponding libuv function is `uv_hrtime`.
  package static var now: UInt64 { uv_hrtime() }
  package var now: UInt64 { uv_hrtime() }

  /// Runs until `stop()` or until nothing alive is left. True if something still was alive.
  /// The corresponding libuv function is `uv_run`.
  @discardableResult
  package func run() -> Bool { uv_run(raw, UV_RUN_DEFAULT) != 0 }

  /// Runs one turn, waiting for an event if there is none.
  @discardableResult
  package func runOnce() -> Bool { uv_run(raw, UV_RUN_ONCE) != 0 }

  /// Runs one turn without waiting.
  @discardableResult
  package func runWithoutWaiting() -> Bool { uv_run(raw, UV_RUN_NOWAIT) != 0 }

  /// Makes `run()` return at the end of this turn. The corresponding libuv function is `uv_stop`.
  package func stop() { uv_stop(raw) }

  /// Whether handles or requests are left that `run()` would wait for.
  /// The corresponding libuv function is `uv_loop_alive`.
  package var isAlive: Bool { uv_loop_alive(raw) != 0 }

  /// Calls `close()` on every handle that is open. The corresponding libuv function is `uv_walk`.
  package func closeAllHandles() { uv_walk(raw, closeWalkedHandle, nil) }

  /// Ends the loop; fails with `busy` while a handle isn't closed.
  /// The corresponding libuv function is `uv_loop_close`.
  package func close() throws(UVError) {
    guard !isClosed else { return }
    try check(uv_loop_close(raw), "uv_loop_close")
    isClosed = true
  }

  /// The clean end: closes every handle, also those that callbacks open meanwhile, turns until
  /// all close callbacks have been called (and work on the pool, which can't be stopped, has
  /// ended), and closes the loop.
  package func finish() throws(UVError) {
    guard !isClosed else { return }
    var status: Int32
    repeat {
      closeAllHandles()
      status = runOnce() ? UV_EBUSY.rawValue : uv_loop_close(raw)
    } while status == UV_EBUSY.rawValue
    try check(status, "uv_loop_close")
    isClosed = true
  }
}
