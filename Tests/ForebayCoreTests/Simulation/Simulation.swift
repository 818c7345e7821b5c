import ForebayWire

@testable import ForebayCore

/// One seed from beginning to end: its steps, then peace, then what must have come of it.
struct Simulation {
  struct Failure: Equatable {
    /// The step after which it showed; nil for the end.
    let step: Int?
    let text: String

    /// What makes two failures the same one: the words without the numbers.
    var kind: String { String(text.filter { !$0.isNumber }.prefix(60)) }
  }

  struct Report {
    var failure: Failure?
    var hash: UInt64 = 0
    var events = 0
    var messages = 0
  }

  /// After the faults, everything must have come to its end within this.
  private static let patience = TimeSpan.seconds(600)

  static func run(
    _ script: Script, _ marks: Marks = Marks(), listener: ((String) -> Void)? = nil
  ) -> Report {
    let world = World(script.plan, marks)
    defer { world.clock.end() }
    world.trace.listener = listener.map { listener in
      { listener("\(milliseconds(world.clock.now)) ms  \($0)") }
    }
    var failure: Failure?
    for (index, step) in script.steps.enumerated() {
      world.perform(step)
      guard !world.isBroken else {
        failure = Failure(step: index, text: world.problems.prefix(3).joined(separator: "\n"))
        break
      }
    }
    if failure == nil { failure = end(world).map { Failure(step: nil, text: $0) } }
    world.markEnd()
    world.trace.listener = nil
    return Report(
      failure: failure, hash: world.trace.hash, events: world.events,
      messages: world.clients.reduce(0) { $0 + $1.ledger.count })
  }

  private static func milliseconds(_ now: Instant) -> UInt64 {
    now.since(SimulatedClock.start).nanoseconds / 1_000_000
  }

  /// Liveness and truth. Returns what is wrong.
  private static func end(_ world: World) -> String? {
    world.makePeace()
    let isDrained = world.run(atMost: patience) { isDone(world) }
    if world.isBroken { return world.problems.prefix(3).joined(separator: "\n") }
    guard isDrained else { return "something never ended: \(whatIsLeft(world))" }
    // Every window opens again, for the largest frame.
    for (client, plan) in zip(world.clients, world.plan.clients) {
      let most = world.plan.daemons[plan.daemon].limits.frameBytesMax - WireLimits.dataFixedBytes
      client.offer(1, payloadBytes: most)
    }
    let isOpen = world.run(atMost: patience) { isDone(world) }
    if world.isBroken { return world.problems.prefix(3).joined(separator: "\n") }
    guard isOpen else { return "a window never opened: \(whatIsLeft(world))" }
    return world.truth.firstLie() ?? whatIsKept(world)
  }

  private static func isDone(_ world: World) -> Bool {
    world.clients.allSatisfy { $0.ledger.floor == $0.ledger.nextSequence }
      && world.daemons.allSatisfy { $0.core.heldMessages == 0 }
  }

  private static func whatIsLeft(_ world: World) -> String {
    let clients = world.clients.enumerated().map { index, client in
      let window = client.lastWindow.map { "\($0.state) \($0.reason)" } ?? "none"
      return "client \(index): \(client.ledger.unsettled) unsettled, "
        + "\(client.waiting.count) waiting, \(client.isConnected ? "connected" : "gone"), "
        + "window \(window)"
    }
    let routes = world.daemons.flatMap { daemon in
      (0..<daemon.core.routeCount).map { index in
        let route = daemon.core.routeReport(index, now: daemon.now)
        return "\(daemon.name) route \(index): held \(route.held), open \(route.open), "
          + "free \(route.free), queued \(route.queuedMessages), in flight "
          + "\(route.inFlightMessages), waiting \(route.waiting), breaker \(route.breaker.phase)"
      }
    }
    return (clients + routes).joined(separator: "\n  ")
  }

  /// Nothing may be left of what is over.
  private static func whatIsKept(_ world: World) -> String? {
    for daemon in world.daemons {
      let memory = daemon.core.memoryReport
      if memory.runs > 0 || memory.heapBytes > 0 {
        return "\(daemon.name) keeps \(memory.runs) runs and \(memory.heapBytes) heap bytes"
      }
      for route in 0..<daemon.core.routeCount {
        let report = daemon.core.routeReport(route, now: daemon.now)
        let totals = report.totals
        if totals.received != totals.settled { return "\(daemon.name): \(totals)" }
        if report.inFlightMessages != 0 { return "\(daemon.name) has messages in flight" }
      }
    }
    return nil
  }
}
