internal import CUV
internal import Glibc

/// Accepts TCP connections, without delaying small writes on them.
package final class TCPListener: Handle {
  package typealias Arrival = Result<StreamHandle, UVError>

  private let backlog: Int32
  private var arrived: ((Arrival) -> Void)?
  private var turns: AcceptTurns?

  /// Binds the address; port 0 lets the kernel choose one (see `address`).
  /// The corresponding libuv functions are `uv_tcp_init` and `uv_tcp_bind`.
  package init(
    on loop: Loop, _ address: SocketAddress, backlog: Int32 = UnixListener.usualBacklog
  ) throws(UVError) {
    self.backlog = backlog
    try super.init(on: loop, as: UV_TCP, "uv_tcp_init") {
      uv_tcp_init(loop.raw, $0.assumingMemoryBound(to: uv_tcp_t.self))
    }
    let status = address.withPointer { uv_tcp_bind(tcp, $0, 0) }
    if status < 0 {
      close()
      throw UVError(status: status, "uv_tcp_bind")
    }
  }

  /// Takes over a listening TCP socket from whoever started us (socket activation).
  package init(
    on loop: Loop, inheriting descriptor: Int32, backlog: Int32 = UnixListener.usualBacklog
  ) throws(ListenError) {
    guard isListener(descriptor, of: [AF_INET, AF_INET6]) else {
      throw .notAListener(descriptor: descriptor)
    }
    self.backlog = backlog
    do throws(UVError) {
      try super.init(on: loop, as: UV_TCP, "uv_tcp_init") {
        uv_tcp_init(loop.raw, $0.assumingMemoryBound(to: uv_tcp_t.self))
      }
    } catch {
      throw .failed(error)
    }
    let status = uv_tcp_open(tcp, descriptor)
    if status < 0 {
      close()
      throw .failed(UVError(status: status, "uv_tcp_open"))
    }
  }

  /// Begins to listen and accept; an address in use is found here.
  /// The corresponding libuv functions are `uv_listen` and `uv_accept`.
  package func accept(_ arrived: @escaping (Arrival) -> Void) throws(UVError) {
    self.arrived = arrived
    if turns == nil { turns = try AcceptTurns(on: loop) }
    try check(uv_listen(stream, backlog, tcpConnectionArrived), "uv_listen")
  }

  /// Where it listens. The corresponding libuv function is `uv_tcp_getsockname`.
  package var address: SocketAddress {
    get throws(UVError) {
      try SocketAddress.read("uv_tcp_getsockname") { uv_tcp_getsockname(tcp, $0, $1) }
    }
  }

  override func willClose() { turns?.close() }
  override func didClose() { arrived = nil }

  fileprivate func connectionArrived(_ status: Int32) {
    guard status == 0, let turns else { return deliver(status) }
    turns.arrived { [unowned self] in deliver(0) }
  }

  private func deliver(_ status: Int32) { arrived?(connection(status)) }

  private func connection(_ status: Int32) -> Arrival {
    do throws(UVError) {
      try check(status, "accept")
      let connection = try StreamHandle(on: loop, .tcp)
      do throws(UVError) {
        try check(uv_accept(stream, connection.stream), "uv_accept")
        try connection.sendWithoutDelay()
        return .success(connection)
      } catch {
        connection.close()
        throw error
      }
    } catch {
      return .failure(error)
    }
  }

  private var tcp: UnsafeMutablePointer<uv_tcp_t> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_tcp_t.self)
  }

  private var stream: UnsafeMutablePointer<uv_stream_t> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_stream_t.self)
  }
}

private func tcpConnectionArrived(_ raw: UnsafeMutablePointer<uv_stream_t>?, _ status: Int32) {
  unretained(TCPListener.self, raw?.pointee.data)._withUnsafeGuaranteedRef {
    $0.connectionArrived(status)
  }
}
