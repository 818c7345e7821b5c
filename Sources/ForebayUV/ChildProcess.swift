internal import CUV
internal import Glibc

/// A program started by us, and the notice of its end.
package final class ChildProcess: Handle {
  /// What a descriptor of the child is.
  package enum Stdio {
    /// `/dev/null`.
    case ignored
    /// A descriptor of ours, such as an open file. It stays ours to close.
    case descriptor(Int32)
    /// One end of a new socket pair for the child; `StreamHandle` (of kind `pipe`, not yet
    /// opened) becomes the other.
    case pipe(StreamHandle)
  }

  package enum Ending: Equatable, Sendable {
    case exited(Int64)
    case killed(signal: Int32)
  }

  package private(set) var processIdentifier: Int32 = 0
  /// Nil while it runs.
  package private(set) var ending: Ending?
  private var ended: ((Ending) -> Void)?

  /// Starts `arguments[0]`, looked up in PATH if it holds no slash. A nil environment is ours,
  /// passed on; `stdio` is descriptors 0, 1, 2 and so on. The handle is closed by itself when the
  /// child has ended. The corresponding libuv function is `uv_spawn`.
  package init(
    on loop: Loop, _ arguments: [String], environment: [String]? = nil,
    directory: String? = nil, stdio: [Stdio] = [.ignored, .descriptor(1), .descriptor(2)],
    then ended: @escaping (Ending) -> Void
  ) throws(UVError) {
    guard !arguments.isEmpty else { throw UVError(.invalidArgument, "uv_spawn") }
    self.ended = ended
    try super.init(on: loop, as: UV_PROCESS, "uv_spawn") {
      // There is no init function: `uv_spawn` does that first thing.
      $0.initializeMemory(as: UInt8.self, repeating: 0, count: uv_handle_size(UV_PROCESS))
      return 0
    }
    let data = raw.pointee.data
    let status = spawn(arguments, environment, directory, stdio)
    raw.pointee.data = data
    if status < 0 {
      close()
      throw UVError(status: status, "uv_spawn")
    }
    processIdentifier = process.pointee.pid
  }

  /// Sends a signal, unless the child has ended: then its number may be another's by now.
  /// The corresponding libuv function is `uv_process_kill`.
  package func kill(_ signal: Int32) throws(UVError) {
    guard isOpen, ending == nil else { throw UVError(.noSuchProcess, "uv_process_kill") }
    try check(uv_process_kill(process, signal), "uv_process_kill")
  }

  override func didClose() { ended = nil }

  private var process: UnsafeMutablePointer<uv_process_t> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_process_t.self)
  }

  fileprivate func exited(_ status: Int64, _ signal: Int32) {
    let ending = signal == 0 ? Ending.exited(status) : .killed(signal: signal)
    self.ending = ending
    close()
    ended?(ending)
  }

  private func spawn(
    _ arguments: [String], _ environment: [String]?, _ directory: String?, _ stdio: [Stdio]
  ) -> Int32 {
    let argumentList = CStringList(arguments)
    let environmentList = environment.map(CStringList.init)
    let directoryList = CStringList(directory.map { [$0] } ?? [])
    defer {
      argumentList.free()
      environmentList?.free()
      directoryList.free()
    }
    var containers = stdio.map(container)
    return containers.withUnsafeMutableBufferPointer { containers in
      var options = uv_process_options_t()
      options.exit_cb = processExited
      options.file = UnsafePointer(argumentList.pointers[0])
      options.args = argumentList.pointers
      options.env = environmentList?.pointers
      options.cwd = UnsafePointer(directoryList.pointers[0])
      options.stdio_count = Int32(containers.count)
      options.stdio = containers.baseAddress
      return uv_spawn(loop.raw, process, &options)
    }
  }

  private func container(_ stdio: Stdio) -> uv_stdio_container_t {
    var container = uv_stdio_container_t()
    switch stdio {
    case .ignored:
      container.flags = UV_IGNORE
    case .descriptor(let descriptor):
      container.flags = UV_INHERIT_FD
      container.data.fd = descriptor
    case .pipe(let stream):
      container.flags = uv_stdio_flags(
        UV_CREATE_PIPE.rawValue | UV_READABLE_PIPE.rawValue | UV_WRITABLE_PIPE.rawValue)
      container.data.stream = stream.stream
    }
    return container
  }
}

/// A list of C strings that ends in null.
private struct CStringList {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    count = strings.count
    pointers = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
    pointers[strings.count] = nil
  }

  func free() {
    for index in 0..<count { Glibc.free(pointers[index]) }
    pointers.deallocate()
  }
}

private func processExited(
  _ raw: UnsafeMutablePointer<uv_process_t>?, _ status: Int64, _ signal: Int32
) {
  unretained(ChildProcess.self, raw?.pointee.data)._withUnsafeGuaranteedRef {
    $0.exited(status, signal)
  }
}
