package import ForebayCore

/// Everything that one `forebayd` is told: where it listens, where its routes lead, how it behaves.
package struct DaemonSettings: Equatable, Sendable {
  /// Where applications connect.
  package var clientSocket = "/run/forebay/client.sock"
  /// Its permissions: the group that applications share may connect.
  package var clientSocketMode: UInt32 = 0o660
  /// Where operators connect. In a directory of its own, so that access to the one socket says nothing
  /// about the other.
  package var adminSocket = "/run/forebay-admin/admin.sock"
  /// Plain TCP for peers, on loopback only; nil for none.
  package var peerListener: TCPAddress?
  package var routes: [RouteTarget]
  package var limits = Limits()
  /// From SIGTERM until what is still held ends.
  package var drainTimeout = TimeSpan.seconds(20)
  package var logLevel = LogLevel.info

  package init(routes: [RouteTarget]) { self.routes = routes }

  package struct RouteTarget: Equatable, Sendable {
    package var settings: RouteSettings
    package var address: UpstreamAddress
    package init(settings: RouteSettings, address: UpstreamAddress) {
      self.settings = settings
      self.address = address
    }
  }

  package struct TCPAddress: Equatable, Sendable {
    package var host: String
    package var port: UInt16
    package init(host: String, port: UInt16) {
      self.host = host
      self.port = port
    }
  }

  package enum LogLevel: String, Sendable, CaseIterable {
    case debug, info, notice, warning, error
  }

  /// The core's part.
  package var core: Settings {
    var settings = Settings(routes: routes.map(\.settings))
    settings.limits = limits
    return settings
  }

  /// What can't work, in words for the operator.
  package func problems() -> [String] {
    var found = core.problems()
    if clientSocket == adminSocket {
      found.append("the client and the admin socket are the same path")
    }
    if routes.contains(where: \.settings.name.isEmpty) {
      found.append("a route has an empty name; write NAME=URL, or the URL alone")
    }
    if let listener = peerListener, !listener.isLoopback {
      found.append(
        "\(listener.host) isn't a loopback address; without TLS peers are accepted on loopback only"
      )
    }
    return found
  }
}

extension DaemonSettings.TCPAddress {
  /// By number: a name could resolve to anything.
  package var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }
}
