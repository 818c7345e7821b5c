import ForebayUV
import Glibc
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
}
