internal import CUV

/// One piece of work on libuv's thread pool.
package final class Work {
  private let request: UnsafeMutablePointer<uv_work_t>
  private let body: @Sendable () -> Void
  private var completion: ((UVError?) -> Void)?

  /// Runs `body` on a pool thread and then `completion` on the loop's thread, with `canceled` if
  /// `cancel()` came in time. The corresponding libuv function is `uv_queue_work`.
  @discardableResult
  package init(
    on loop: Loop, _ body: @escaping @Sendable () -> Void,
    then completion: @escaping (UVError?) -> Void
  ) throws(UVError) {
    self.body = body
    self.completion = completion
    request = .allocate(capacity: 1)
    let retained = Unmanaged.passRetained(self)
    request.pointee.data = retained.toOpaque()
    let status = uv_queue_work(loop.raw, request, workRuns, workEnded)
    if status < 0 {
      retained.release()
      throw UVError(status: status, "uv_queue_work")
    }
  }

  deinit { request.deallocate() }

  /// True if the work hadn't begun and won't. The corresponding libuv function is `uv_cancel`.
  @discardableResult
  package func cancel() -> Bool {
    // After the completion libuv has let go of the request and mustn't see it again.
    guard completion != nil else { return false }
    return UnsafeMutableRawPointer(request).withMemoryRebound(to: uv_req_t.self, capacity: 1) {
      uv_cancel($0) == 0
    }
  }

  fileprivate func run() { body() }

  fileprivate func ended(_ status: Int32) {
    let completion = self.completion
    self.completion = nil
    completion?(status < 0 ? UVError(status: status, "uv_queue_work") : nil)
  }
}

private func workRuns(_ request: UnsafeMutablePointer<uv_work_t>?) {
  guard let data = request?.pointee.data else { return }
  Unmanaged<Work>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.run() }
}

private func workEnded(_ request: UnsafeMutablePointer<uv_work_t>?, _ status: Int32) {
  guard let data = request?.pointee.data else { return }
  Unmanaged<Work>.fromOpaque(data).takeRetainedValue().ended(status)
}
