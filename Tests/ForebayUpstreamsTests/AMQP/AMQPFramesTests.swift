import Testing

@testable import ForebayUpstreams

@Suite struct AMQPFramesTests {
  private func read(_ bytes: [UInt8], at start: Int = 0, max: Int = 4096) -> AMQPFrames.Result {
    bytes.withUnsafeBytes { AMQPFrames.read($0, at: start, frameBytesMax: max) }
  }

  @Test func aFrameIsFoundWhereItLies() {
    let bytes = [9] + RabbitBytes.frame(3, channel: 258, [1, 2, 3]) + [8]
    #expect(
      read(bytes, at: 1)
        == .frame(AMQPFrames.Frame(kind: .body, channel: 258, payload: 8..<11), next: 12))
  }

  @Test func whatIsNotWholeIsLeft() {
    let bytes = RabbitBytes.ack(7)
    for count in 0..<bytes.count { #expect(read(Array(bytes.prefix(count))) == .partial) }
    #expect(read(Array("AMQP\0\0".utf8)) == .partial)
  }

  @Test(arguments: [
    (Array("HTTP/1.1 400 Bad Request".utf8), "begins with byte 72"),
    (Array("AMQP\0\u{1}\0\0".utf8), "AMQP 1-0-0"), (Array("AMQX\0\0\0\0".utf8), "isn't AMQP"),
    ([4, 0, 0, 0, 0, 0, 0, 0xce], "byte 4"), ([0], "byte 0"),
    ([8, 0, 0, 0, 0, 0, 0, 0xcd], "doesn't end"), ([1, 0, 0, 0xff, 0xff, 0xff, 0xff], "agreed"),
  ])
  func garbageHasAName(_ bytes: [UInt8], _ part: String) {
    guard case .garbage(let what) = read(bytes) else {
      Issue.record("\(bytes) is \(read(bytes))")
      return
    }
    #expect(what.contains(part), "\(what)")
  }

  /// With head and end it has exactly so many bytes.
  @Test func theAgreedLengthIsAllowedAndNoMore() {
    let largest = RabbitBytes.frame(3, Array(repeating: 0, count: 92))
    #expect(read(largest, max: 100) != .partial)
    if case .garbage(let what) = read(largest, max: 100) { Issue.record("\(what)") }
    guard case .garbage = read(largest, max: 99) else {
      Issue.record("it was taken")
      return
    }
  }
}
