import ForebayClient
import ForebayWire
import Glibc
import Testing

/// The client with a real socket, against a daemon that does what each test says.
@Suite struct BlockingClientTests {
  private let directory = SocketDirectory()

  private func options(_ adjust: (inout ClientOptions) -> Void = { _ in }) -> ClientOptions {
    var options = ClientOptions()
    options.socketPath = directory.socket
    adjust(&options)
    return options
  }

  @Test func sendsAndReportsAndSaysGoodbye() async throws {
    let options = options { $0.route = "orders" }
    let daemon = ScriptedDaemon(options.socketPath)
    let reports = OwnThread {
      let client = try ForebayClient(options)
      let first = try client.submit(Array("a".utf8))
      try client.submit(Array("b".utf8), lane: 3, ttl: .seconds(1))
      let left = try client.flush(timeout: .seconds(30))
      let closed = client.close(timeout: .seconds(30))
      #expect(first == 1 && left == 0 && closed.isEmpty)
      return client.takeReports()
    }
    let heard = try await OwnThread {
      let peer = daemon.accept()
      peer.welcome()
      let messages = peer.hear(2)
      peer.say(.delivered(1, count: 2))
      // The floor may be told before BYE's time, as the window is small or large.
      return messages + peer.hear(2)
    }.value
    #expect(heard == [.data(1, "a"), .data(2, "b"), .seen(3), .bye])
    let report = try await reports.value.first
    #expect(report?.messages == 1..<3 && report?.outcome == .delivered)
  }

  @Test func waitsForADaemonThatIsNotThereYet() async throws {
    let options = options()
    let isSettled = OwnThread {
      let client = try ForebayClient(options)
      try client.submit(Array("a".utf8))
      return try client.flush(timeout: .seconds(30)) == 0
    }
    try await OwnThread {
      // Not on one of the tests' own threads, which may be busy for longer than the client waits.
      usleep(120_000)
      let daemon = ScriptedDaemon(options.socketPath)
      let peer = daemon.accept()
      peer.welcome()
      _ = peer.hear()
      peer.say(.delivered(1))
      _ = peer.hear()
    }.value
    #expect(try await isSettled.value)
  }

  @Test func resumesAfterTheDaemonDied() async throws {
    let options = options()
    let outcomes = OwnThread {
      let client = try ForebayClient(options)
      for text in ["a", "b", "c"] { try client.submit(Array(text.utf8)) }
      #expect(try client.flush(timeout: .seconds(30)) == 0)
      #expect(client.statistics.reconnects == 1)
      #expect(client.statistics.lastProblem == "the daemon closed the connection")
      return client.takeReports()
    }
    let heard = try await OwnThread {
      do {
        let first = ScriptedDaemon(options.socketPath)
        let peer = first.accept()
        peer.welcome()
        _ = peer.hear(3)
        peer.say(.delivered(2))
      }
      let second = ScriptedDaemon(options.socketPath)
      let peer = second.accept()
      peer.welcome(ranges: 1)
      peer.say(.received(1), .window(messages: 10))
      let resent = peer.hear()
      peer.say(.delivered(1), .delivered(3))
      _ = peer.hear()
      return resent
    }.value
    #expect(heard == .data(3, "c"))
    #expect(try await outcomes.value.flatMap { Array($0.messages) }.sorted() == [1, 2, 3])
  }

  @Test func submitGivesUpWhenTheWindowStaysShut() async throws {
    let options = options { $0.queueMessages = 2 }
    let daemon = ScriptedDaemon(options.socketPath)
    let closed = OwnThread {
      let client = try ForebayClient(options)
      try client.submit(Array("a".utf8))
      try client.submit(Array("b".utf8))
      do {
        try client.submit(Array("c".utf8), timeout: .milliseconds(50))
        Issue.record("a third message was taken")
      } catch let error as ForebayError {
        #expect(error.code == .timeout && error.isRetriable)
      }
      try client.poll(timeout: .milliseconds(1))
      return client.close(timeout: .milliseconds(50))
    }
    try await OwnThread {
      let peer = daemon.accept()
      peer.welcome(messages: 0)
      while peer.hear() != nil {}
    }.value
    let left = try await closed.value
    #expect(left.map(\.outcome) == [.notSent] && left.first?.messages == 1..<3)
  }

  @Test func tellsWhatTheDaemonRefuses() async throws {
    let options = options()
    let daemon = ScriptedDaemon(options.socketPath)
    let code = OwnThread { () -> ForebayError.Code? in
      let client = try ForebayClient(options)
      do {
        while true { try client.poll(timeout: .seconds(30)) }
      } catch let error as ForebayError {
        #expect(client.statistics.status == .closed)
        return error.code
      }
    }
    try await OwnThread {
      let peer = daemon.accept()
      _ = peer.hear()
      peer.say(.frame(ErrorFrame(.unknownRoute)))
    }.value
    #expect(try await code.value == .refused)
  }

  @Test func aDaemonThatBreaksTheProtocolIsLeft() async throws {
    let options = options()
    let daemon = ScriptedDaemon(options.socketPath)
    let code = OwnThread { () -> ForebayError.Code? in
      let client = try ForebayClient(options)
      do {
        while true { try client.poll(timeout: .seconds(30)) }
      } catch let error as ForebayError {
        return error.code
      }
    }
    try await OwnThread {
      let peer = daemon.accept()
      _ = peer.hear()
      peer.say(.window(messages: 1))
    }.value
    #expect(try await code.value == .protocolBroken)
  }

  @Test func waitsForAnotherDescriptorToo() async throws {
    let options = options()
    let daemon = ScriptedDaemon(options.socketPath)
    let wake = OwnThread {
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      defer { ends.forEach { close($0) } }
      let client = try ForebayClient(options)
      while !client.isReady { try client.poll(timeout: .seconds(30)) }
      #expect(try client.poll(timeout: .milliseconds(5), orReadable: ends[0]) == .timedOut)
      _ = write(ends[1], "x", 1)
      return try client.poll(timeout: .seconds(30), orReadable: ends[0])
    }
    try await OwnThread {
      let peer = daemon.accept()
      peer.welcome()
      _ = peer.hear()
    }.value
    #expect(try await wake.value == .readable)
  }

  @Test func reportsGoToTheCallback() async throws {
    let options = options()
    let daemon = ScriptedDaemon(options.socketPath)
    let count = OwnThread {
      var count = 0
      let client = try ForebayClient(options) { count += $0.messages.count }
      for _ in 0..<5 { try client.submit([]) }
      try client.flush(timeout: .seconds(30))
      #expect(client.takeReports().isEmpty)
      return count
    }
    try await OwnThread {
      let peer = daemon.accept()
      peer.welcome()
      _ = peer.hear(5)
      peer.say(.delivered(1, count: 5))
      _ = peer.hear()
    }.value
    #expect(try await count.value == 5)
  }

  @Test func aLargeMessageGoesThroughASmallSocketBuffer() async throws {
    let options = options()
    let daemon = ScriptedDaemon(options.socketPath)
    let text = String(repeating: "0123456789", count: 100_000)
    let left = OwnThread {
      let client = try ForebayClient(options)
      while !client.isReady { try client.poll(timeout: .seconds(30)) }
      try client.submit(Array(text.utf8))
      return try client.flush(timeout: .seconds(30))
    }
    let heard = try await OwnThread {
      let peer = daemon.accept()
      _ = peer.hear()
      peer.say(.welcome(frameBytesMax: 2_000_000), .window(messages: 1, bytes: 2_000_000))
      let heard = peer.hear()
      peer.say(.delivered(1))
      _ = peer.hear()
      return heard
    }.value
    #expect(heard == .data(1, text))
    #expect(try await left.value == 0)
  }

  // MARK: What needs no daemon

  @Test func aPathThatASocketCanNotHaveIsRefused() throws {
    let client = try ForebayClient(
      options { $0.socketPath = "/tmp/" + String(repeating: "x", count: 103) })
    #expect(throws: ForebayError.self) { try client.poll(timeout: .zero) }
    #expect(client.statistics.lastProblem?.contains("108 bytes") == true)
  }

  @Test func aPathOf107BytesIsFine() throws {
    let path = "/tmp/" + String(repeating: "x", count: 102)
    #expect(throws: ConnectFailure.later(ENOENT)) { _ = try UnixSocket(path: path) }
  }

  @Test func argumentsOutOfBoundsAreRefused() throws {
    let client = try ForebayClient(options())
    #expect(throws: ForebayError.self) { try client.submit([], lane: 8) }
    #expect(throws: ForebayError.self) { try client.submit([], ttl: .zero) }
    #expect(throws: ForebayError.self) {
      _ = try ForebayClient(options { $0.name = String(repeating: "x", count: 65) })
    }
  }

  @Test func aClosedClientTakesNothing() throws {
    let client = try ForebayClient(options())
    #expect(client.close(timeout: .zero).isEmpty)
    #expect(client.close(timeout: .zero).isEmpty)
    #expect(throws: ForebayError.self) { try client.submit([]) }
  }

  @Test func aFullListenerIsTriedAgain() throws {
    // Nobody accepts: the first connection fills a queue of none, and the next gets EAGAIN.
    let daemon = ScriptedDaemon(directory.socket, backlog: 0)
    let waiting = try UnixSocket(path: directory.socket)
    #expect(throws: ConnectFailure.later(EAGAIN)) { _ = try UnixSocket(path: directory.socket) }
    withExtendedLifetime((daemon, waiting)) {}
  }
}
