import Testing

/// A real server that an upstream writes to, for the tests that every upstream passes.
protocol TestedServer: AnyObject {
  /// The lines of a route that leads there.
  var route: [String] { get }
  /// All that is there now, by somebody else's client.
  func readBack(sourceLocation: SourceLocation) async throws -> ReadBack
}

/// One of a test's own, to which anything may be done.
protocol StoppableServer: TestedServer {
  /// What a daemon's log says, once each time, when it has lost the server.
  var signOfLoss: String { get }
  /// Ends as by a crash.
  func crash() async throws
  /// On what it had on its disk.
  func startAgain() async throws
  /// SIGSTOP: it is there and says nothing.
  func standStill() async throws
  func goOn() async throws
}

extension StoppableServer {
  var signOfLoss: String { "upstream lost" }
}

extension TestedServer {
  /// Everything that was offered is told to be delivered, is there, and in order; nothing else is there.
  /// The daemon holds nothing and ends well.
  func expectAllDelivered(
    _ producers: [Producer], _ daemon: DaemonProcess, repeatsAllowed: Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await ForebayDaemonTests.expectAllDelivered(
      producers, daemon, sourceLocation: sourceLocation)
    try await readBack(sourceLocation: sourceLocation).expect(
      producers, repeatsAllowed: repeatsAllowed, sourceLocation: sourceLocation)
    #expect(try await daemon.stop() == 0, sourceLocation: sourceLocation)
  }
}

extension Workplace {
  /// Lines of a route that soon trusts its upstream again, for tests of something else. Its breaker opens
  /// after so many failures: a connect may take ten seconds to be one.
  static func quickRecovery(failures: Int = 5) -> [String] {
    [
      "breaker:", "  consecutive_failures: \(failures)", "  base_wait: 200ms",
      "  maximum_wait: 1s", "  minimum_half_open: 100ms", "  probe_deadline: 1s",
      "backoff: {maximum: 500ms}", "retry_budget: {minimum_per_second: 10000}",
      "recovery: {interval: 20ms, live_rate_minimum: 100000}",
    ]
  }

  /// A configuration with one route, `main`, which has these lines.
  func configuration(_ route: [String], name: String = "d") -> String {
    write(
      """
      sockets:
        - path: \(file("\(name).sock"))
      routes:
        - name: main

      """ + route.map { "    \($0)\n" }.joined(), to: "\(name).yaml")
  }

  /// A daemon with one route.
  func daemon(
    _ route: [String], _ options: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> DaemonProcess {
    try await .ready(
      in: self, ["--config", configuration(route)] + options, sourceLocation: sourceLocation)
  }
}

/// Something that an operator has to repair.
struct Mistake {
  let server: any TestedServer
  /// A route that can't work yet.
  let route: [String]
  /// What the daemon's log says of it, and what it says to do.
  let complaint: String
  let advice: String
  /// What must never be seen.
  var secrets: [String] = []
  let repair: () async throws -> Void
}
