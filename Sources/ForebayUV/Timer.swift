internal import CUV

/// One timer with a resolution of a millisecond. It never fires early.
package final class Timer: Handle {
  private var action: (() -> Void)?
  /// The millisecond for which libuv is armed, so that arming it again for the same costs nothing.
  private var armedMillisecond: UInt64?

  /// `action` is called each time that the timer fires. The corresponding libuv function is
  /// `uv_timer_init`.
  package init(on loop: Loop, _ action: @escaping () -> Void) throws(UVError) {
    self.action = action
    try super.init(on: loop, as: UV_TIMER, "uv_timer_init") {
      uv_timer_init(loop.raw, $0.assumingMemoryBound(to: uv_timer_t.self))
    }
  }

  private var timer: UnsafeMutablePointer<uv_timer_t> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_timer_t.self)
  }

  /// Fires once, in the first turn that begins at or after `instant` (of `Loop.now`), instead of
  /// whatever was set before. The corresponding libuv function is `uv_timer_start`.
  package func fire(at instant: UInt64) {
    guard isOpen else { return }
    let target = instant / 1_000_000 + (instant % 1_000_000 == 0 ? 0 : 1)
    if armedMillisecond == target { return }
    // libuv adds the delay to its cached time, which is on the same clock as `Loop.now` and never
    // ahead of it. So the difference to the cached time is exact, whatever its age.
    let cached = uv_now(loop.raw)
    uv_timer_start(timer, timerFired, target > cached ? target - cached : 0, 0)
    armedMillisecond = target
  }

  /// Fires after `milliseconds` from now, and then again and again at that interval.
  package func fire(everyMilliseconds milliseconds: UInt64) {
    guard isOpen else { return }
    uv_update_time(loop.raw)
    uv_timer_start(timer, timerFired, milliseconds, milliseconds)
    armedMillisecond = nil
  }

  /// The corresponding libuv function is `uv_timer_stop`.
  package func cancel() {
    uv_timer_stop(timer)
    armedMillisecond = nil
  }

  package var isArmed: Bool { uv_is_active(raw) != 0 }

  override func didClose() { action = nil }

  fileprivate func fired() {
    armedMillisecond = nil
    action?()
  }
}

private func timerFired(_ raw: UnsafeMutablePointer<uv_timer_t>?) {
  unretained(Timer.self, raw?.pointee.data)._withUnsafeGuaranteedRef { $0.fired() }
}
