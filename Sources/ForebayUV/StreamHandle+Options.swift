internal import CUV
internal import Glibc

/// Who opened the other end of a Unix socket, as the kernel recorded it at `connect`.
///
/// Decide by `user` and `group` only. `process` is for a log: it may have ended and its number may
/// belong to another by now, and it is 0 across process namespaces.
package struct PeerCredentials: Equatable, Sendable {
  package let user: UInt32
  package let group: UInt32
  package let process: Int32

  package init(user: UInt32, group: UInt32, process: Int32) {
    self.user = user
    self.group = group
    self.process = process
  }
}

extension StreamHandle {
  /// The corresponding libuv function is `uv_fileno`.
  package var descriptor: Int32 {
    get throws(UVError) {
      var descriptor: Int32 = -1
      try check(uv_fileno(raw, &descriptor), "uv_fileno")
      return descriptor
    }
  }

  /// The corresponding socket option is `SO_PEERCRED`.
  package var peerCredentials: PeerCredentials {
    get throws(UVError) {
      var credentials = forebay_credentials()
      if forebay_peer_credentials(try descriptor, &credentials) != 0 {
        throw UVError(errno: errno, "getsockopt")
      }
      return PeerCredentials(
        user: credentials.uid, group: credentials.gid, process: credentials.pid)
    }
  }

  /// How many bytes the kernel may hold for us to read (`SO_RCVBUF`; on Linux, what is set comes
  /// back doubled). The corresponding libuv function is `uv_recv_buffer_size`.
  package func setReceiveBufferSize(_ bytes: Int32) throws(UVError) {
    var value = bytes
    try check(uv_recv_buffer_size(raw, &value), "uv_recv_buffer_size")
  }

  /// How many bytes the kernel may hold that we have written (`SO_SNDBUF`).
  /// The corresponding libuv function is `uv_send_buffer_size`.
  package func setSendBufferSize(_ bytes: Int32) throws(UVError) {
    var value = bytes
    try check(uv_send_buffer_size(raw, &value), "uv_send_buffer_size")
  }

  package var receiveBufferSize: Int32 {
    get throws(UVError) {
      var value: Int32 = 0
      try check(uv_recv_buffer_size(raw, &value), "uv_recv_buffer_size")
      return value
    }
  }

  package var sendBufferSize: Int32 {
    get throws(UVError) {
      var value: Int32 = 0
      try check(uv_send_buffer_size(raw, &value), "uv_send_buffer_size")
      return value
    }
  }

  /// The peer's TCP address. The corresponding libuv function is `uv_tcp_getpeername`.
  package var peerAddress: SocketAddress {
    get throws(UVError) {
      try SocketAddress.read("uv_tcp_getpeername") { uv_tcp_getpeername(pointer(), $0, $1) }
    }
  }

  /// Has the kernel ask, after so many seconds without traffic, whether the peer is still there.
  /// The corresponding libuv function is `uv_tcp_keepalive`.
  package func keepAlive(afterSeconds seconds: UInt32) throws(UVError) {
    try check(uv_tcp_keepalive(pointer(), 1, seconds), "uv_tcp_keepalive")
  }

  /// Lets small writes go at once (`TCP_NODELAY`): we write once per turn and know what we do.
  /// The corresponding libuv function is `uv_tcp_nodelay`.
  func sendWithoutDelay() throws(UVError) {
    try check(uv_tcp_nodelay(pointer(), 1), "uv_tcp_nodelay")
  }
}
