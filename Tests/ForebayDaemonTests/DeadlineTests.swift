import ForebayWire
import Testing

/// Clients that are late or deaf. These tests mostly wait, so they wait beside all others.
struct DeadlineTests {
  private let place = Workplace()

  @Test func endsAFrameThatTakesTooLong() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let good = try WireClient(daemon)
    try await good.greet()
    let frame = encodedData(1, Array(repeating: 1, count: 1000))
    let silent = try WireClient(daemon)
    try await silent.greet()
    silent.send(Array(frame[..<20]))
    let trickling = try WireClient(daemon)
    try await trickling.greet()
    trickling.send(Array(frame[..<20]))
    var next = 20
    var sequence: UInt64 = 0
    try await expectEventually("the end", every: .milliseconds(20)) {
      // A byte now and then doesn't help.
      if next < 900 { trickling.send([frame[next]]) }
      next += 1
      sequence += 1
      good.send(messages: sequence...sequence)
      _ = try good.poll()
      return try trickling.poll() != nil
    }
    try await trickling.expectError(.frameTimeout)
    try await silent.expectError(.frameTimeout)
    try await good.expectOutcome(.delivered, of: 1...sequence)
  }

  @Test func endsAConnectionThatSaysNoHello() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let (silent, slow) = (try WireClient(daemon), try WireClient(daemon))
    slow.send(Array(Hello(session: .drawn()).encoded().dropLast()))
    try await silent.expectError(.helloTimeout)
    try await slow.expectError(.helloTimeout)
    #expect(try await daemon.state().closed("HELLO_TIMEOUT") == 2)
  }

  /// Its receipts fill the socket, and are then kept nowhere else.
  @Test func endsAClientThatDoesNotRead() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let good = Producer("good", to: daemon)
    let deaf = try WireClient(daemon)
    try await deaf.greet()
    var sent: UInt64 = 0
    try await expectEventually("the daemon to end it") {
      good.offer(1)
      try good.turn()
      let state = try await daemon.state()
      if state.total("rejected") == sent, deaf.socket.isWritable {
        // Fewer than a first window allows: it reads none of the later ones.
        deaf.send(Seen(floor: .max).encoded() + Self.unmergeable(from: sent + 1, count: 50))
        sent += 50
      }
      return state.closed("SLOW_READER") == 1
    }
    try await turnUntilSettled([good])
    #expect(good.connects == 1 && good.errors.isEmpty)
    let state = try await daemon.state()
    #expect(state.isBalanced && state.delivered == good.highest)
  }

  /// Messages that are rejected at once, for one reason and another in turn: a receipt range for each.
  private static func unmergeable(from first: UInt64, count: UInt64) -> [UInt8] {
    let critical = encodedExtension(ExtensionType(rawValue: 200), [])
    return (first..<(first + count)).flatMap {
      $0 % 2 == 0
        ? encodedData($0, [], level: .stored) : encodedData($0, [], extensions: critical)
    }
  }
}
