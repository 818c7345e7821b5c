import ArgumentParser
import ForebayConfig
import ForebayCore
import ForebayDaemon
import Glibc

@main
struct Forebayd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forebayd",
    abstract:
      "Holds a bounded number of messages and makes producers slow down before it overflows.",
    version: Version.number)

  @Option(help: "Where applications connect (a Unix socket).")
  var socket = "/run/forebay/client.sock"

  @Option(help: "Where operators connect (a Unix socket in a directory of its own).")
  var adminSocket = "/run/forebay-admin/admin.sock"

  @Option(help: "Also accept peers on this loopback address, HOST:PORT.")
  var peerListen: String?

  @Option(
    name: [.customLong("upstream")],
    help: """
      Where messages go: journal:PATH, forebay+unix:PATH or forebay+tcp:HOST:PORT; \
      NAME=URL gives the route a name, and the option may be repeated.
      """)
  var upstreams = ["journal:/var/lib/forebay/journal.db"]

  @Option(help: "Messages that a route may hold.")
  var bufferMessages: UInt64 = 10_000

  @Option(help: "Bytes that a route may hold, frames and overhead (64MiB).")
  var bufferBytes = "64MiB"

  @Option(help: "Messages that one client may have unacknowledged.")
  var windowMessages: UInt64 = 1000

  @Option(help: "The largest frame (256KiB).")
  var frameBytes = "256KiB"

  @Option(help: "Messages a second towards each upstream; 0 means no limit.")
  var rate: UInt64 = 0

  @Option(help: "How long an attempt may stay unanswered (30s).")
  var attemptTimeout = "30s"

  @Option(help: "How long a drain may take (20s).")
  var drainTimeout = "20s"

  @Option(help: "Connections in all.")
  var connectionsMax = 16_384

  @Option(help: "Connections of one user.")
  var connectionsPerUserMax = 1024

  @Option(help: "debug, info, notice, warning or error.")
  var logLevel = "info"

  func validate() throws {
    let problems = try settings().problems()
    if !problems.isEmpty { throw ValidationError(problems.joined(separator: "\n")) }
  }

  func run() throws {
    do {
      let daemon = try Daemon(settings())
      daemon.run()
    } catch {
      throw StartError(reason: "\(error)")
    }
  }

  struct StartError: Error, CustomStringConvertible {
    let reason: String
    var description: String { "forebayd can't start: \(reason)" }
  }

  private func settings() throws -> DaemonSettings {
    var settings = DaemonSettings(routes: try upstreams.map(route))
    settings.clientSocket = socket
    settings.adminSocket = adminSocket
    settings.drainTimeout = try time(drainTimeout, "--drain-timeout")
    settings.limits.frameBytesMax = Int(clamping: try bytes(frameBytes, "--frame-bytes"))
    settings.limits.connectionsMax = connectionsMax
    settings.limits.connectionsPerPrincipalMax = connectionsPerUserMax
    guard let level = DaemonSettings.LogLevel(rawValue: logLevel) else {
      throw ValidationError(
        "--log-level: '\(logLevel)' is none of debug, info, notice, warning, error")
    }
    settings.logLevel = level
    if let peerListen { settings.peerListener = try address(peerListen) }
    return settings
  }

  private func route(_ text: String) throws -> DaemonSettings.RouteTarget {
    var name = "default"
    var url = text
    if let equals = text.firstIndex(of: "="), !text[..<equals].contains(":") {
      name = String(text[..<equals])
      url = String(text[text.index(after: equals)...])
    }
    let address: UpstreamAddress
    do { address = try UpstreamAddress(url) } catch {
      throw ValidationError("--upstream: \(error)")
    }
    var route = RouteSettings(name: name)
    route.bufferMessages = bufferMessages
    route.bufferBytes = try bytes(bufferBytes, "--buffer-bytes")
    route.windowMessagesMax = windowMessages
    route.attemptTimeout = try time(attemptTimeout, "--attempt-timeout")
    if rate > 0 {
      route.rate = RateLimit(messages: rate, per: .seconds(1), burst: max(1, rate / 10))
    }
    return DaemonSettings.RouteTarget(settings: route, address: address)
  }

  private func bytes(_ text: String, _ option: String) throws -> UInt64 {
    guard let value = Quantity.bytes(text) else {
      throw ValidationError("\(option): '\(text)' is no size; write 65536, 64KiB or 64MiB")
    }
    return value
  }

  private func time(_ text: String, _ option: String) throws -> TimeSpan {
    guard let value = Quantity.time(text) else {
      throw ValidationError("\(option): '\(text)' is no time; write 500ms, 30s or 5m")
    }
    return value
  }

  private func address(_ text: String) throws -> DaemonSettings.TCPAddress {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else {
      throw ValidationError("--peer-listen: write HOST:PORT, such as 127.0.0.1:7420")
    }
    return DaemonSettings.TCPAddress(host: String(text[..<colon]), port: port)
  }
}
