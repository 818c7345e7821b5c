import ForebayCore

/// Measures each upstream by its native client and through forebayd, round by round: first as fast as
/// both go, then at 60 % of what the native client has just reached.
struct UpstreamRounds {
  struct Plan: Equatable, Sendable {
    var rounds: Int
    var pairs: Int
    var length: RunLength
    /// No new round begins after this; the pairs come afterwards.
    var timeLimit: TimeSpan

    static let usual = Plan(
      rounds: 10, pairs: 20,
      length: RunLength(
        throughput: .milliseconds(750), warmUp: .milliseconds(200), roundTrips: 0),
      timeLimit: .seconds(300))
    static let smoke = Plan(
      rounds: 1, pairs: 1,
      length: RunLength(throughput: .milliseconds(150), warmUp: .milliseconds(50), roundTrips: 0),
      timeLimit: .seconds(60))
  }

  /// The share of the native client's maximum at which both are compared.
  static let share = 0.6

  let servers: UpstreamServers
  let daemon: String
  let plan: Plan
  let directory: String
  let progress: (String) -> Void

  func run(_ data: inout UpstreamsData) {
    let started = monotonicNow()
    var longest = TimeSpan.zero
    for round in 0..<plan.rounds {
      let began = monotonicNow()
      if began.since(started) + longest > plan.timeLimit {
        progress("the time is over after \(round) of \(plan.rounds) rounds")
        break
      }
      for server in rotated(servers.servers, round: round) {
        measure(server, round, &data)
      }
      longest = max(longest, monotonicNow().since(began))
      progress(
        "round \(round + 1) of \(plan.rounds): \(describe(monotonicNow().since(began))); "
          + data.describeLast())
    }
  }

  /// A round that fails, for whatever reason of the machine, is tried once more; both failures are told.
  private func measure(_ server: UpstreamServers.Server, _ round: Int, _ data: inout UpstreamsData)
  {
    for attempt in 1...2 {
      do {
        return data.add(try measure(server, round), server.kind)
      } catch {
        data.failures.append(
          "\(server.kind.title), round \(round + 1), attempt \(attempt): \(error)")
        progress(data.failures[data.failures.count - 1])
      }
    }
    data.lostMeasurements += 1
  }

  private func measure(
    _ server: UpstreamServers.Server, _ round: Int
  ) throws -> UpstreamsData.Round {
    let isNativeFirst = round % 2 == 0
    let fastest = try pair(server, isNativeFirst: isNativeFirst, rate: nil)
    let rate = Self.share * fastest.native.messagesPerSecond
    let paced = try pair(server, isNativeFirst: !isNativeFirst, rate: rate)
    return UpstreamsData.Round(fastest: fastest, paced: paced, rate: rate)
  }

  private func pair(
    _ server: UpstreamServers.Server, isNativeFirst: Bool, rate: Double?
  ) throws -> UpstreamsData.Pair {
    func native() throws -> RunFigures {
      try server.native.prepare()
      return try server.native.measure(plan.length, rate: rate)
    }
    func forebayd() throws -> RunFigures {
      try server.native.prepare()
      return try measureDaemon(server, rate: rate)
    }
    if isNativeFirst {
      let first = try native()
      return UpstreamsData.Pair(native: first, forebayd: try forebayd())
    }
    let first = try forebayd()
    return UpstreamsData.Pair(native: try native(), forebayd: first)
  }

  private func measureDaemon(
    _ server: UpstreamServers.Server, rate: Double?
  ) throws -> RunFigures {
    let place = try RunPlace.make("run", in: directory)
    defer { removeFolder(place.directory) }
    var load = server.load(at: place.socket)
    load.rate = rate
    load.duration = plan.length.throughput
    var warmUp = load
    warmUp.duration = plan.length.warmUp
    return try ProxyRun(
      place: place,
      command: try UpstreamDaemon.command(daemon, [server.daemonRoute], at: place),
      sinkOptions: nil, warmUp: warmUp, load: load
    ).measure()
  }
}
