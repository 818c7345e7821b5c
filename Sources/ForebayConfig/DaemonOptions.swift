import ForebayCore

/// What `forebayd`'s command line says, as it was typed. Every default here is the one that `--help`
/// shows.
package struct DaemonOptions {
  package var socket = "/run/forebay/client.sock"
  package var adminSocket = "/run/forebay-admin/admin.sock"
  package var peerListen: String?
  package var upstreams = ["journal:/var/lib/forebay/journal.db"]
  package var bufferMessages: UInt64 = 10_000
  package var bufferBytes = "64MiB"
  package var windowMessages: UInt64 = 1000
  package var frameBytes = "256KiB"
  package var rate: UInt64 = 0
  package var attemptTimeout = "30s"
  package var drainTimeout = "20s"
  package var connectionsMax = 16_384
  package var connectionsPerUserMax = 1024
  package var logLevel = "info"

  package init() {}

  /// An option that says nothing sensible, and what to write instead.
  package struct Problem: Error, CustomStringConvertible {
    package let description: String
  }

  /// The settings, checked option by option. `DaemonSettings.problems()` then checks them together.
  package func settings() throws(Problem) -> DaemonSettings {
    var targets: [DaemonSettings.RouteTarget] = []
    for text in upstreams { targets.append(try target(text)) }
    var settings = DaemonSettings(routes: targets)
    settings.clientSocket = socket
    settings.adminSocket = adminSocket
    settings.drainTimeout = try time(drainTimeout, "--drain-timeout")
    settings.limits.frameBytesMax = Int(clamping: try bytes(frameBytes, "--frame-bytes"))
    settings.limits.connectionsMax = connectionsMax
    settings.limits.connectionsPerPrincipalMax = connectionsPerUserMax
    guard let level = DaemonSettings.LogLevel(rawValue: logLevel) else {
      let known = DaemonSettings.LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(description: "--log-level: '\(logLevel)' is none of \(known)")
    }
    settings.logLevel = level
    if let peerListen { settings.peerListener = try address(peerListen) }
    return settings
  }

  /// `URL` or `NAME=URL`.
  private func target(_ text: String) throws(Problem) -> DaemonSettings.RouteTarget {
    var name = "default"
    var url = text
    if let equals = text.firstIndex(of: "="), !text[..<equals].contains(":") {
      name = String(text[..<equals])
      url = String(text[text.index(after: equals)...])
    }
    let address: UpstreamAddress
    do throws(UpstreamAddress.Problem) {
      address = try UpstreamAddress(url)
    } catch {
      throw Problem(description: "--upstream: \(error)")
    }
    var route = RouteSettings(name: name)
    route.bufferMessages = bufferMessages
    route.bufferBytes = try bytes(bufferBytes, "--buffer-bytes")
    route.windowMessagesMax = windowMessages
    route.attemptTimeout = try time(attemptTimeout, "--attempt-timeout")
    // A tenth of a second's worth may go at once: short enough to look even, long enough to batch.
    if rate > 0 {
      route.rate = RateLimit(messages: rate, per: .seconds(1), burst: max(1, rate / 10))
    }
    return DaemonSettings.RouteTarget(settings: route, address: address)
  }

  private func bytes(_ text: String, _ option: String) throws(Problem) -> UInt64 {
    guard let value = Quantity.bytes(text) else {
      throw Problem(description: "\(option): '\(text)' is no size; write 65536, 64KiB or 64MiB")
    }
    return value
  }

  private func time(_ text: String, _ option: String) throws(Problem) -> TimeSpan {
    guard let value = Quantity.time(text) else {
      throw Problem(description: "\(option): '\(text)' is no time; write 500ms, 30s or 5m")
    }
    return value
  }

  private func address(_ text: String) throws(Problem) -> DaemonSettings.TCPAddress {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
      colon != text.startIndex
    else { throw Problem(description: "--peer-listen: write HOST:PORT, such as 127.0.0.1:7420") }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return DaemonSettings.TCPAddress(host: String(host), port: port)
  }
}
