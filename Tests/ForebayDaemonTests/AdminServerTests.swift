import ForebayWire
import Glibc
import Testing

/// The admin socket, byte for byte, and what strange visitors do to it.
@Suite(.fewAtOnce) struct AdminServerTests {
  private let place = Workplace()

  /// Everything that is answered to these bytes until the daemon closes.
  private func answer(
    _ daemon: DaemonProcess, _ text: String, endsInput: Bool = true
  ) async throws -> String {
    let socket = try RawSocket(path: daemon.adminSocket)
    socket.write(Array(text.utf8))
    if endsInput { socket.shutDownWriting() }
    var bytes: [UInt8] = []
    return try await eventually("the answer to \(text.prefix(40))") {
      while true {
        switch socket.read() {
        case .bytes(let more): bytes += more
        case .nothing: return nil
        case .end: return String(decoding: bytes, as: UTF8.self)
        }
      }
    }
  }

  @Test func answersEachLineAndEndsWithTheInput() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    #expect(try await answer(daemon, "ping\n") == "+OK pong\n\n")
    #expect(try await answer(daemon, "ping") == "+OK pong\n\n", "a last line needs no end")
    #expect(try await answer(daemon, "ping\r\n  ready  \n") == "+OK pong\n\n+OK ready\n\n")
    #expect(try await answer(daemon, "ping; ready ;ping\n").split(separator: "\n").count == 3)
    #expect(try await answer(daemon, "\n\n") == "")
    #expect(try await answer(daemon, "ping json\n") == "+OK pong\n\n")
    #expect(try await answer(daemon, "json\n") == "-ERR UNKNOWN_COMMAND try 'help'\n\n")
    #expect(
      try await answer(daemon, "show clients\n") == "+OK clients\n\n", "an empty list has no line")
    #expect(try await answer(daemon, "show clients json\n") == "+OK clients\n[]\n\n")
  }

  @Test func showsTheClients() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let client = try WireClient(daemon)
    let window = try await client.greet()
    let shown = try await answer(daemon, "show clients\n")
    #expect(shown.contains("[0].limit.messages: \(window.limitMessages)\n"), "\(shown)")
    #expect(shown.contains("[0].uid: \(getuid())\n"))
    #expect(shown.contains("[0].shut: no\n"))
  }

  @Test func survivesItsVisitors() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let long = String(repeating: "x", count: 9000)
    #expect(try await answer(daemon, long, endsInput: false).hasPrefix("-ERR LINE_TOO_LONG"))
    _ = try await answer(daemon, "\u{0}\u{1}\u{7f} ping\n")
    // Asks for a lot and reads nothing of it.
    let deaf = try RawSocket(path: daemon.adminSocket)
    for _ in 0..<40 { deaf.write(Array(String(repeating: "show state;", count: 600).utf8) + [10]) }
    #expect(try await daemon.admin("ping") == "+OK pong")
    try await expectEventually("the deaf one to be cut off") { !deaf.isWritable }

    // Ten at once, no more; a place that is left is free again.
    var idle = try (0..<10).map { _ in try RawSocket(path: daemon.adminSocket) }
    try await expectEventually("the eleventh to be turned away") {
      if try await answer(daemon, "ping\n").hasPrefix("-ERR UNAVAILABLE") { return true }
      // One of the ten came while the deaf one still had its place.
      idle.append(try RawSocket(path: daemon.adminSocket))
      return false
    }
    idle.removeAll()
    try await expectEventually("a free place") { try await daemon.admin("ping") == "+OK pong" }
  }
}
