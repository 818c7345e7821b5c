import ForebayWire
import Glibc
import Testing

/// What forebayd says on standard error: lines that programs can read, and never too many.
@Suite(.fewAtOnce) struct LogTests {
  private let place = Workplace()

  @Test func aFloodOfBadClientsIsSummedUp() async throws {
    let daemon = try await DaemonProcess.ready(in: place)
    let began = ContinuousClock.now
    for _ in 0..<400 {
      let client = try WireClient(daemon)
      client.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
      try await client.expectError(.frameTooLarge)
    }
    // One more when the limit allows one: it says how many were left out.
    try await Task.sleep(for: .milliseconds(1200))
    let last = try WireClient(daemon)
    last.send(encodedData(1, []))
    try await last.expectError(.helloExpected)
    let seconds = Int((ContinuousClock.now - began) / .seconds(1))
    #expect(try await daemon.stop() == 0)

    let lines = daemon.logLines.map(logFields)
    #expect(lines.allSatisfy { $0 != nil }, "\(daemon.errors)")
    let closed = lines.compactMap { $0 }.filter { $0["msg"] == "client closed" }
    #expect(closed.count <= 20 + 2 * (seconds + 1) + 1)
    let suppressed = closed.compactMap { $0["suppressed"].flatMap { Int($0) } }.reduce(0, +)
    #expect(closed.count + suppressed == 401, "every line is there or counted")
    #expect(closed.last?["code"] == "HELLO_EXPECTED")
  }

  @Test func everyLineHasATimeALevelAndAMessage() async throws {
    // Whatever is in a name, a line stays a line.
    let odd = place.file("j=\"1\" \\ \u{7f}\nx.db")
    let daemon = try await DaemonProcess.ready(in: place, ["--upstream", "journal:\(odd)"])
    let client = try WireClient(daemon)
    client.send([255, 255, 255, 255])
    try await client.expectError(.frameTooLarge)
    #expect(try await daemon.stop() == 0)
    for line in daemon.logLines {
      let fields = try #require(logFields(line), "\(line)")
      let time = Array(try #require(fields["ts"]).utf8)
      #expect(time.count == 24 && time[10] == UInt8(ascii: "T") && time[23] == UInt8(ascii: "Z"))
      #expect(["info", "notice", "warning"].contains(fields["level"]))
      #expect(fields["msg"]?.isEmpty == false)
    }
    let messages = daemon.logLines.compactMap { logFields($0)?["msg"] }
    #expect(messages == ["journal created", "ready", "client closed", "draining", "stopped"])
    let ready = try #require(daemon.logLines.compactMap(logFields).first { $0["msg"] == "ready" })
    #expect(ready["routes"] == "default=journal:\(odd)")
  }

  @Test func theLevelKeepsQuiet() async throws {
    let daemon = try await DaemonProcess.ready(in: place, ["--log-level", "error"])
    let client = try WireClient(daemon)
    client.send([255, 255, 255, 255])
    try await client.expectError(.frameTooLarge)
    #expect(try await daemon.stop() == 0)
    #expect(daemon.errors.isEmpty, "\(daemon.errors)")
  }

  /// Nobody reads standard error any more: that is no reason to end.
  @Test func aClosedStandardErrorEndsNothing() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, prefix: ["/bin/sh", "-c", "exec \"$@\" 2>&-", "sh"])
    let client = try WireClient(daemon)
    try await client.greet()
    client.send(messages: 1...3)
    try await client.expectOutcome(.delivered, of: 1...3)
    client.send(encodedData(1, []))
    try await client.expectError(.sequenceNotIncreasing)
    #expect(try await daemon.stop() == 0)
    #expect(try JournalContents(daemon.journal).records.count == 3)
  }
}
