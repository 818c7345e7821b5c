internal import CUV

/// A function that runs once in every turn of the loop, at a fixed place in it.
///
/// It doesn't keep the loop alive. `idle` also keeps the loop from waiting: use it only while
/// there is work that was put off to the next turn.
package final class TurnHook: Handle {
  package enum Place {
    /// Before the loop waits: the last chance to write what timers have produced.
    case beforePolling
    /// After all reads and writes of this turn.
    case afterPolling
    /// Like `beforePolling`, and makes the turn not wait.
    case idle
  }

  package let place: Place
  private var action: (() -> Void)?

  package init(on loop: Loop, _ place: Place) throws(UVError) {
    self.place = place
    switch place {
    case .beforePolling:
      try super.init(on: loop, as: UV_PREPARE, "uv_prepare_init") {
        uv_prepare_init(loop.raw, $0.assumingMemoryBound(to: uv_prepare_t.self))
      }
    case .afterPolling:
      try super.init(on: loop, as: UV_CHECK, "uv_check_init") {
        uv_check_init(loop.raw, $0.assumingMemoryBound(to: uv_check_t.self))
      }
    case .idle:
      try super.init(on: loop, as: UV_IDLE, "uv_idle_init") {
        uv_idle_init(loop.raw, $0.assumingMemoryBound(to: uv_idle_t.self))
      }
    }
    keepsLoopAlive = false
  }

  /// The corresponding libuv functions are `uv_prepare_start`, `uv_check_start`, `uv_idle_start`.
  package func start(_ action: @escaping () -> Void) {
    guard isOpen else { return }
    self.action = action
    // These can't fail with a callback that isn't null.
    switch place {
    case .beforePolling: uv_prepare_start(pointer(), prepareTurned)
    case .afterPolling: uv_check_start(pointer(), checkTurned)
    case .idle: uv_idle_start(pointer(), idleTurned)
    }
  }

  package func stop() {
    switch place {
    case .beforePolling: uv_prepare_stop(pointer())
    case .afterPolling: uv_check_stop(pointer())
    case .idle: uv_idle_stop(pointer())
    }
  }

  override func didClose() { action = nil }

  fileprivate func turn() { action?() }

  private func pointer<T>() -> UnsafeMutablePointer<T> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: T.self)
  }
}

private func prepareTurned(_ raw: UnsafeMutablePointer<uv_prepare_t>?) {
  unretained(TurnHook.self, raw?.pointee.data)._withUnsafeGuaranteedRef { $0.turn() }
}

private func checkTurned(_ raw: UnsafeMutablePointer<uv_check_t>?) {
  unretained(TurnHook.self, raw?.pointee.data)._withUnsafeGuaranteedRef { $0.turn() }
}

private func idleTurned(_ raw: UnsafeMutablePointer<uv_idle_t>?) {
  unretained(TurnHook.self, raw?.pointee.data)._withUnsafeGuaranteedRef { $0.turn() }
}
