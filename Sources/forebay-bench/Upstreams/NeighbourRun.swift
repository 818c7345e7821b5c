import ForebayCore
import ForebayUV
import Glibc

/// One forebayd with a route to each upstream that is there, and one more to an upstream that is dead.
/// The others are loaded all at once, first at an even pace, then as fast as they go; beside them nobody
/// sends to the dead one, or eight clients do as fast as their windows let them.
struct NeighbourRun {
  /// How the dead upstream is dead.
  enum Death: String, CaseIterable, Sendable {
    /// Nobody listens.
    case refuses
    /// It takes the connection and says nothing.
    case silent
  }

  struct Figures: Equatable, Sendable {
    /// At an even pace.
    var paced: [UpstreamKind: RunFigures] = [:]
    var fastest: [UpstreamKind: RunFigures] = [:]
  }

  /// All routes together take so much of what the native clients reach alone: the two processors
  /// have five servers to run beside.
  static let share = 0.3
  /// Of the loads at an even pace: each has a thread that wakes it.
  private static let beat = TimeSpan.microseconds(250)
  /// The dead route's buffer is full, or its breaker open, long before.
  private static let settling = TimeSpan.milliseconds(250)
  private static let deadRoute = "dead"
  private static let deadClients = 8

  let servers: [UpstreamServers.Server]
  let daemon: String
  let rates: [UpstreamKind: Double]
  let length: RunLength
  let directory: String

  /// `death` nil: nobody sends to the dead route.
  func measure(_ death: Death?) throws -> Figures {
    let place = try RunPlace.make("pair", in: directory)
    defer { removeFolder(place.directory) }
    for server in servers { try server.native.prepare() }
    let silent = death == .silent ? try SilentListener(path: place.sink) : nil
    defer { silent?.close() }
    let children = try Children()
    var figures = Figures()
    var failure: (any Error)?
    do {
      let routes =
        servers.map(\.daemonRoute) + [
          UpstreamDaemon.Route(
            name: Self.deadRoute, settings: ["upstream: redis+unix://\(place.sink)"])
        ]
      _ = try children.start("forebayd", try UpstreamDaemon.command(daemon, routes, at: place))
      try children.waitForSocket(place.socket)
      figures = try measure(death != nil, at: place, children)
    } catch { failure = error }
    let complaints = try children.end()
    if let failure { throw failure }
    guard complaints.isEmpty else {
      throw Children.Failure(description: complaints.joined(separator: "; "))
    }
    return figures
  }

  private func measure(
    _ isDeadLoaded: Bool, at place: RunPlace, _ children: Children
  ) throws -> Figures {
    let loop = try Loop()
    // Kept to the end: the loop's handles know them.
    var loads: [Load] = []
    var dead: Load?
    var figures = Figures()
    var failure: (any Error)?
    do {
      try run(warmUps(at: place), on: loop, &loads)
      if isDeadLoaded {
        let load = Load(deadLoad(at: place), on: loop)
        dead = load
        try load.start()
        try turn(loop, for: Self.settling)
      }
      figures.paced = try run(pacedLoads(at: place), on: loop, &loads)
      figures.fastest = try run(fastLoads(at: place), on: loop, &loads)
      try children.check()
      if let dead, !dead.isRunning || dead.tally.settledTotal > 0 {
        throw Children.Failure(description: "the dead route's clients weren't held back")
      }
    } catch { failure = error }
    dead?.finish()
    try loop.finish()
    withExtendedLifetime((loads, dead)) {}
    if let failure { throw failure }
    return figures
  }

  // MARK: Loads

  private func load(
    _ server: UpstreamServers.Server, _ place: RunPlace, _ duration: TimeSpan, rate: Double?
  ) -> Load.Settings {
    var settings = server.load(at: place.socket)
    settings.duration = duration
    settings.rate = rate
    settings.beat = Self.beat
    return settings
  }

  private func warmUps(at place: RunPlace) -> [(UpstreamKind, Load.Settings)] {
    servers.map { ($0.kind, load($0, place, length.warmUp, rate: rates[$0.kind])) }
  }

  private func pacedLoads(at place: RunPlace) -> [(UpstreamKind, Load.Settings)] {
    servers.map { ($0.kind, load($0, place, length.throughput, rate: rates[$0.kind])) }
  }

  private func fastLoads(at place: RunPlace) -> [(UpstreamKind, Load.Settings)] {
    servers.map { ($0.kind, load($0, place, length.throughput, rate: nil)) }
  }

  private func deadLoad(at place: RunPlace) -> Load.Settings {
    var settings = Load.Settings(endpoint: .unix(place.socket), seed: .random(in: 1 ... .max))
    settings.clients = Self.deadClients
    settings.sizes = .fixed(NativeClient.payloadBytes)
    settings.route = Self.deadRoute
    settings.endsOnInterrupt = false
    settings.duration = .seconds(600)
    return settings
  }

  /// All at once, to the end of all.
  @discardableResult
  private func run(
    _ loads: [(UpstreamKind, Load.Settings)], on loop: Loop, _ all: inout [Load]
  ) throws -> [UpstreamKind: RunFigures] {
    let running = loads.map { ($0.0, Load($0.1, on: loop)) }
    all += running.map(\.1)
    for (_, load) in running { try load.start() }
    while !running.allSatisfy({ $0.1.isOver }) { loop.runOnce() }
    var figures: [UpstreamKind: RunFigures] = [:]
    for (kind, load) in running {
      let result = load.result()
      guard result.isClean, result.delivered == result.tally.sentTotal else {
        throw Children.Failure(description: "the load of \(kind.title):\n\(result.summary)")
      }
      figures[kind] = RunFigures(
        cpuNsPerMessage: 0, messagesPerSecond: result.messagesPerSecond,
        latencyP50Microseconds: Double(result.latency(50).nanoseconds) / 1e3,
        latencyP99Microseconds: Double(result.latency(99).nanoseconds) / 1e3,
        messages: result.tally.settledTotal, memory: ResidentMemory())
    }
    for (_, load) in running { load.close() }
    return figures
  }

  private func turn(_ loop: Loop, for span: TimeSpan) throws {
    let end = monotonicNow() + span
    let timer = try Timer(on: loop) {}
    timer.fire(everyMilliseconds: 5)
    while monotonicNow() < end { loop.runOnce() }
    timer.close()
  }
}

/// A socket that takes connections and never says anything.
private struct SilentListener {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { place in
      place.copyBytes(from: path.utf8.prefix(place.count - 1))
    }
    let bound = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0, listen(descriptor, 64) == 0 else {
      Glibc.close(descriptor)
      throw Children.Failure(description: "can't listen at \(path)")
    }
  }

  func close() { Glibc.close(descriptor) }
}
