import ForebayWire
import Glibc
import Testing

/// An upstream that dies under load and comes back, as the operator's socket shows it. These tests mostly
/// wait, so they wait beside all others.
struct BreakerTests {
  private let place = Workplace()

  @Test func aDeadUpstreamIsTrustedAgainOnlyWhenItHasProvenItself() async throws {
    let second = try await DaemonProcess.ready(in: place, name: "second")
    let first = try await DaemonProcess.ready(
      in: place, name: "first",
      [
        "--upstream", "forebay+unix:\(second.socket)", "--buffer-messages", "400",
        "--window-messages", "100",
      ])
    let producers = (1...3).map { Producer("p\($0)", to: first) }
    for producer in producers { producer.offer(400) }
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 100 }
    }
    var watch = BreakerWatch()
    func watched(_ what: String, _ condition: (DaemonState) -> Bool) async throws {
      try await turn(producers, until: what) {
        let state = try await first.state()
        watch.note(state)
        return condition(state)
      }
    }
    try await second.kill9()
    let unsettled = producers.unsettledByName
    for producer in producers { producer.offer(800) }
    try await watched("an open breaker") { $0.breaker == "open" }
    try await watched("every window shut by it") { _ in
      producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
    }
    let shut = try await first.state()
    #expect(shut.heldMessages <= 400 && shut.number("routes[0].held_peak.messages") <= 400)
    #expect(shut.heldMessages > 200, "the buffer was used before windows shut")
    #expect(shut.number("clients") == 3)

    // It answers a probe or a few, and dies again: those successes count for nothing.
    try await second.restart()
    try await watched("a probe that succeeds") { $0.number("routes[0].breaker.successes") > 0 }
    try await second.kill9()
    let alsoUnsettled = producers.unsettledByName
    try await watched("an open breaker again") { $0.breaker == "open" }
    try await second.restart()
    try await watched("a closed breaker") { $0.breaker == "closed" }
    watch.expectProven()

    try await turnUntilSettled(producers)
    #expect(
      producers.allSatisfy { $0.connects == 1 && $0.errors.isEmpty }, "they go on by themselves")
    #expect(try await first.state().isBalanced)
    #expect(try await first.stop() == 0)
    #expect(try await second.stop() == 0)
    try JournalContents(second.journal).expectExactly(
      producers, repeats: .only(unsettled.merging(alsoUnsettled) { $0.union($1) }))
    print(watch.summary)
  }

  /// SIGSTOP: the upstream is there, and says nothing.
  enum Link: String, CaseIterable { case unix, tcp }

  private func chain(over link: Link, _ options: [String]) async throws -> [DaemonProcess] {
    let port = try freePort()
    let second = try await DaemonProcess.ready(
      in: place, name: "second", link == .tcp ? ["--peer-listen", "127.0.0.1:\(port)"] : [])
    let address =
      link == .tcp ? "forebay+tcp:127.0.0.1:\(port)" : "forebay+unix:\(second.socket)"
    let first = try await DaemonProcess.ready(
      in: place, name: "first", ["--upstream", address, "--buffer-messages", "300"] + options)
    return [first, second]
  }

  /// Attempts time out, and windows shut when space ends. When it goes on, it knows what it has got.
  @Test(arguments: Link.allCases)
  func aStoppedUpstreamLosesNothing(over link: Link) async throws {
    let hops = try await chain(over: link, ["--attempt-timeout", "500ms"])
    let producers = (1...3).map { Producer("p\($0)", to: hops[0]) }
    for producer in producers { producer.offer(100) }
    try await turnUntilSettled(producers)
    hops[1].program.kill(SIGSTOP)
    for producer in producers { producer.offer(500) }
    try await turn(producers, until: "every window shut by the breaker") {
      producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
    }
    let shut = try await hops[0].state()
    #expect(shut.heldMessages <= 300 && shut.isBalanced)
    hops[1].program.kill(SIGCONT)
    try await turnUntilSettled(producers)
    #expect(producers.allSatisfy { $0.connects == 1 && $0.errors.isEmpty })
    for hop in hops { #expect(try await hop.stop() == 0) }
    // It was never gone: nothing is written twice.
    try JournalContents(hops[1].journal).expectExactly(producers)
  }

  /// It has said that it holds everything, so no attempt is late. Only its silence tells.
  @Test func anUpstreamThatFallsSilentIsFoundOut() async throws {
    let port = try freePort()
    let last = place.file("last.sock")
    let second = try await DaemonProcess.ready(
      in: place, name: "second",
      ["--peer-listen", "127.0.0.1:\(port)", "--upstream", "forebay+unix:\(last)"])
    let first = try await DaemonProcess.ready(
      in: place, name: "first", ["--upstream", "forebay+tcp:127.0.0.1:\(port)"])
    let producer = Producer("p", to: first)
    producer.offer(100)
    try await turn([producer], until: "all handed over") {
      try await second.state().heldMessages == 100
    }
    second.program.kill(SIGSTOP)
    try await turn([producer], until: "its silence is noticed") {
      first.logLines.contains { $0.contains("link closed") }
    }
    #expect(try await first.state().heldMessages == 100)
    second.program.kill(SIGCONT)
    let third = try await DaemonProcess.ready(in: place, name: "last")
    try await turnUntilSettled([producer])
    for hop in [first, second, third] { #expect(try await hop.stop() == 0) }
    try JournalContents(third.journal).expectExactly([producer])
  }
}

/// What the admin socket shows of a breaker over time.
private struct BreakerWatch {
  private var last: DaemonState?
  /// Where things stood when it was last seen closed, before it opened.
  private var before: DaemonState?
  private var successesSeen: UInt64 = 0
  private var atLastOpen: DaemonState?
  private(set) var openings = 0
  private(set) var isProven = false

  mutating func note(_ state: DaemonState) {
    defer { last = state }
    switch state.breaker {
    case "closed":
      #expect(failures(state) < 5, "five in a row open it")
      if let last, last.breaker != "closed" { closed(state) }
      before = state
      atLastOpen = nil
    case "open":
      if last?.breaker != "open" { opened(state) }
      expectOnlyProbes(state)
      atLastOpen = state
      successesSeen = 0
    case "half_open":
      successesSeen = max(successesSeen, state.number("routes[0].breaker.successes"))
      expectOnlyProbes(state)
    default: Issue.record("breaker \(state.breaker)")
    }
  }

  private mutating func opened(_ state: DaemonState) {
    openings += 1
    // Unless a probe has already come to nothing.
    if probes(state) == 0 { #expect(failures(state) == 5) }
    #expect(failures(state) >= 1)
  }

  private mutating func closed(_ state: DaemonState) {
    if let atLastOpen {
      let needed = probes(state) - probes(atLastOpen)
      #expect(needed >= 5, "closed after \(needed) probes")
    }
    #expect(successesSeen >= 4, "seen before it closed; the fifth may close it at once")
    isProven = true
  }

  /// While it isn't closed nothing goes out but probes, one message each, and of these only a share of
  /// what was offered but for the floor's. A probe counts before its message does: it connects first.
  private func expectOnlyProbes(_ state: DaemonState) {
    if let before {
      let quota = quotaProbes(state) - quotaProbes(before)
      #expect(quota * 100 <= 5 * (state.received - before.received) + 100)
    }
    if let atLastOpen {
      let sent = state.total("dispatched") - atLastOpen.total("dispatched")
      #expect(sent <= probes(state) - probes(atLastOpen))
    }
  }

  private func failures(_ state: DaemonState) -> UInt64 {
    state.number("routes[0].breaker.consecutive_failures")
  }

  private func probes(_ state: DaemonState) -> UInt64 {
    quotaProbes(state) + state.number("routes[0].breaker.floor_probes")
  }

  private func quotaProbes(_ state: DaemonState) -> UInt64 {
    state.number("routes[0].breaker.quota_probes")
  }

  func expectProven(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(openings >= 2 && isProven, sourceLocation: sourceLocation)
  }

  var summary: String {
    guard let last else { return "" }
    return "breaker: seen opening \(openings) times; \(probes(last)) probes, of them "
      + "\(quotaProbes(last)) by quota, before it closed"
  }
}
