import ForebayWire
import Glibc
import Testing

/// Two daemons in a row: clients, the first hop, a peer link, the second hop, a journal.
@Suite(.fewAtOnce) struct PeerLinkTests {
  private let place = Workplace()

  enum Link: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case unix, tcp
    var testDescription: String { rawValue }
  }

  private struct Chain {
    let first: DaemonProcess
    let second: DaemonProcess
  }

  private func chain(
    _ link: Link = .unix, first: [String] = [], second: [String] = []
  ) async throws -> Chain {
    switch link {
    case .unix:
      let hop = try await DaemonProcess.ready(in: place, name: "second", second)
      return Chain(
        first: try await .ready(
          in: place, name: "first", ["--upstream", "forebay+unix:\(hop.socket)"] + first),
        second: hop)
    case .tcp:
      let port = try freePort()
      let hop = try await DaemonProcess.ready(
        in: place, name: "second", ["--peer-listen", "127.0.0.1:\(port)"] + second)
      return Chain(
        first: try await .ready(
          in: place, name: "first", ["--upstream", "forebay+tcp:127.0.0.1:\(port)"] + first),
        second: hop)
    }
  }

  @Test(arguments: Link.allCases)
  func everythingArrivesOnceAndInOrder(over link: Link) async throws {
    let chain = try await chain(link)
    let producers = (1...4).map { Producer("p\($0)", to: chain.first) }
    for (index, producer) in producers.enumerated() {
      producer.offer(1000, payloadBytes: [0, 30, 1000, 5000][index])
    }
    try await turnUntilSettled(producers)
    for producer in producers {
      #expect(producer.count(.delivered) == 1000 && producer.settledTwice.isEmpty)
    }
    for hop in [chain.first, chain.second] {
      let state = try await hop.state()
      #expect(state.received == 4000 && state.delivered == 4000 && state.isBalanced)
      #expect(state.total("duplicate") == 0)
    }
    #expect(try await chain.first.stop() == 0)
    #expect(try await chain.second.stop() == 0)
    let journal = try JournalContents(chain.second.journal)
    journal.expectExactly(producers)
    #expect(journal.tags.count == 4)
  }

  /// The second hop takes only small frames: a large one is rejected, and the link stays.
  @Test func aFrameThatThePeerDoesNotTakeIsRejectedAlone() async throws {
    let chain = try await chain(second: ["--frame-bytes", "4KiB"])
    let client = try WireClient(chain.first)
    try await client.greet()
    client.send(messages: 1...5)
    client.send(encodedData(6, Array(repeating: 1, count: 8000)))
    client.send(messages: 7...11)
    try await client.expectOutcome(.delivered, of: 1...5)
    try await client.expectOutcome(.rejected, of: 6...6)
    try await client.expectOutcome(.delivered, of: 7...11)
    #expect(chain.first.logLines.allSatisfy { !$0.contains("link closed") })
  }

  /// The second hop is killed and stays away: windows shut and say why; it comes back: all goes on.
  @Test func nothingIsLostWhileThePeerIsGone() async throws {
    let chain = try await chain(first: ["--buffer-messages", "200", "--window-messages", "100"])
    let producers = (1...2).map { Producer("p\($0)", to: chain.first) }
    for producer in producers { producer.offer(300) }
    try await turn(producers, until: "something delivered") {
      producers.allSatisfy { $0.count(.delivered) > 50 }
    }
    try await chain.second.kill9()
    for producer in producers { producer.offer(1000) }
    try await turn(producers, until: "the windows shut by the breaker") {
      producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
    }
    let shut = try await chain.first.state()
    #expect(shut.number("routes[0].breaker.openings") >= 1)
    #expect(shut.heldMessages <= 200)
    #expect(chain.first.logLines.contains { $0.contains("link closed") })

    try await chain.second.restart()
    try await turnUntilSettled(producers)
    for producer in producers {
      #expect(producer.count(.delivered) == 1300 && producer.settledTwice.isEmpty)
      #expect(producer.connects == 1)
    }
    // Probes one at a time have closed it, or it is on its way there.
    try await expectEventually("the breaker to close") {
      for producer in producers {
        if producer.isSettled { producer.offer(1) }
        try producer.turn()
      }
      return try await chain.first.state().breaker == "closed"
    }
    try await turnUntilSettled(producers)
    #expect(try await chain.first.stop() == 0)
    #expect(try await chain.second.stop() == 0)
    // What was written without an answer having come is there again, under the same key.
    try JournalContents(chain.second.journal).expectExactly(producers, repeats: .any)
  }

  /// The first hop is killed: clients resend to its successor, and the second hop knows what it has.
  @Test func aRestartedFirstHopDuplicatesNothing() async throws {
    // Slow enough that the kill finds messages in every place.
    let chain = try await chain(second: ["--rate", "2000"])
    let producers = (1...3).map { Producer("p\($0)", to: chain.first) }
    for round in 0..<3 {
      for producer in producers { producer.offer(800) }
      try await turn(producers, until: "round \(round) is on its way") {
        producers.allSatisfy { $0.count(.delivered) > 200 + 800 * round }
      }
      try await chain.first.kill9()
      try await chain.first.restart()
    }
    try await turnUntilSettled(producers)
    for producer in producers {
      #expect(producer.count(.delivered) + producer.count(.duplicate) == 2400)
      #expect(producer.settledTwice.isEmpty && producer.connects == 4)
    }
    let state = try await chain.second.state()
    #expect(state.isBalanced)
    #expect(state.delivered == 7200)
    #expect(try await chain.first.stop() == 0)
    #expect(try await chain.second.stop() == 0)
    try JournalContents(chain.second.journal).expectExactly(producers)
  }

  /// A peer that drains is left alone until its successor is there; nobody calls it a failure.
  @Test func aDrainedPeerIsReplacedWithoutLoss() async throws {
    let chain = try await chain(second: ["--rate", "3000"])
    let producers = (1...2).map { Producer("p\($0)", to: chain.first) }
    for producer in producers { producer.offer(1500) }
    try await turn(producers, until: "something delivered") {
      producers.allSatisfy { $0.count(.delivered) > 100 }
    }
    chain.second.program.kill(SIGTERM)
    try await turn(producers, until: "the second hop's end") { !chain.second.program.isRunning }
    #expect(try await chain.second.program.end().status == 0)
    try await chain.second.restart()
    try await turnUntilSettled(producers)
    for producer in producers { #expect(producer.count(.delivered) == 1500) }
    #expect(try await chain.first.stop() == 0)
    #expect(try await chain.second.stop() == 0)
    try JournalContents(chain.second.journal).expectExactly(producers)
  }
}
