import ForebayUV
import Glibc
import Testing

@Suite struct ChildProcessTests {
  @Test func tellsHowItEnded() throws {
    try withLoop { loop in
      var ending: ChildProcess.Ending?
      let child = try ChildProcess(on: loop, ["sh", "-c", "exit 3"]) { ending = $0 }
      #expect(child.processIdentifier > 0)
      try turn(loop, until: { ending != nil })
      #expect(ending == .exited(3))
      #expect(child.ending == .exited(3))
      #expect(throws: UVError(.noSuchProcess, "uv_process_kill")) { try child.kill(SIGTERM) }
    }
  }

  @Test func isKilledByItsNumber() throws {
    try withLoop { loop in
      var ending: ChildProcess.Ending?
      let child = try ChildProcess(on: loop, ["sleep", "60"]) { ending = $0 }
      try child.kill(SIGTERM)
      try turn(loop, until: { ending != nil })
      #expect(ending == .killed(signal: SIGTERM))
    }
  }

  @Test func speaksThroughPipes() throws {
    try withLoop { loop in
      let stream = try StreamHandle(on: loop, .pipe)
      let recorder = Recorder()
      var ending: ChildProcess.Ending?
      _ = try ChildProcess(
        on: loop, ["sh", "-c", "read line; echo \"$line $WORD\"; pwd"],
        environment: ["WORD=there", "PATH=/usr/bin:/bin"], directory: "/",
        stdio: [.descriptor(try pipeHolding("hello\n")), .pipe(stream), .ignored]
      ) { ending = $0 }
      stream.attach(recorder)
      try stream.startReading()
      try turn(loop, until: { ending != nil && recorder.ending != nil })
      #expect(ending == .exited(0))
      #expect(recorder.text == "hello there\n/\n")
    }
  }

  @Test func writesIntoAFile() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/out"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        var ending: ChildProcess.Ending?
        _ = try ChildProcess(
          on: loop, ["sh", "-c", "echo out; echo err >&2"],
          stdio: [.ignored, .descriptor(file), .descriptor(file)]
        ) { ending = $0 }
        try turn(loop, until: { ending != nil })
        var text = [UInt8](repeating: 0, count: 20)
        #expect(pread(file, &text, text.count, 0) == 8)
        #expect(String(decoding: text.prefix(8), as: UTF8.self) == "out\nerr\n")
      }
    }
  }

  @Test func tellsThatThereIsNoSuchProgram() throws {
    try withLoop { loop in
      #expect(throws: UVError(.noSuchFile, "uv_spawn")) {
        try ChildProcess(on: loop, ["/no/such/program"]) { _ in }
      }
      #expect(throws: UVError(.invalidArgument, "uv_spawn")) {
        try ChildProcess(on: loop, []) { _ in }
      }
    }
  }

  /// The reading end of a pipe that holds `text` and nothing after it. It is left open: the
  /// test's process ends soon.
  private func pipeHolding(_ text: String) throws -> Int32 {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let bytes = Array(text.utf8)
    try #require(Glibc.write(ends[1], bytes, bytes.count) == bytes.count)
    close(ends[1])
    return ends[0]
  }
}
