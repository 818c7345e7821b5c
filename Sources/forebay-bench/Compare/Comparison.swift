import ForebayCore
import ForebayUV
import Glibc

/// Measures all proxies under all loads, round by round: in each round every proxy has its turn under
/// one load before the next load comes, in an order that changes.
struct Comparison {
  struct Plan: Equatable, Sendable {
    var rounds: Int
    /// Loads of which the budget doesn't speak are measured in one of so many rounds.
    var othersEvery: Int
    var length: RunLength
    /// After this no new round begins.
    var timeLimit: TimeSpan

    static let usual = Plan(
      rounds: 20, othersEvery: 5, length: .usual, timeLimit: .seconds(360))
    static let smoke = Plan(
      rounds: 1, othersEvery: 1, length: .smoke, timeLimit: .seconds(360))

    func scenarios(inRound round: Int) -> [Scenario] {
      Scenario.decisive + (round % othersEvery == 0 ? Scenario.others : [])
    }
  }

  let proxies: [Proxy]
  let plan: Plan
  let directory: String
  let progress: (String) -> Void

  func run() -> ComparisonData {
    var data = ComparisonData(proxies: proxies)
    let started = monotonicNow()
    var longest = TimeSpan.zero
    for round in 0..<plan.rounds {
      let began = monotonicNow()
      if began.since(started) + longest > plan.timeLimit {
        progress("the time is over after \(round) of \(plan.rounds) rounds")
        break
      }
      for scenario in plan.scenarios(inRound: round) {
        for proxy in rotated(proxies, round: round) {
          measure(proxy, scenario, round, &data)
        }
      }
      data.rounds = round + 1
      longest = max(longest, monotonicNow().since(began))
      progress(
        "round \(round + 1) of \(plan.rounds): \(describe(monotonicNow().since(began))); "
          + data.describe(Scenario.decisive[0], inRound: round))
    }
    data.elapsed = monotonicNow().since(started)
    return data
  }

  /// A run that fails, for whatever reason of the machine or of a proxy, is tried once more. Both
  /// failures are reported, and the others go on.
  private func measure(
    _ proxy: Proxy, _ scenario: Scenario, _ round: Int, _ data: inout ComparisonData
  ) {
    for attempt in 1...2 {
      do {
        let figures = try measure(proxy, scenario)
        return data.add(figures, proxy.kind, scenario, round: round)
      } catch {
        data.failures.append(
          "\(proxy.kind.title), \(scenario.title), round \(round + 1), attempt \(attempt): \(error)"
        )
        progress(data.failures[data.failures.count - 1])
      }
    }
    data.lostMeasurements += 1
  }

  private func measure(_ proxy: Proxy, _ scenario: Scenario) throws -> RunFigures {
    let place = try RunPlace.make("run", in: directory)
    defer { removeFolder(place.directory) }
    for file in ProxyFiles.files(proxy, at: place, isRoot: geteuid() == 0) {
      try Output("\(place.directory)/\(file.name)").line(file.text)
    }
    return try ProxyRun(
      place: place, command: ProxyFiles.command(proxy, at: place, scenario),
      sinkOptions: ["--window", "\(scenario.window)"],
      warmUp: scenario.warmUp(at: place.socket, plan.length),
      load: scenario.load(at: place.socket, plan.length)
    ).measure()
  }
}
