internal import CUV

/// Watches a socket that somebody else owns: a library that does its own reading and writing.
///
/// Close it before the owner closes the socket: the number may be another socket's at once.
package final class Poll: Handle {
  package struct Events: OptionSet, Equatable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let readable = Events(rawValue: 1)
    package static let writable = Events(rawValue: 2)
  }

  private var action: ((Events?) -> Void)?
  private var watched: Events = []

  /// `action` is called with what is possible, or with nil when the socket is broken: then it isn't
  /// watched any more, and its owner finds out by reading. The corresponding libuv function is
  /// `uv_poll_init`.
  package init(
    on loop: Loop, descriptor: Int32, _ action: @escaping (Events?) -> Void
  ) throws(UVError) {
    self.action = action
    try super.init(on: loop, as: UV_POLL, "uv_poll_init") {
      uv_poll_init(loop.raw, $0.assumingMemoryBound(to: uv_poll_t.self), descriptor)
    }
  }

  private var poll: UnsafeMutablePointer<uv_poll_t> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_poll_t.self)
  }

  /// Watches for `events` from now on; for none stops. The corresponding libuv functions are
  /// `uv_poll_start` and `uv_poll_stop`.
  package func watch(_ events: Events) {
    // libuv would take it out of epoll and put it there again.
    guard isOpen, events != watched else { return }
    watched = events
    if events.isEmpty {
      uv_poll_stop(poll)
    } else {
      var mask: UInt32 = 0
      if events.contains(.readable) { mask |= UV_READABLE.rawValue }
      if events.contains(.writable) { mask |= UV_WRITABLE.rawValue }
      // It fails only for a handle that is closing.
      uv_poll_start(poll, Int32(mask), pollFired)
    }
  }

  override func didClose() { action = nil }

  fileprivate func fired(_ status: Int32, _ mask: Int32) {
    guard isOpen else { return }
    guard status >= 0 else {
      // libuv has stopped the handle.
      watched = []
      action?(nil)
      return
    }
    var events: Events = []
    if UInt32(mask) & UV_READABLE.rawValue != 0 { events.insert(.readable) }
    if UInt32(mask) & UV_WRITABLE.rawValue != 0 { events.insert(.writable) }
    action?(events)
  }
}

private func pollFired(_ raw: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ mask: Int32) {
  unretained(Poll.self, raw?.pointee.data)._withUnsafeGuaranteedRef { $0.fired(status, mask) }
}
