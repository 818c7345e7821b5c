package import ForebayCore

/// Everything that one `forebayd` is told: where it listens, where its routes lead, how it behaves.
package struct DaemonSettings: Equatable, Sendable {
  /// Where applications connect. The first one's users keep their keys whatever is added behind it.
  package var sockets = [ClientSocket()]
  package var admin = AdminAccess()
  package var peers = PeerListener()
  package var routes = [RouteTarget()]
  /// As they were configured; `allClasses` has the one for everybody else, too.
  package var classes: [ClassRule] = []
  package var limits = Limits()
  /// From SIGTERM until what is still held ends.
  package var drainTimeout = TimeSpan.seconds(20)
  package var logLevel = LogLevel.info

  package init() {}

  package enum LogLevel: String, Sendable, CaseIterable {
    case debug, info, notice, warning, error
  }

  package struct TCPAddress: Equatable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: UInt16
    package init(host: String, port: UInt16) {
      self.host = host
      self.port = port
    }
  }

  /// The core's part. Classes are in the order of `allClasses`, routes in that of `routes`.
  package var core: Settings {
    var settings = Settings(
      routes: routes.map(\.core), classes: allClasses.map(\.core))
    settings.limits = limits
    return settings
  }
}

/// A Unix socket for applications.
package struct ClientSocket: Equatable, Sendable {
  package var path = "/run/forebay/client.sock"
  /// The group that applications share may connect.
  package var mode = FileMode(0o660)
  /// Who owns the socket, besides us; nil for our own group.
  package var group: UInt32?
  /// The class of everybody who comes in here; nil to look at who it is.
  package var className: String?
  package init() {}
}

/// Plain TCP for peers, on loopback only.
package struct PeerListener: Equatable, Sendable {
  /// Nil for none.
  package var listen: DaemonSettings.TCPAddress?
  package var className: String?
  package init() {}
}

/// A route and where it leads.
package struct RouteTarget: Equatable, Sendable {
  /// All but the rate, which `rate` has as it was written.
  package var settings = RouteSettings(name: "default")
  package var address = UpstreamAddress.journal(path: "/var/lib/forebay/journal.db")
  package var rate = Rate()
  /// Less than the upstream would take; nil for all of that.
  package var batchMessages: Int?
  package var batchBytes: Int?
  package var callsMax: Int?
  package var inFlightMessages: Int?
  package var inFlightBytes: Int?
  package var flushInterval: TimeSpan?
  package var redis = RedisSettings()
  package var nats = NATSSettings()
  package var http = HTTPSettings()
  package var kafka = KafkaSettings()
  package var amqp = AMQPSettings()
  package var tls = TLSSettings()
  package init() {}

  package var name: String { settings.name }

  package var core: RouteSettings {
    var core = settings
    core.rate = rate.limit
    return core
  }

  /// What the upstream takes, or less where that is configured.
  package func narrowed(_ traits: UpstreamTraits) -> UpstreamTraits {
    var traits = traits
    traits.batchMessagesMax = min(traits.batchMessagesMax, batchMessages ?? .max)
    traits.batchBytesMax = min(traits.batchBytesMax, batchBytes ?? .max)
    traits.callsMax = min(traits.callsMax, callsMax ?? .max)
    traits.inFlightMessagesMax = min(traits.inFlightMessagesMax, inFlightMessages ?? .max)
    traits.inFlightBytesMax = min(traits.inFlightBytesMax, inFlightBytes ?? .max)
    traits.flushInterval = flushInterval ?? traits.flushInterval
    return traits
  }
}

/// Permissions of a file.
package struct FileMode: Equatable, Sendable, CustomStringConvertible {
  package var bits: UInt32
  package init(_ bits: UInt32) { self.bits = bits }
  package var description: String {
    let digits = String(bits, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}

extension DaemonSettings.TCPAddress {
  /// `HOST:PORT`; an IPv6 address may stand in brackets.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
      colon != text.startIndex
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    self.init(host: String(host), port: port)
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// By number: a name could resolve to anything.
  package var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }
}
