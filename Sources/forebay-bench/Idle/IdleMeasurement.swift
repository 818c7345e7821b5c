import ForebayCore
import ForebayUV
import Glibc

/// What forebayd takes while nobody sends: its start, its memory, and many idle clients.
struct IdleMeasurement {
  let daemon: String
  let control: String
  let clients: Int
  let span: TimeSpan
  let series: Int
  let directory: String
  let progress: (String) -> Void

  struct Result: Equatable, Sendable {
    var startMilliseconds: [Double] = []
    var pingMilliseconds: [Double] = []
    /// After the start, before any client.
    var memoryAtStart: [ResidentMemory] = []
    var clients = 0
    var seconds = 0.0
    /// Of one core.
    var cpuPercent = 0.0
    var memoryBefore = ResidentMemory()
    var memoryWithClients = ResidentMemory()

    /// What one idle client adds to the process: the kernel's own memory for it isn't in there.
    var bytesPerClient: Double {
      Double((memoryWithClients.anonymous - memoryBefore.anonymous) * 1024)
        / Double(max(1, clients))
    }
  }

  func run() throws -> Result {
    var result = Result()
    for number in 1...series { try measureStart(number, &result) }
    progress(
      "\(series) starts: median \(decimal(median(result.startMilliseconds), places: 1)) ms, "
        + "forebayctl ping \(decimal(median(result.pingMilliseconds), places: 1)) ms")
    try measureIdle(&result)
    return result
  }

  /// Runs `body` beside a fresh daemon that has just become ready.
  private func withDaemon(
    _ name: String, _ body: (Int32, RunPlace, TimeSpan, Children) throws -> Void
  ) throws {
    let place = try RunPlace.make(name, in: directory)
    defer { removeFolder(place.directory) }
    let children = try Children()
    var failure: (any Error)?
    do {
      let began = monotonicNow()
      let process = try children.start(
        "forebayd",
        ProxyFiles.letting(
          clients,
          [
            daemon, "--socket", place.socket, "--admin-socket", place.admin,
            "--upstream", "journal:\(place.directory)/journal.db", "--log-level", "warning",
          ]))
      try waitUntilReady(place, children)
      try body(process, place, monotonicNow().since(began), children)
    } catch { failure = error }
    let complaints = try children.end()
    if let failure { throw failure }
    guard complaints.isEmpty else {
      throw Children.Failure(description: complaints.joined(separator: "; "))
    }
  }

  private func waitUntilReady(_ place: RunPlace, _ children: Children) throws {
    let deadline = monotonicNow() + .seconds(10)
    while AdminQuestion.ask("ready", at: place.admin) == nil {
      try children.check()
      guard monotonicNow() < deadline else {
        throw Children.Failure(description: "forebayd wasn't ready in 10 s")
      }
      usleep(200)
    }
  }

  private func measureStart(_ number: Int, _ result: inout Result) throws {
    try withDaemon("s\(number)") { process, place, start, _ in
      result.startMilliseconds.append(Double(start.nanoseconds) / 1e6)
      result.memoryAtStart.append(ProcessTree(of: process).memory())
      result.pingMilliseconds.append(try ping(place))
    }
  }

  private func ping(_ place: RunPlace) throws -> Double {
    let loop = try Loop()
    var ending: ChildProcess.Ending?
    let began = monotonicNow()
    _ = try ChildProcess(
      on: loop, [control, "ping", "--socket", place.admin],
      stdio: [.ignored, .ignored, .descriptor(2)]
    ) { ending = $0 }
    loop.run()
    let took = monotonicNow().since(began)
    try loop.finish()
    guard ending == .exited(0) else {
      throw Children.Failure(description: "forebayctl ping failed")
    }
    return Double(took.nanoseconds) / 1e6
  }

  private func measureIdle(_ result: inout Result) throws {
    try withDaemon("idle") { process, place, _, children in
      let tree = ProcessTree(of: process)
      result.clients = clients
      result.memoryBefore = tree.memory()
      try IdleClients.start(clients, at: place, children)
      progress("\(clients) clients are connected")
      result.memoryWithClients = tree.memory()
      let (before, began) = (tree.cpuTime(), monotonicNow())
      usleep(useconds_t(span.nanoseconds / 1_000))
      let (after, took) = (tree.cpuTime(), monotonicNow().since(began))
      try children.check()
      guard let left = IdleClients.clients(at: place), left >= UInt64(clients) else {
        throw Children.Failure(description: "idle clients lost their connections")
      }
      guard let before, let after else {
        throw Children.Failure(description: "forebayd's CPU time can't be read")
      }
      result.seconds = Double(took.nanoseconds) / 1e9
      result.cpuPercent = Double(after - before) / Double(took.nanoseconds) * 100
    }
  }
}
