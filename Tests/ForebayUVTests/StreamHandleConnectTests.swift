import ForebayUV
import Glibc
import Testing

@Suite struct StreamHandleConnectTests {
  @Test func refusesPathsThatLibuvWouldCutOrMisread() throws {
    try withLoop { loop in
      let stream = try StreamHandle(on: loop, .pipe)
      let long = "/" + String(repeating: "x", count: 107)
      #expect(throws: UVError(.nameTooLong, "uv_pipe_connect")) {
        try stream.connect(toPath: long) { _ in }
      }
      for path in ["", "\0abstract", "/a\0b"] {
        #expect(throws: UVError(.invalidArgument, "uv_pipe_connect")) {
          try stream.connect(toPath: path) { _ in }
        }
      }
    }
  }

  @Test func tellsThatNobodyIsThere() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let missing = try connect(loop, directory + "/missing")
        #expect(missing?.code == .noSuchFile)
        leaveStaleSocket(directory + "/stale")
        let stale = try connect(loop, directory + "/stale")
        #expect(stale?.code == .connectionRefused)
      }
    }
  }

  @Test func tellsThatTheListenersQueueIsFull() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/full"
        // Never accepts.
        _ = try UnixListener(on: loop, path: path, backlog: 0)
        let errors = try (0..<4).map { _ in try connect(loop, path)?.code }
        #expect(errors.first == .some(nil))
        #expect(errors.last == .tryAgain)
      }
    }
  }

  @Test func tellsACloseWhileItConnects() throws {
    try withDirectory { directory in
      try withLoop { loop in
        _ = try UnixListener(on: loop, path: directory + "/s")
        let stream = try StreamHandle(on: loop, .pipe)
        var result: UVError??
        try stream.connect(toPath: directory + "/s") { result = .some($0) }
        stream.close()
        try turn(loop, until: { result != nil })
        #expect(result??.code == .canceled)
      }
    }
  }

  @Test func triesTheAddressesOfAHostAndTellsTheLastFailure() throws {
    try withLoop { loop in
      let listener = try TCPListener(on: loop, SocketAddress(numeric: "127.0.0.1", port: 0))
      // Bound, but not listening: refused.
      let port = try listener.address.port
      var result: Result<StreamHandle, UVError>?
      try StreamHandle.connect(on: loop, host: "127.0.0.1", port: port) { result = $0 }
      try turn(loop, until: { result != nil })
      guard case .failure(let error) = result else {
        Issue.record("connected to nobody")
        return
      }
      #expect(error.code == .connectionRefused)
    }
  }

  private func connect(_ loop: Loop, _ path: String) throws -> UVError? {
    let stream = try StreamHandle(on: loop, .pipe)
    var result: UVError??
    try stream.connect(toPath: path) { result = .some($0) }
    try turn(loop, until: { result != nil })
    return result ?? nil
  }
}
