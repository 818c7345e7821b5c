import ForebayWire
import Glibc
import Testing

@testable import ForebayCore

/// The simulator's runs: `make sim`. docs/simulation.md says what is simulated and how to replay.
///
///     SIM_SEEDS=first-last   these seeds instead of the fixed ones
///     SIM_FAILURES=n         up to so many failing seeds, none of them made shorter
///     SIM_SEED=n             this one, made shorter if it fails; with SIM_TRACE=1 told in words
@Suite(.serialized) struct SimulationTests {
  /// So many take a few seconds without optimization. `make sim` runs many more, and sees to it that
  /// they reach every situation in `Marks`.
  private static let fixedSeeds: ClosedRange<UInt64> = 1...10

  @Test func everythingComesToOneTrueEnd() {
    CrashNote.install()
    defer { CrashNote.running(nil) }
    if let seed = Environment.seed { return replay(seed) }
    var seeds = Array(Environment.seeds ?? Self.fixedSeeds)
    let ofTheDay = UInt64.random(in: 1_000_000...UInt64(UInt32.max))
    if Environment.seeds == nil { seeds.append(ofTheDay) }
    let total = run(seeds)
    let which =
      Environment.seeds == nil ? ", the seed of the day is \(ofTheDay)" : ""
    print(
      "simulation: \(total.events) events, \(seeds.count) seeds, \(total.seconds) seconds, "
        + "\(total.messages) messages, hash \(String(total.hash, radix: 16))\(which)")
    if Environment.showsMarks {
      for (name, count) in total.marks.all { print("simulation: \(count) × \(name)") }
    }
  }

  private struct Total {
    var events = 0
    var messages = 0
    var seconds = 0.0
    var hash: UInt64 = 0
    let marks = Marks()
  }

  private func run(_ seeds: [UInt64]) -> Total {
    var total = Total()
    let began = Environment.seconds
    var failures = 0
    for seed in seeds {
      CrashNote.running(seed)
      let script = Script(seed: seed)
      let report = Simulation.run(script, total.marks)
      total.events += report.events
      total.messages += report.messages
      total.hash = total.hash &* 31 &+ report.hash
      if let failure = report.failure {
        record(script, failure)
        failures += 1
        if failures == Environment.failuresMax { break }
      }
    }
    total.seconds = ((Environment.seconds - began) * 10).rounded() / 10
    return total
  }

  private func replay(_ seed: UInt64) {
    let script = Script(seed: seed)
    let isTold = Environment.isTraced
    guard let failure = Shrinker.runApart(script) else {
      let report = Simulation.run(script, listener: isTold ? { print($0) } : nil)
      return print(
        "simulation: seed \(seed) is fine: \(report.events) events, \(report.messages) messages, "
          + "hash \(String(report.hash, radix: 16))")
    }
    let shrunk = record(script, failure)
    guard isTold else { return }
    CrashNote.running(seed)
    let report = Simulation.run(shrunk, listener: { print($0) })
    print(report.failure?.text ?? "it went well this time")
  }

  @discardableResult
  private func record(_ script: Script, _ failure: Simulation.Failure) -> Script {
    let shrunk = Environment.failuresMax == 1 ? Shrinker.shrink(script, failure) : script
    let seed = script.plan.seed
    let isShort = shrunk.steps.count < script.steps.count
    let steps = shrunk.steps.enumerated().map { "  \($0 + 1). \($1)" }.joined(separator: "\n")
    Issue.record(
      """
      seed \(seed), commit \(Environment.commit): \(failure.text)
      \(shrunk.steps.count) of \(script.steps.count) steps are enough:
      \(isShort ? steps : "")
      to see it again: make sim SEED=\(seed) TRACE=1
      """)
    return shrunk
  }

  /// One seed decides everything.
  @Test func equalSeedsGiveEqualTraces() {
    let seed: UInt64 = 3
    let one = Simulation.run(Script(seed: seed))
    let two = Simulation.run(Script(seed: seed))
    #expect(one.hash == two.hash)
    #expect(one.events == two.events)
    #expect(one.hash != Simulation.run(Script(seed: seed + 1)).hash)
  }

  /// What `make sim` passes on.
  private enum Environment {
    static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    static var seed: UInt64? { text("SIM_SEED").flatMap { UInt64($0) } }
    static var isTraced: Bool { text("SIM_TRACE") == "1" }
    static var showsMarks: Bool { text("SIM_MARKS") == "1" }
    static var failuresMax: Int { text("SIM_FAILURES").flatMap { Int($0) } ?? 1 }
    static var commit: String { text("SIM_COMMIT") ?? "(as checked out)" }
    static var seeds: ClosedRange<UInt64>? {
      guard let ends = text("SIM_SEEDS")?.split(separator: "-").map({ UInt64($0) ?? 0 }),
        ends.count == 2, ends[0] <= ends[1]
      else { return nil }
      return ends[0]...ends[1]
    }
    static var seconds: Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
  }
}
