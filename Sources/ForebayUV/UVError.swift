internal import CUV

/// What libuv or the kernel answered, and which call it answered.
package struct UVError: Error, Equatable, Sendable, CustomStringConvertible {
  package let code: Code
  /// The C function that failed, such as `uv_pipe_open`.
  package let call: StaticString

  package init(_ code: Code, _ call: StaticString) {
    self.code = code
    self.call = call
  }

  init(status: Int32, _ call: StaticString) {
    self.init(Code(rawValue: status), call)
  }

  /// For a plain C call that has just failed with `errno`.
  init(errno number: Int32, _ call: StaticString) {
    self.init(Code(rawValue: -number), call)
  }

  package var description: String { "\(call): \(code.explanation) (\(code.name))" }

  package static func == (a: UVError, b: UVError) -> Bool {
    a.code == b.code && a.call.description == b.call.description
  }
}

extension UVError {
  /// A libuv code: on Linux the negative `errno`, or one of libuv's own below -3000.
  package struct Code: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// Such as `ECONNREFUSED`.
    package var name: String { text(uv_err_name_r) }
    /// Such as `connection refused`.
    package var explanation: String { text(uv_strerror_r) }

    private func text(
      _ fill: (Int32, UnsafeMutablePointer<CChar>?, Int) -> UnsafeMutablePointer<CChar>?
    ) -> String {
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        _ = fill(rawValue, buffer.baseAddress, buffer.count)
        return String(cString: buffer.baseAddress!)
      }
    }
  }
}

extension UVError.Code {
  package static let canceled = Self(uv: UV_ECANCELED)
  package static let tryAgain = Self(uv: UV_EAGAIN)
  package static let busy = Self(uv: UV_EBUSY)
  package static let brokenPipe = Self(uv: UV_EPIPE)
  package static let connectionRefused = Self(uv: UV_ECONNREFUSED)
  package static let connectionReset = Self(uv: UV_ECONNRESET)
  package static let noSuchFile = Self(uv: UV_ENOENT)
  package static let accessDenied = Self(uv: UV_EACCES)
  package static let notPermitted = Self(uv: UV_EPERM)
  package static let addressInUse = Self(uv: UV_EADDRINUSE)
  package static let nameTooLong = Self(uv: UV_ENAMETOOLONG)
  package static let invalidArgument = Self(uv: UV_EINVAL)
  package static let noSuchProcess = Self(uv: UV_ESRCH)
  package static let tooManyDescriptors = Self(uv: UV_EMFILE)
  package static let notASocket = Self(uv: UV_ENOTSOCK)
  package static let notConnected = Self(uv: UV_ENOTCONN)
  package static let timedOut = Self(uv: UV_ETIMEDOUT)

  private init(uv code: uv_errno_t) { self.init(rawValue: code.rawValue) }
}

/// The one place where a status becomes an error.
@inline(__always)
func check(_ status: Int32, _ call: StaticString) throws(UVError) {
  if status < 0 { throw UVError(status: status, call) }
}
