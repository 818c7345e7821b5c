/// A forebayd for the benchmark's servers: everything is on and at its default, but for windows and
/// buffers that let the load have as much out as the native client has, and the limit in flight.
enum UpstreamDaemon {
  /// Of all clients of a route.
  static let bufferMessages = 65_536
  static let windowMessages = 4_096

  struct Route {
    let name: String
    let settings: [String]
    var inFlightMessages: Int?

    fileprivate var lines: [String] {
      var lines = settings
      lines.append("buffer_messages: \(UpstreamDaemon.bufferMessages)")
      lines.append("buffer_bytes: 256MiB")
      lines.append("window_messages_max: \(UpstreamDaemon.windowMessages)")
      if let inFlightMessages { lines.append("in_flight: {messages: \(inFlightMessages)}") }
      return ["  - name: \(name)"] + lines.map { "    " + $0 }
    }
  }

  static func configuration(_ routes: [Route], at place: RunPlace) -> String {
    let lines = routes.flatMap { $0.lines }
    // What is held for an upstream that is dead need not be waited for.
    return """
      log_level: error
      drain_timeout: 0s
      admin: {path: \(place.admin)}
      sockets:
        - path: \(place.socket)
      routes:
      \(lines.joined(separator: "\n"))

      """
  }

  /// Writes the configuration, and returns the command.
  static func command(
    _ program: String, _ routes: [Route], at place: RunPlace
  ) throws -> [String] {
    let file = place.directory + "/forebayd.yaml"
    try Output(file).write(configuration(routes, at: place))
    return [program, "--config", file]
  }
}

extension UpstreamServers.Server {
  var daemonRoute: UpstreamDaemon.Route {
    UpstreamDaemon.Route(name: kind.rawValue, settings: route, inFlightMessages: kind.window)
  }

  /// The load that forebayd gets for it.
  func load(at socket: String) -> Load.Settings {
    var settings = Load.Settings(endpoint: .unix(socket), seed: .random(in: 1 ... .max))
    settings.sizes = .fixed(NativeClient.payloadBytes)
    settings.route = kind.rawValue
    settings.endsOnInterrupt = false
    return settings
  }
}
