import ArgumentParser
import ForebayConfig
import ForebayCore
import Glibc

/// "What would these settings have done last night?": events in, what the daemon's own breaker and
/// limiter make of them out. docs/replay.md tells how to get events from a log.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Shows what a configuration's breaker or rate limit makes of a list of events.",
    discussion: """
      Events are JSON objects on standard input, one a line, in the order of their times. After each, \
      one JSON object is printed. No clock is read: time passes by what the events say. The first line \
      that can't be used ends it with its number and what is wrong (exit status 65); what was printed \
      before holds. A configuration that forebayd would refuse is refused (78).
      """,
    subcommands: [BreakerReplayCommand.self, LimiterReplayCommand.self])
}

struct BreakerReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "breaker",
    abstract: "Replays calls and their results; prints the breaker's state after each.",
    discussion: """
      {"at_ms":0,"event":"dispatch","id":1} asks to make a call; success, failure, slow, throttled or \
      neutral with the same id is its result, whenever it comes: one of before a transition moves \
      nothing. Without an id, a result is that of the oldest dispatch without one, or, if there is \
      none, of a call that was asked for at the same time. A call that wasn't let through has no \
      result: what the log says of it is passed over.

      duration_ms is how long the call took (by default since its dispatch); slow means at least \
      breaker.slow_threshold. retry_after_ms of failure and throttled is the silence that the upstream \
      asked for. offered of dispatch and tick is how many messages became ready then (by default 1 and \
      0): probes are a share of them. tick lets time pass; force_open, force_closed, auto and probe_now \
      are the operator's commands.

      Printed are at_ms, state (closed, open, half_open, forced_open, forced_closed), admitted (whether \
      this event's call was let through; null if it is about none), retry_after_ms (how long until \
      another call can be: 0 for now, null if time alone won't do), failures since the last success, \
      and successes, the good probes in a row while half-open.
      """)

  @OptionGroup var choice: ReplayChoice

  @Option(help: "The seed of the waits' jitter; breaker.jitter_percent: 0 turns it off.")
  var seed: UInt64 = 1

  func run() throws {
    var replay = BreakerReplay(settings: try choice.chosenRoute().settings.breaker, seed: seed)
    try ReplayStream.run { object throws(ReplayProblem) in try replay.line(object) }
  }
}

struct LimiterReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limiter",
    abstract: "Replays messages against a rate limit; prints how long each would have waited.",
    discussion: """
      {"at_ms":0,"event":"take","count":3} asks for leave to send 3 messages at once (by default 1); \
      none of it is taken unless all is there. refund gives back what was taken and not used, tick lets \
      time pass. Where milliseconds are too coarse, write at_ns instead.

      Printed are the time as it was given, admitted (null if the event asks for nothing), wait_ns \
      (until so many could go, 0 for now, null if that is more than the burst, so never), and \
      available, how many could go now.
      """)

  @OptionGroup var choice: ReplayChoice

  @Option(name: .customLong("class"), help: "The rate of this class instead of a route's.")
  var className: String?

  func run() throws {
    var replay = LimiterReplay(try limit())
    try ReplayStream.run { object throws(ReplayProblem) in try replay.line(object) }
  }

  private func limit() throws -> RateLimit {
    guard let className else {
      let route = try choice.chosenRoute()
      return try found(route.core.rate, "route '\(route.settings.name)'")
    }
    guard choice.route == nil else {
      throw ValidationError("Give --route or --class, not both.")
    }
    let classes = try choice.settings().allClasses
    guard let one = classes.first(where: { $0.settings.name == className }) else {
      let known = classes.map(\.settings.name).joined(separator: ", ")
      throw ValidationError("There is no class '\(className)'; there are: \(known).")
    }
    return try found(one.core.rate, "class '\(className)'")
  }

  private func found(_ limit: RateLimit?, _ owner: String) throws -> RateLimit {
    guard let limit else {
      printError("\(owner) has no rate, so nothing ever waits; write 'rate: 500/s'")
      throw ExitCode(ReplayStream.configurationStatus)
    }
    return limit
  }
}

/// Whose settings are meant.
struct ReplayChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The daemon's YAML file; without it everything is at its default. Variables don't count.",
      valueName: "file"))
  var config: String?

  @Option(help: "The route by its name; needed if there are several.")
  var route: String?

  func settings() throws -> DaemonSettings {
    switch ConfigurationLoader.load(ConfigurationInputs(path: config)) {
    case .success(let configuration): return configuration.settings
    case .failure(let problems):
      printError(problems.description)
      throw ExitCode(ReplayStream.configurationStatus)
    }
  }

  func chosenRoute() throws -> RouteTarget {
    let routes = try settings().routes
    let known = routes.map(\.settings.name).joined(separator: ", ")
    guard let route else {
      if routes.count == 1 { return routes[0] }
      throw ValidationError("There are several routes; say which by --route: \(known).")
    }
    guard let found = routes.first(where: { $0.settings.name == route }) else {
      throw ValidationError("There is no route '\(route)'; there are: \(known).")
    }
    return found
  }
}
