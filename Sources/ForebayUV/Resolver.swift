internal import CUV
internal import Glibc

/// Names to addresses, on libuv's pool so that the loop doesn't wait.
package enum Resolver {
  /// The addresses come in the order in which they should be tried.
  /// The corresponding libuv function is `uv_getaddrinfo`.
  package static func resolve(
    on loop: Loop, host: String, port: UInt16,
    then completion: @escaping (Result<[SocketAddress], UVError>) -> Void
  ) throws(UVError) {
    let request = ResolveRequest(completion)
    let retained = Unmanaged.passRetained(request)
    request.raw.pointee.data = retained.toOpaque()
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV
    let status = uv_getaddrinfo(loop.raw, request.raw, resolveEnded, host, String(port), &hints)
    if status < 0 {
      retained.release()
      throw UVError(status: status, "uv_getaddrinfo")
    }
  }
}

private final class ResolveRequest {
  let raw: UnsafeMutablePointer<uv_getaddrinfo_t>
  let completion: (Result<[SocketAddress], UVError>) -> Void

  init(_ completion: @escaping (Result<[SocketAddress], UVError>) -> Void) {
    raw = .allocate(capacity: 1)
    self.completion = completion
  }

  deinit { raw.deallocate() }

  func resolved(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    guard status >= 0 else {
      return completion(.failure(UVError(status: status, "uv_getaddrinfo")))
    }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next {
      if let raw = entry.pointee.ai_addr, let address = SocketAddress(raw) {
        addresses.append(address)
      }
      next = entry.pointee.ai_next
    }
    uv_freeaddrinfo(list)
    completion(.success(addresses))
  }
}

private func resolveEnded(
  _ raw: UnsafeMutablePointer<uv_getaddrinfo_t>?, _ status: Int32,
  _ list: UnsafeMutablePointer<addrinfo>?
) {
  guard let data = raw?.pointee.data else { return }
  Unmanaged<ResolveRequest>.fromOpaque(data).takeRetainedValue().resolved(status, list)
}
