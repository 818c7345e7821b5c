import ForebayCore
import ForebayUV

/// Measures the CPU time a message at each step of each axis, round by round.
struct Growth {
  let proxies: [Proxy]
  let rounds: Int
  let length: RunLength
  /// So many steps of each axis, from the smallest.
  let stepsMax: Int
  let directory: String
  let progress: (String) -> Void

  func run() throws -> GrowthData {
    _ = try DescriptorLimit.raise()
    var data = GrowthData(rounds: rounds)
    for round in 0..<rounds {
      let began = monotonicNow()
      for axis in GrowthAxis.allCases {
        for step in axis.steps.prefix(stepsMax) {
          let taking = rotated(proxies.filter { axis.proxies.contains($0.kind) }, round: round)
          for proxy in taking {
            data.add(try measure(proxy, axis, step), axis, step, proxy.kind)
          }
        }
      }
      progress("round \(round + 1) of \(rounds): \(describe(monotonicNow().since(began)))")
    }
    return data
  }

  private func measure(_ proxy: Proxy, _ axis: GrowthAxis, _ step: Int) throws -> RunFigures {
    let place = try RunPlace.make("run", in: directory)
    defer { removeFolder(place.directory) }
    let scenario = axis.scenario(step)
    var load = scenario.load(at: place.socket, length)
    if let count = axis.count(step) {
      load.count = count
      load.duration = nil
    }
    let idle = axis.idleClients(step)
    var warmUp = scenario.warmUp(at: place.socket, length)
    // Long enough that what the idle ones hold has been asked back.
    if idle > 0 { warmUp.duration = max(.milliseconds(600), length.warmUp) }
    let command = ProxyFiles.command(proxy, at: place, scenario)
    return try ProxyRun(
      place: place, command: idle > 0 ? ProxyFiles.letting(idle, command) : command,
      sinkOptions: ["--window", "\(scenario.window)"],
      warmUp: warmUp, load: load,
      idleClients: idle
    ).measure()
  }
}

/// What growth has measured.
struct GrowthData: Sendable {
  private struct Key: Hashable, Sendable {
    let axis: GrowthAxis
    let step: Int
    let kind: ProxyKind
  }

  let rounds: Int
  private var runs: [Key: [RunFigures]] = [:]

  init(rounds: Int) { self.rounds = rounds }

  mutating func add(_ figures: RunFigures, _ axis: GrowthAxis, _ step: Int, _ kind: ProxyKind) {
    runs[Key(axis: axis, step: step, kind: kind), default: []].append(figures)
  }

  func figures(_ axis: GrowthAxis, _ step: Int, _ kind: ProxyKind) -> [RunFigures] {
    runs[Key(axis: axis, step: step, kind: kind)] ?? []
  }

  func cpu(_ axis: GrowthAxis, _ step: Int, _ kind: ProxyKind) -> MedianInterval {
    bootstrapMedian(figures(axis, step, kind).map(\.cpuNsPerMessage))
  }

  /// The steps that were measured.
  func steps(_ axis: GrowthAxis) -> [Int] {
    axis.steps.filter { step in axis.proxies.contains { !figures(axis, step, $0).isEmpty } }
  }
}
