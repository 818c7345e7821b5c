import ForebayCore

/// Whether an upstream that is dead disturbs the others: pairs of runs, one with clients that send to
/// it and one without, in an order that changes.
struct Neighbours {
  let servers: UpstreamServers
  let daemon: String
  let plan: UpstreamRounds.Plan
  let directory: String
  let progress: (String) -> Void

  func run(_ data: inout UpstreamsData) {
    let live = servers.servers.filter { !data.rounds($0.kind).isEmpty }
    guard !live.isEmpty else { return }
    for server in live {
      data.neighbours.rates[server.kind] =
        NeighbourRun.share / Double(live.count)
        * data.middle(server.kind) { $0.fastest.native.messagesPerSecond }
    }
    let run = NeighbourRun(
      servers: live, daemon: daemon, rates: data.neighbours.rates, length: plan.length,
      directory: directory)
    for pair in 0..<plan.pairs { measure(run, pair, &data) }
    progress("\(data.neighbours.pairs.count) pairs without and with a dead upstream")
  }

  private func measure(_ run: NeighbourRun, _ pair: Int, _ data: inout UpstreamsData) {
    // Both kinds of death come first and second equally often.
    let death = NeighbourRun.Death.allCases[pair / 2 % NeighbourRun.Death.allCases.count]
    for attempt in 1...2 {
      do {
        let first = try run.measure(pair % 2 == 0 ? nil : death)
        let second = try run.measure(pair % 2 == 0 ? death : nil)
        return data.neighbours.pairs.append(
          NeighbourData.Pair(
            without: pair % 2 == 0 ? first : second, with: pair % 2 == 0 ? second : first,
            death: death))
      } catch {
        data.failures.append("pair \(pair + 1), attempt \(attempt): \(error)")
        progress(data.failures[data.failures.count - 1])
      }
    }
    data.lostMeasurements += 1
  }
}

/// What was measured beside an upstream that is dead.
struct NeighbourData: Sendable {
  struct Pair: Equatable, Sendable {
    let without: NeighbourRun.Figures
    let with: NeighbourRun.Figures
    let death: NeighbourRun.Death
  }

  typealias Part = @Sendable (NeighbourRun.Figures) -> [UpstreamKind: RunFigures]

  /// Of the loads at an even pace.
  var rates: [UpstreamKind: Double] = [:]
  var pairs: [Pair] = []

  /// With the dead one by without it, pair by pair.
  func ratios(
    _ kind: UpstreamKind, _ part: Part, _ figure: RunFigures.Figure
  ) -> [Double] {
    pairs.compactMap { pair in
      guard let with = part(pair.with)[kind], let without = part(pair.without)[kind] else {
        return nil
      }
      return figure(with) / figure(without)
    }
  }

  func middle(_ kind: UpstreamKind, _ part: Part, _ figure: RunFigures.Figure) -> Double {
    median(pairs.compactMap { part($0.without)[kind].map(figure) })
  }
}
