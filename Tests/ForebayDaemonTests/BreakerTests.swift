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

  /// SIGSTOP: the upstream is there, and says nothing. Attempts time out; when it goes on, it knows what
  /// it has already got.
  @Test(arguments: ["unix", "tcp"])
  func aStoppedUpstreamLosesNothing(over link: String) async throws {
    let port = try freePort()
    let second = try await DaemonProcess.ready(
      in: place, name: "second", link == "tcp" ? ["--peer-listen", "127.0.0.1:\(port)"] : [])
    let address =
      link == "tcp" ? "forebay+tcp:127.0.0.1:\(port)" : "forebay+unix:\(second.socket)"
    let first = try await DaemonProcess.ready(
      in: place, name: "first",
      [
        "--upstream", address, "--attempt-timeout", "500ms", "--buffer-messages", "300",
        "--window-messages", "100",
      ])
    let producers = (1...3).map { Producer("p\($0)", to: first) }
    for producer in producers { producer.offer(300) }
    try await turn(producers, until: "a load") {
      producers.allSatisfy { $0.count(.delivered) > 50 }
    }
    second.program.kill(SIGSTOP)
    for producer in producers { producer.offer(300) }
    try await turn(producers, until: "every window shut by the breaker") {
      producers.allSatisfy { $0.reasons.contains(.breakerOpen) }
    }
    let shut = try await first.state()
    #expect(shut.heldMessages <= 300 && shut.isBalanced)
    second.program.kill(SIGCONT)
    try await turnUntilSettled(producers)
    #expect(producers.allSatisfy { $0.connects == 1 && $0.errors.isEmpty })
    #expect(try await first.stop() == 0)
    #expect(try await second.stop() == 0)
    // It was never gone: nothing is written twice.
    try JournalContents(second.journal).expectExactly(producers)
  }
}

/// What the admin socket shows of a breaker over time.
private struct BreakerWatch {
  private var last: DaemonState?
  /// Where things stood when it was last seen closed, before it opened.
  private var before: DaemonState?
  private var successesSeen: UInt64 = 0
  private var probesAtLastOpen: UInt64 = 0
  private(set) var openings = 0
  private(set) var isProven = false

  mutating func note(_ state: DaemonState) {
    defer { last = state }
    switch state.breaker {
    case "closed":
      #expect(failures(state) < 5, "five in a row open it")
      if let last, last.breaker != "closed" { closed(state) }
      before = state
    case "open":
      if last?.breaker != "open" { opened(state) }
      probesAtLastOpen = probes(state)
      successesSeen = 0
    case "half_open":
      successesSeen = max(successesSeen, state.number("routes[0].breaker.successes"))
    default: Issue.record("breaker \(state.breaker)")
    }
    expectOnlyProbes(state)
  }

  private mutating func opened(_ state: DaemonState) {
    openings += 1
    // Unless a probe has already come to nothing.
    if probes(state) == 0 { #expect(failures(state) == 5) }
    #expect(failures(state) >= 1)
  }

  private mutating func closed(_ state: DaemonState) {
    let needed = probes(state) - probesAtLastOpen
    #expect(needed >= 5, "closed after \(needed) probes")
    #expect(successesSeen >= 4, "seen before it closed; the fifth may close it at once")
    isProven = true
  }

  /// While it isn't closed nothing goes out but probes, one message each, and of these only a share of
  /// what was offered but for the floor's.
  private func expectOnlyProbes(_ state: DaemonState) {
    guard let before, state.breaker != "closed" else { return }
    let quota = state.number("routes[0].breaker.quota_probes")
    #expect(quota * 100 <= 5 * (state.received - before.received) + 100)
    guard let last, last.breaker != "closed" else { return }
    #expect(state.total("dispatched") - last.total("dispatched") <= probes(state) - probes(last))
  }

  private func failures(_ state: DaemonState) -> UInt64 {
    state.number("routes[0].breaker.consecutive_failures")
  }

  private func probes(_ state: DaemonState) -> UInt64 {
    state.number("routes[0].breaker.quota_probes") + state.number("routes[0].breaker.floor_probes")
  }

  func expectProven(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(openings >= 2 && isProven, sourceLocation: sourceLocation)
  }

  var summary: String {
    guard let last else { return "" }
    return "breaker: seen opening \(openings) times; \(probes(last)) probes, of them "
      + "\(last.number("routes[0].breaker.quota_probes")) by quota, before it closed"
  }
}
