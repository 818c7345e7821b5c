import ForebayCore
import ForebayUV
import Glibc

/// Where one run has its sockets and files. Short names: the path of a Unix socket has room for
/// 107 bytes.
struct RunPlace: Equatable, Sendable {
  let directory: String
  var socket: String { directory + "/proxy.sock" }
  var sink: String { directory + "/sink.sock" }
  var admin: String { directory + "/admin.sock" }

  /// A new folder `name` in `parent`.
  static func make(_ name: String, in parent: String) throws -> RunPlace {
    let folder = "\(parent)/\(name)"
    guard mkdir(folder, 0o700) == 0 else {
      throw Children.Failure(description: "can't create \(folder)")
    }
    return RunPlace(directory: folder)
  }
}

/// The figures of one proxy in one run.
struct RunFigures: Equatable, Sendable {
  /// One of them.
  typealias Figure = @Sendable (RunFigures) -> Double

  var cpuNsPerMessage: Double
  var messagesPerSecond: Double
  var latencyP50Microseconds: Double
  var latencyP99Microseconds: Double
  var messages: UInt64
  /// While the load's connections still stand.
  var memory: ResidentMemory
  /// What forebayd says; the other proxies don't measure it.
  var longestCallbackMicroseconds: UInt64?

  var json: JSONObject {
    var result = JSONObject()
    result.set("messages", messages)
    result.set("cpuNsPerMessage", cpuNsPerMessage)
    result.set("messagesPerSecond", messagesPerSecond, places: 0)
    result.set("p50Microseconds", latencyP50Microseconds)
    result.set("p99Microseconds", latencyP99Microseconds)
    result.set("rssKiB", memory.total)
    result.set("rssAnonKiB", memory.anonymous)
    if let longest = longestCallbackMicroseconds {
      result.set("longestCallbackMicroseconds", longest)
    }
    return result
  }
}

/// One proxy between a fresh sink and a load in this process.
struct ProxyRun {
  let place: RunPlace
  let command: [String]
  /// Nil where the proxy leads to something that runs already.
  let sinkOptions: [String]?
  /// Caches, pools and windows grow and connections upstream are made before anything is measured.
  let warmUp: Load.Settings
  let load: Load.Settings
  /// Clients that are connected besides and send nothing. Only forebayd can tell when they are there.
  var idleClients = 0

  /// Starts everything, measures, and ends everything.
  func measure() throws -> RunFigures {
    let children = try Children()
    var figures: RunFigures?
    var failure: (any Error)?
    do { figures = try measure(children) } catch { failure = error }
    let complaints = try children.end()
    if let failure { throw failure }
    guard let figures, complaints.isEmpty else {
      throw Children.Failure(description: complaints.joined(separator: "; "))
    }
    return figures
  }

  private func measure(_ children: Children) throws -> RunFigures {
    if let sinkOptions {
      _ = try children.start(
        "sink", [pathOfThisProgram(), "sink", place.sink] + sinkOptions)
      try children.waitForSocket(place.sink)
    }
    let proxy = try children.start("proxy", command)
    try children.waitForSocket(place.socket)
    if idleClients > 0 { try IdleClients.start(idleClients, at: place, children) }
    try expectClean(try Load.run(warmUp), "the warm-up")
    try children.check()
    let tree = ProcessTree(of: proxy)
    var memory = ResidentMemory()
    var (before, after): (UInt64?, UInt64?)
    var load = load
    load.reached = { milestone in
      switch milestone {
      case .allConnected: before = tree.cpuTime()
      case .allSent: memory = tree.memory()
      case .allSettled: after = tree.cpuTime()
      }
    }
    let result = try Load.run(load)
    try expectClean(result, "the load")
    try children.check()
    guard let before, let after else {
      throw Children.Failure(description: "the proxy's CPU time can't be read")
    }
    return RunFigures(
      cpuNsPerMessage: Double(after - before) / Double(max(1, result.tally.settledTotal)),
      messagesPerSecond: result.messagesPerSecond,
      latencyP50Microseconds: Double(result.latency(50).nanoseconds) / 1e3,
      latencyP99Microseconds: Double(result.latency(99).nanoseconds) / 1e3,
      messages: result.tally.settledTotal, memory: memory,
      longestCallbackMicroseconds: longestCallback())
  }

  private func longestCallback() -> UInt64? {
    guard access(place.admin, F_OK) == 0 else { return nil }
    return AdminQuestion.askJSON("show state", at: place.admin)?["longest_callback_us"]?.count
  }

  private func expectClean(_ result: LoadResult, _ what: String) throws {
    guard result.isClean, result.delivered == result.tally.sentTotal else {
      throw Children.Failure(description: "\(what) went wrong:\n\(result.summary)")
    }
  }
}
