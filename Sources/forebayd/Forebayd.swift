import ArgumentParser
import ForebayConfig
import ForebayDaemon

@main
struct Forebayd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forebayd",
    abstract:
      "Holds a bounded number of messages and makes producers slow down before it overflows.",
    version: Daemon.version)

  @Option(help: "Where applications connect (a Unix socket).")
  var socket = defaults.socket

  @Option(help: "Where operators connect (a Unix socket in a directory of its own).")
  var adminSocket = defaults.adminSocket

  @Option(help: "Also accept peers on this loopback address, HOST:PORT.")
  var peerListen: String?

  @Option(
    name: [.customLong("upstream")],
    help: """
      Where messages go: journal:PATH, forebay+unix:PATH or forebay+tcp:HOST:PORT; \
      NAME=URL gives the route a name, and the option may be repeated.
      """)
  var upstreams = defaults.upstreams

  @Option(help: "Messages that a route may hold.")
  var bufferMessages = defaults.bufferMessages

  @Option(help: "Bytes that a route may hold, frames and overhead (64MiB).")
  var bufferBytes = defaults.bufferBytes

  @Option(help: "Messages that one client may have unacknowledged.")
  var windowMessages = defaults.windowMessages

  @Option(help: "The largest frame (256KiB).")
  var frameBytes = defaults.frameBytes

  @Option(help: "Messages a second towards each upstream; 0 means no limit.")
  var rate = defaults.rate

  @Option(help: "How long an attempt may stay unanswered (30s).")
  var attemptTimeout = defaults.attemptTimeout

  @Option(help: "How long a drain may take (20s).")
  var drainTimeout = defaults.drainTimeout

  @Option(help: "Connections in all.")
  var connectionsMax = defaults.connectionsMax

  @Option(help: "Connections of one user.")
  var connectionsPerUserMax = defaults.connectionsPerUserMax

  @Option(help: "debug, info, notice, warning or error.")
  var logLevel = defaults.logLevel

  private static let defaults = DaemonOptions()

  func validate() throws {
    let problems: [String]
    do { problems = try options.settings().problems() } catch { throw ValidationError("\(error)") }
    if !problems.isEmpty { throw ValidationError(problems.joined(separator: "\n")) }
  }

  func run() throws {
    do {
      try Daemon(options.settings()).run()
    } catch {
      throw StartError(reason: "\(error)")
    }
  }

  struct StartError: Error, CustomStringConvertible {
    let reason: String
    var description: String { "forebayd can't start: \(reason)" }
  }

  private var options: DaemonOptions {
    var options = DaemonOptions()
    options.socket = socket
    options.adminSocket = adminSocket
    options.peerListen = peerListen
    options.upstreams = upstreams
    options.bufferMessages = bufferMessages
    options.bufferBytes = bufferBytes
    options.windowMessages = windowMessages
    options.frameBytes = frameBytes
    options.rate = rate
    options.attemptTimeout = attemptTimeout
    options.drainTimeout = drainTimeout
    options.connectionsMax = connectionsMax
    options.connectionsPerUserMax = connectionsPerUserMax
    options.logLevel = logLevel
    return options
  }
}
