import ForebayUV
import Glibc
import Synchronization
import Testing

@Suite struct UnixListenerTests {
  @Test func echoesThroughAConnection() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/echo.sock"
        let listener = try UnixListener(on: loop, path: path)
        let server = Recorder()
        server.onRead = { stream, bytes in
          #expect(stream.tryWrite(bytes) == .written(bytes.count))
        }
        var credentials: PeerCredentials?
        try listener.accept { arrival in
          guard case .success(let (stream, peer)) = arrival else {
            Issue.record("no connection: \(arrival)")
            return
          }
          credentials = peer
          stream.attach(server)
          do { try stream.startReading() } catch { Issue.record(error) }
        }

        let client = try StreamHandle(on: loop, .pipe)
        let recorder = Recorder()
        client.attach(recorder)
        var isConnected = false
        try client.connect(toPath: path) { error in
          #expect(error == nil)
          isConnected = true
        }
        try turn(loop, until: { isConnected })
        try client.startReading()
        #expect(write(client, "hello") == .written(5))
        try turn(loop, until: { recorder.bytes.count == 5 })
        #expect(recorder.text == "hello")
        #expect(
          credentials == PeerCredentials(user: getuid(), group: getgid(), process: getpid()))

        var isShut = false
        try client.shutdown { error in
          #expect(error == nil)
          isShut = true
        }
        try turn(loop, until: { isShut && server.ending == .endOfFile })
        client.close()
        try turn(loop, until: { recorder.isClosed })
        listener.close()
        #expect(inode(path) == nil)
      }
    }
  }

  @Test func acceptsWhoCameBeforeItAccepted() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/early"
        let listener = try UnixListener(on: loop, path: path)
        var connected = 0
        for _ in 0..<5 {
          try StreamHandle(on: loop, .pipe).connect(toPath: path) { error in
            #expect(error == nil)
            connected += 1
          }
        }
        try turn(loop, until: { connected == 5 })
        var arrivals = 0
        try listener.accept { arrival in
          if case .success(let (stream, _)) = arrival { stream.close() }
          arrivals += 1
        }
        try turn(loop, until: { arrivals == 5 })
      }
    }
  }

  @Test func refusesAServedSocketAndLeavesItAlone() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/live"
        let first = try UnixListener(on: loop, path: path)
        let before = inode(path)
        #expect(throws: ListenError.alreadyServed(path)) { try UnixListener(on: loop, path: path) }
        #expect(inode(path) == before)
        var isConnected = false
        try first.accept { if case .success(let (stream, _)) = $0 { stream.close() } }
        try StreamHandle(on: loop, .pipe).connect(toPath: path) { isConnected = $0 == nil }
        try turn(loop, until: { isConnected })
      }
    }
  }

  @Test func refusesAServedSocketWhoseQueueIsFull() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/busy"
        _ = try UnixListener(on: loop, path: path, backlog: 0)
        for _ in 0..<3 { try StreamHandle(on: loop, .pipe).connect(toPath: path) { _ in } }
        loop.runWithoutWaiting()
        #expect(throws: ListenError.alreadyServed(path)) { try UnixListener(on: loop, path: path) }
      }
    }
  }

  @Test func leavesASuccessorsSocketAlone() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/name"
        let first = try UnixListener(on: loop, path: path)
        let successor = try UnixListener(on: loop, path: directory + "/other")
        let successors = inode(directory + "/other")
        try #require(rename(directory + "/other", path) == 0)
        first.close()
        #expect(inode(path) == successors)
        // And the other way round: the successor's own name is gone, which is no error.
        successor.close()
        #expect(inode(path) == successors)
      }
    }
  }

  @Test func inheritsAListeningSocketWhoseNameStays() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/activated"
        let descriptor = rawListener(path)
        try #require(descriptor >= 0)
        _ = fcntl(descriptor, F_SETFD, 0)
        let listener = try UnixListener(on: loop, inheriting: descriptor)
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        var arrivals = 0
        try listener.accept { arrival in
          if case .success(let (stream, _)) = arrival { stream.close() }
          arrivals += 1
        }
        try StreamHandle(on: loop, .pipe).connect(toPath: path) { #expect($0 == nil) }
        try turn(loop, until: { arrivals == 1 })
        listener.close()
        try turn(loop, until: { fcntl(descriptor, F_GETFD) == -1 })
        #expect(inode(path) != nil)
      }
    }
  }

  @Test func inheritsNothingElse() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      let datagram = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      let overTCP = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      #expect(listen(overTCP, 5) == 0)
      let file = open("/dev/null", O_RDONLY)
      for descriptor in [try pair.near.descriptor, datagram, overTCP, file, 9_999] {
        #expect(throws: ListenError.notAListener(descriptor: descriptor)) {
          try UnixListener(on: loop, inheriting: descriptor)
        }
      }
      for descriptor in [datagram, overTCP, file] { close(descriptor) }
    }
  }

  @Test(
    .enabled(
      if: getuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0
        && access("/usr/bin/perl", X_OK) == 0,
      "needs root, setpriv and perl to connect as another user"))
  func tellsTheCredentialsOfAnotherUser() throws {
    try withDirectory { directory in
      try withLoop { loop in
        chmod(directory, 0o711)
        let path = directory + "/identity"
        let listener = try UnixListener(on: loop, path: path, mode: 0o666)
        var credentials: PeerCredentials?
        try listener.accept { arrival in
          guard case .success(let (stream, peer)) = arrival else { return }
          credentials = peer
          stream.close()
        }
        var ending: ChildProcess.Ending?
        let child = try ChildProcess(
          on: loop,
          [
            "setpriv", "--reuid=4321", "--regid=8765", "--clear-groups", "perl", "-MSocket", "-e",
            "socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un($ARGV[0])) or die $!",
            path,
          ]
        ) { ending = $0 }
        try turn(loop, until: { ending != nil && credentials != nil })
        #expect(ending == .exited(0))
        // setpriv and perl replace each other by exec, so the number is that of the child.
        #expect(
          credentials
            == PeerCredentials(user: 4_321, group: 8_765, process: child.processIdentifier))
      }
    }
  }
}
