import ForebayCore
import ForebayUV
import Glibc

/// What both modes measure a proxy with.
enum PairMode: String, CaseIterable, Sendable {
  /// Everything that eight clients with a window of 4096 can send: CPU a message.
  case throughput
  /// One message at a time: the round trip.
  case roundTrip

  static let payloadBytes = 128
  static let window: UInt64 = 4096

  func load(at socket: String, _ length: PairLength) -> Load.Settings {
    var settings = Load.Settings(endpoint: .unix(socket), seed: .random(in: 1 ... .max))
    settings.sizes = .fixed(Self.payloadBytes)
    switch self {
    case .throughput:
      settings.clients = 8
      settings.duration = length.throughput
    case .roundTrip:
      settings.clients = 1
      settings.depth = 1
      settings.count = length.roundTrips
    }
    return settings
  }

  /// Caches, pools and windows have grown and the peer link stands before anything is measured.
  func warmUp(at socket: String) -> Load.Settings {
    var settings = load(at: socket, .usual)
    settings.duration = nil
    settings.count = self == .throughput ? 500_000 : 1_000
    return settings
  }
}

struct PairLength: Equatable, Sendable {
  var throughput: TimeSpan
  var roundTrips: UInt64

  static let usual = PairLength(throughput: .seconds(1), roundTrips: 20_000)
  static let smoke = PairLength(throughput: .milliseconds(200), roundTrips: 1_000)
}

/// The figures of one proxy in one run.
struct PairFigures: Equatable, Sendable {
  var cpuNsPerMessage: Double
  var messagesPerSecond: Double
  var latencyP50Microseconds: Double
  var latencyP99Microseconds: Double
  var messages: UInt64
  /// The proxy's anonymous memory at the end of the run.
  var anonymousKiB: Int

  var json: JSONObject {
    var result = JSONObject()
    result.set("messages", messages)
    result.set("cpuNsPerMessage", cpuNsPerMessage)
    result.set("messagesPerSecond", messagesPerSecond, places: 0)
    result.set("p50Microseconds", latencyP50Microseconds)
    result.set("p99Microseconds", latencyP99Microseconds)
    result.set("rssAnonKiB", anonymousKiB)
    return result
  }
}

/// One proxy between a fresh sink and a load in this process.
struct PairRun {
  let mode: PairMode
  let length: PairLength
  let template: CommandTemplate

  /// Starts everything in `directory`, measures, and ends everything.
  func measure(in directory: String) throws -> PairFigures {
    let children = try Children()
    var figures: PairFigures?
    var failure: (any Error)?
    do { figures = try measure(children, directory) } catch { failure = error }
    let complaints = try children.end()
    if let failure { throw failure }
    guard let figures, complaints.isEmpty else {
      throw Children.Failure(description: complaints.joined(separator: "; "))
    }
    return figures
  }

  private func measure(_ children: Children, _ directory: String) throws -> PairFigures {
    let socket = directory + "/proxy.sock"
    let sink = directory + "/sink.sock"
    _ = try children.start(
      "sink", [pathOfThisProgram(), "sink", sink, "--window", "\(PairMode.window)"])
    try waitForSocket(sink, children)
    let words = template.words(socket: socket, sink: sink, directory: directory)
    let proxy = try children.start("proxy", words)
    try waitForSocket(socket, children)
    try expectClean(try Load.run(mode.warmUp(at: socket)), "the warm-up")
    try children.check()
    let before = try cpu(of: proxy)
    let result = try Load.run(mode.load(at: socket, length))
    let after = try cpu(of: proxy)
    try expectClean(result, "the load")
    return PairFigures(
      cpuNsPerMessage: Double(after - before) / Double(max(1, result.tally.settledTotal)),
      messagesPerSecond: result.messagesPerSecond,
      latencyP50Microseconds: Double(result.latency(50).nanoseconds) / 1e3,
      latencyP99Microseconds: Double(result.latency(99).nanoseconds) / 1e3,
      messages: result.tally.settledTotal,
      anonymousKiB: anonymousMemory(ofProcess: proxy) ?? 0)
  }

  private func waitForSocket(_ path: String, _ children: Children) throws {
    let deadline = monotonicNow() + .seconds(10)
    while access(path, F_OK) != 0 {
      try children.check()
      guard monotonicNow() < deadline else {
        throw Children.Failure(description: "\(path) didn't appear in 10 s")
      }
      usleep(2_000)
    }
  }

  private func cpu(of process: Int32) throws -> UInt64 {
    guard let time = cpuTime(ofProcess: process) else {
      throw Children.Failure(description: "the proxy's CPU time can't be read")
    }
    return time
  }

  private func expectClean(_ result: LoadResult, _ what: String) throws {
    guard result.isClean, result.delivered == result.tally.sentTotal else {
      throw Children.Failure(description: "\(what) went wrong:\n\(result.summary)")
    }
  }
}
