internal import CUV

extension StreamHandle {
  /// Connects to a Unix socket. `tryAgain` means that the listener's queue is full: nothing is
  /// pending then, close and come back later. The corresponding libuv function is
  /// `uv_pipe_connect`.
  package func connect(
    toPath path: String, then completion: @escaping (UVError?) -> Void
  ) throws(UVError) {
    guard isOpen else { throw UVError(.canceled, "uv_pipe_connect") }
    // libuv 1.44 would silently cut a longer path, and reads an empty or abstract one as itself.
    let length = path.utf8.count
    guard length <= UnixSocketPath.longest else { throw UVError(.nameTooLong, "uv_pipe_connect") }
    guard length > 0, !path.utf8.contains(0) else {
      throw UVError(.invalidArgument, "uv_pipe_connect")
    }
    let request = CompletionRequest<uv_connect_t>(completion)
    request.raw.pointee.data = Unmanaged.passRetained(request).toOpaque()
    uv_pipe_connect(request.raw, pointer(), path, connectEnded)
  }

  /// Connects to one TCP address, without delaying small writes.
  /// The corresponding libuv function is `uv_tcp_connect`.
  package func connect(
    to address: SocketAddress, then completion: @escaping (UVError?) -> Void
  ) throws(UVError) {
    guard isOpen else { throw UVError(.canceled, "uv_tcp_connect") }
    let request = CompletionRequest<uv_connect_t> { [self] error in
      var error = error
      if error == nil {
        do throws(UVError) { try sendWithoutDelay() } catch let failure { error = failure }
      }
      completion(error)
    }
    let retained = Unmanaged.passRetained(request)
    request.raw.pointee.data = retained.toOpaque()
    let status = address.withPointer {
      uv_tcp_connect(request.raw, pointer(), $0, connectEnded)
    }
    if status < 0 {
      retained.release()
      throw UVError(status: status, "uv_tcp_connect")
    }
  }

  /// Resolves `host` on the pool and connects to its addresses, one after the other, until one
  /// answers. The stream is the caller's, connected, not yet attached.
  package static func connect(
    on loop: Loop, host: String, port: UInt16,
    then completion: @escaping (Result<StreamHandle, UVError>) -> Void
  ) throws(UVError) {
    try Resolver.resolve(on: loop, host: host, port: port) { result in
      switch result {
      case .failure(let error): completion(.failure(error))
      case .success(let addresses):
        connect(
          on: loop, addresses[...], failure: UVError(.noSuchFile, "uv_getaddrinfo"), completion)
      }
    }
  }

  private static func connect(
    on loop: Loop, _ addresses: ArraySlice<SocketAddress>, failure: UVError,
    _ completion: @escaping (Result<StreamHandle, UVError>) -> Void
  ) {
    guard let address = addresses.first else { return completion(.failure(failure)) }
    do throws(UVError) {
      let stream = try StreamHandle(on: loop, .tcp)
      do throws(UVError) {
        try stream.connect(to: address) { error in
          guard let error else { return completion(.success(stream)) }
          stream.close()
          if error.code == .canceled { return completion(.failure(error)) }
          connect(on: loop, addresses.dropFirst(), failure: error, completion)
        }
      } catch {
        stream.close()
        throw error
      }
    } catch {
      connect(on: loop, addresses.dropFirst(), failure: error, completion)
    }
  }
}

private func connectEnded(_ raw: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
  guard let data = raw?.pointee.data else { return }
  Unmanaged<CompletionRequest<uv_connect_t>>.fromOpaque(data).takeRetainedValue()
    .complete(status < 0 ? UVError(status: status, "connect") : nil)
}
