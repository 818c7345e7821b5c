internal import CUV

/// A rare request of libuv (`uv_connect_t`, `uv_shutdown_t`, `uv_getaddrinfo_t`) at a stable
/// address, with what to call when it ends. It is retained in the request's `data` meanwhile.
final class CompletionRequest<Request> {
  let raw: UnsafeMutablePointer<Request>
  private var completion: ((UVError?) -> Void)?

  init(_ completion: @escaping (UVError?) -> Void) {
    raw = .allocate(capacity: 1)
    self.completion = completion
  }

  deinit { raw.deallocate() }

  func complete(_ error: UVError?) {
    let completion = self.completion
    self.completion = nil
    completion?(error)
  }
}
