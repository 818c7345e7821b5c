internal import CUV

/// Turns a signal into a call on the loop's thread. It doesn't keep the loop alive.
package final class SignalHandle: Handle {
  package let signal: Int32
  private var action: (() -> Void)?

  /// Starts watching at once. The corresponding libuv functions are `uv_signal_init` and
  /// `uv_signal_start`.
  package init(on loop: Loop, _ signal: Int32, _ action: @escaping () -> Void) throws(UVError) {
    self.signal = signal
    self.action = action
    try super.init(on: loop, as: UV_SIGNAL, "uv_signal_init") {
      uv_signal_init(loop.raw, $0.assumingMemoryBound(to: uv_signal_t.self))
    }
    keepsLoopAlive = false
    let handle = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_signal_t.self)
    let status = uv_signal_start(handle, signalArrived, signal)
    if status < 0 {
      close()
      throw UVError(status: status, "uv_signal_start")
    }
  }

  override func didClose() { action = nil }

  fileprivate func arrived() { action?() }
}

private func signalArrived(_ raw: UnsafeMutablePointer<uv_signal_t>?, _: Int32) {
  unretained(SignalHandle.self, raw?.pointee.data)._withUnsafeGuaranteedRef { $0.arrived() }
}
