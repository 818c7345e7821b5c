import ForebayUV
import Glibc
import Testing

@Suite struct TCPListenerTests {
  @Test func echoesWithoutDelayingSmallWrites() throws {
    try withLoop { loop in
      let listener = try TCPListener(on: loop, SocketAddress(numeric: "127.0.0.1", port: 0))
      let server = Recorder()
      server.onRead = { stream, bytes in
        #expect(stream.tryWrite(bytes) == .written(bytes.count))
      }
      var accepted: StreamHandle?
      try listener.accept { arrival in
        guard case .success(let stream) = arrival else {
          Issue.record("no connection: \(arrival)")
          return
        }
        accepted = stream
        stream.attach(server)
        do { try stream.startReading() } catch { Issue.record(error) }
      }
      let address = try listener.address
      #expect(address.isLoopback && address.port != 0)

      var connected: StreamHandle?
      try StreamHandle.connect(on: loop, host: "127.0.0.1", port: address.port) {
        connected = try? $0.get()
      }
      try turn(loop, until: { connected != nil && accepted != nil })
      let client = try #require(connected)
      let recorder = Recorder()
      client.attach(recorder)
      try client.startReading()
      #expect(write(client, "over tcp") == .written(8))
      try turn(loop, until: { recorder.text == "over tcp" })
      #expect(try client.peerAddress.description == "127.0.0.1:\(address.port)")
      for stream in [client, try #require(accepted)] {
        #expect(option(try stream.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
      }
    }
  }

  @Test func findsThatAnAddressIsInUse() throws {
    try withLoop { loop in
      let first = try TCPListener(on: loop, SocketAddress(numeric: "127.0.0.1", port: 0))
      try first.accept { _ in }
      // libuv keeps a conflict of `bind` for `listen`.
      let second = try TCPListener(on: loop, first.address)
      #expect(throws: UVError(.addressInUse, "uv_listen")) { try second.accept { _ in } }
    }
  }

  @Test func inheritsOnlyListeningTCPSockets() throws {
    try withLoop { loop in
      let plain = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(plain) }
      #expect(throws: ListenError.notAListener(descriptor: plain)) {
        try TCPListener(on: loop, inheriting: plain)
      }
      let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      #expect(listen(listening, 5) == 0)
      let listener = try TCPListener(on: loop, inheriting: listening)
      var arrivals = 0
      try listener.accept { arrival in
        arrivals += 1
        if case .success(let stream) = arrival { stream.close() }
      }
      let client = try StreamHandle(on: loop, .tcp)
      let port = try listener.address.port
      try client.connect(to: SocketAddress(numeric: "127.0.0.1", port: port)) { error in
        #expect(error == nil)
      }
      try turn(loop, until: { arrivals == 1 })
    }
  }

  private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : -1
  }
}
