internal import CUV
internal import ForebayWire
internal import Glibc

/// Accepts connections on a Unix socket that it created or inherited.
///
/// At the descriptor limit libuv accepts and closes connections without calling anybody, so the
/// owner's own cap on connections must lie well below `DescriptorLimit`.
package final class UnixListener: Handle {
  package typealias Arrival = Result<(StreamHandle, PeerCredentials), UVError>

  /// 511 was enough for every server before us; the kernel cuts it to `somaxconn`.
  package static let usualBacklog: Int32 = 511

  /// Nil where the socket was inherited, and its name isn't ours to remove.
  private let file: UnixSocketFile?
  private let backlog: Int32
  private var arrived: ((Arrival) -> Void)?
  private var turns: AcceptTurns?

  /// Creates the socket, replacing a stale one; see `ListenError` for what is refused. Clients may
  /// connect from now on and wait in the kernel's queue until `accept` is called.
  ///
  /// libuv never learns the path (`uv_pipe_open`), because it would remove whatever has that name
  /// when it closes. `close()` removes it only if it still is this very socket.
  package init(
    on loop: Loop, path: String, mode: UInt32 = 0o600, group: UInt32? = nil,
    backlog: Int32 = UnixListener.usualBacklog
  ) throws(ListenError) {
    let file = try UnixSocketFile(path, mode: mode, group: group, backlog: backlog)
    self.file = file
    self.backlog = backlog
    do throws(UVError) {
      try super.init(on: loop, as: UV_NAMED_PIPE, "uv_pipe_init") {
        uv_pipe_init(loop.raw, $0.assumingMemoryBound(to: uv_pipe_t.self), 0)
      }
    } catch {
      file.remove()
      Glibc.close(file.descriptor)
      throw .failed(error)
    }
    try open(file.descriptor)
  }

  /// Whether a socket may have that path: to be asked before anything is made for it.
  package static func checkPath(_ path: String) throws(ListenError) { _ = try UnixSocketPath(path) }

  /// Takes over a listening Unix socket from whoever started us (socket activation). Its name in
  /// the file system belongs to them and stays.
  package init(
    on loop: Loop, inheriting descriptor: Int32, backlog: Int32 = UnixListener.usualBacklog
  ) throws(ListenError) {
    guard isListener(descriptor, of: [AF_UNIX]) else { throw .notAListener(descriptor: descriptor) }
    file = nil
    self.backlog = backlog
    do throws(UVError) {
      try super.init(on: loop, as: UV_NAMED_PIPE, "uv_pipe_init") {
        uv_pipe_init(loop.raw, $0.assumingMemoryBound(to: uv_pipe_t.self), 0)
      }
    } catch {
      throw .failed(error)
    }
    try open(descriptor)
  }

  /// Begins to accept. Each stream is the callee's to attach or close.
  /// The corresponding libuv functions are `uv_listen` and `uv_accept`.
  package func accept(_ arrived: @escaping (Arrival) -> Void) throws(UVError) {
    self.arrived = arrived
    if turns == nil { turns = try AcceptTurns(on: loop) }
    try check(uv_listen(pointer(), backlog, unixConnectionArrived), "uv_listen")
  }

  override func willClose() {
    file?.remove()
    turns?.close()
  }
  override func didClose() { arrived = nil }

  fileprivate func connectionArrived(_ status: Int32) {
    guard status == 0, let turns else { return deliver(status) }
    turns.arrived { [unowned self] in deliver(0) }
  }

  private func deliver(_ status: Int32) { arrived?(connection(status)) }

  private func connection(_ status: Int32) -> Arrival {
    do throws(UVError) {
      try check(status, "accept")
      let stream = try StreamHandle(on: loop, .pipe)
      do throws(UVError) {
        try check(uv_accept(pointer(), stream.stream), "uv_accept")
        return .success((stream, try stream.peerCredentials))
      } catch {
        stream.close()
        throw error
      }
    } catch {
      return .failure(error)
    }
  }

  private func open(_ descriptor: Int32) throws(ListenError) {
    let status = uv_pipe_open(
      UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_pipe_t.self), descriptor)
    if status < 0 {
      close()
      Glibc.close(descriptor)
      throw .failed(UVError(status: status, "uv_pipe_open"))
    }
  }

  private func pointer() -> UnsafeMutablePointer<uv_stream_t> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_stream_t.self)
  }
}

/// Whether a descriptor is what a listener may take over; makes it close on exec if so.
func isListener(_ descriptor: Int32, of families: [Int32]) -> Bool {
  guard families.contains(forebay_socket_option(descriptor, SO_DOMAIN)),
    forebay_socket_option(descriptor, SO_TYPE) == Int32(SOCK_STREAM.rawValue),
    forebay_socket_option(descriptor, SO_ACCEPTCONN) == 1
  else { return false }
  return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
}

private func unixConnectionArrived(_ raw: UnsafeMutablePointer<uv_stream_t>?, _ status: Int32) {
  unretained(UnixListener.self, raw?.pointee.data)._withUnsafeGuaranteedRef {
    $0.connectionArrived(status)
  }
}
