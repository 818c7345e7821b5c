import ForebayWire
import Glibc
import Testing

/// The bound holds: whatever sizes come, from however many, and however slow the upstream is.
@Suite(.fewAtOnce) struct MemoryTests {
  private let place = Workplace()

  private static let bufferBytes: UInt64 = 24 << 20
  private static let bufferMessages: UInt64 = 1000

  /// The most that was seen while a load ran, and what may be.
  private struct Peak {
    var heldBytes: UInt64 = 0
    var heldMessages: UInt64 = 0
    var promisedBytes: UInt64 = 0
    var resident: UInt64 = 0

    static let residentMax = MemoryTests.bufferBytes * 5 / 4 + (32 << 20)

    mutating func note(_ state: DaemonState) {
      heldBytes = max(heldBytes, state.number("routes[0].held_peak.bytes"))
      heldMessages = max(heldMessages, state.number("routes[0].held_peak.messages"))
      promisedBytes = max(
        promisedBytes,
        state.number("routes[0].held.bytes") + state.number("routes[0].granted.bytes"))
      resident = max(resident, state.number("memory.rss_anonymous_bytes"))
    }

    func expectWithinBounds() {
      #expect(heldBytes <= MemoryTests.bufferBytes)
      #expect(heldMessages <= MemoryTests.bufferMessages)
      #expect(promisedBytes <= MemoryTests.bufferBytes)
      #expect(resident <= Self.residentMax)
    }
  }

  /// A load of 50 clients with payloads from nothing to the largest frame.
  private func load(_ daemon: DaemonProcess, _ options: [String]) async throws -> Peak {
    let load = try Program.start(
      "forebay-bench",
      ["load", daemon.socket, "--clients", "50", "--size", "0..max", "--drain", "60s"] + options,
      in: place)
    var peak = Peak()
    while load.isRunning {
      peak.note(try await daemon.state())
      try await Task.sleep(for: .milliseconds(20))
    }
    let ended = try await load.end()
    #expect(ended.status == 0, "\(ended.errors) \(ended.output)")
    let state = try await daemon.state()
    #expect(state.isBalanced && state.heldMessages == 0 && state.received > 500)
    #expect(state.total("windows_shut") > 0)
    return peak
  }

  private func mebibytes(_ bytes: UInt64) -> String { "\((bytes * 10) >> 20)".withPoint }

  private func report(_ what: String, _ peak: Peak) {
    print(
      "memory, \(what): held at most \(mebibytes(peak.heldBytes)) MiB and \(peak.heldMessages) "
        + "messages of \(mebibytes(Self.bufferBytes)) MiB and \(Self.bufferMessages); anonymous "
        + "memory at most \(mebibytes(peak.resident)) of \(mebibytes(Peak.residentMax)) MiB")
  }

  private var buffers: [String] {
    [
      "--buffer-bytes", "\(Self.bufferBytes)", "--buffer-messages", "\(Self.bufferMessages)",
    ]
  }

  @Test func holdsInFrontOfASlowPeer() async throws {
    let sink = try Program.start(
      "forebay-bench", ["sink", place.file("sink.sock"), "--rate", "300"], in: place)
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "forebay+unix:\(place.file("sink.sock"))"] + buffers)
    let peak = try await load(daemon, ["--duration", "3s"])
    report("peer at 300 a second", peak)
    peak.expectWithinBounds()
    #expect(peak.heldBytes > Self.bufferBytes / 4, "the buffer was in use")
    sink.kill(SIGTERM)
    let ended = try await sink.end()
    #expect(ended.status == 0, "\(ended.output)")
  }

  /// The journal copies what it writes; that counts too.
  @Test func holdsInFrontOfASlowJournal() async throws {
    let daemon = try await DaemonProcess.ready(in: place, buffers + ["--rate", "300"])
    let peak = try await load(daemon, ["--duration", "3s"])
    report("journal at 300 a second", peak)
    peak.expectWithinBounds()
    #expect(peak.heldBytes > Self.bufferBytes / 4, "the buffer was in use")
  }

  /// Ten times what the upstream takes, for as long as it takes: what is held and what it takes of memory
  /// come to a level and stay there.
  @Test func staysFlatAtTenTimesTheUpstreamsRate() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--rate", "5000", "--buffer-messages", "5000", "--buffer-bytes", "16MiB"])
    let load = try Program.start(
      "forebay-bench",
      [
        "load", daemon.socket, "--clients", "8", "--size", "128", "--rate", "50000", "--duration",
        "10m",
      ], in: place)
    // One user may have four fifths.
    try await expectEventually("a full buffer") { try await daemon.state().heldMessages > 3900 }
    // Thirds: what grows with use does so in the first.
    var resident: [UInt64] = [0, 0, 0]
    let start = try await daemon.state().delivered
    while true {
      try #require(load.isRunning, "\(load.errors)")
      let state = try await daemon.state()
      let third = Int((state.delivered - start) / 8000)
      guard third < resident.count else { break }
      resident[third] = max(resident[third], state.number("memory.rss_anonymous_bytes"))
      #expect(state.number("routes[0].held_peak.messages") <= 5000 && state.isBalanced)
      try await Task.sleep(for: .milliseconds(10))
    }
    let peak = try await daemon.state().number("routes[0].held_peak.messages")
    // The kernel counts a few pages sooner or later.
    #expect(resident[2] <= max(resident[0], resident[1]) + (1 << 20), "\(resident)")
    print(
      "memory, 10:1 overload: anonymous memory at most "
        + "\(resident.map(mebibytes).joined(separator: ", ")) MiB in three times 8000 delivered "
        + "messages; held at most \(peak) of 5000")
    load.kill(SIGKILL)
    try await expectEventually("the rest") { try await daemon.state().heldMessages == 0 }
    let state = try await daemon.state()
    #expect(state.received == state.delivered && state.isBalanced)
    #expect(try await daemon.stop() == 0)
    #expect(try JournalContents(daemon.journal).records.count == Int(state.received))
  }

  /// Nothing drains at all: windows shut, and that's all that happens.
  @Test func holdsInFrontOfNobody() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--upstream", "forebay+unix:\(place.file("gone.sock"))"] + buffers)
    let producers = (1...10).map { Producer("p\($0)", to: daemon) }
    for producer in producers { producer.offer(50, payloadBytes: 200_000) }
    var peak = Peak()
    try await turn(producers, until: "every window shut by the breaker") {
      producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
    }
    peak.note(try await daemon.state())
    report("nobody", peak)
    peak.expectWithinBounds()
    #expect(producers.allSatisfy { $0.outcomes.isEmpty && $0.errors.isEmpty })
  }
}

extension String {
  /// Tenths as a decimal number.
  fileprivate var withPoint: String { "\(dropLast().isEmpty ? "0" : dropLast()).\(suffix(1))" }
}
